// The product's routes: readings in, readings and alerts out, logins.
const READING = {
  type: "object",
  required: ["sensor", "celsius", "humidity"],
  additionalProperties: false,
  properties: {
    sensor: { type: "integer", minimum: 1 },
    celsius: { type: "number", minimum: -100, maximum: 150 },
    humidity: { type: "number", minimum: 0, maximum: 100 },
  },
};
const LOGIN = {
  type: "object",
  required: ["token"],
  properties: { token: { type: "string", maxLength: 8192 } },
};
// How PostgreSQL says that this side is closed for writes, or that a row has no place.
const REFUSED = { "25006": 503, 42501: 503, 23503: 400 };

// The page that people open until the frontend's own is served here. It says where it is, so that
// nobody takes staging for the product, or the product for staging.
function page(environment) {
  const where = environment === "production" ? "" : ` [${environment.toUpperCase()}]`;
  return `<!doctype html><html lang="en"><title>FreshTrack Pro${where}</title>
<body><h1>FreshTrack Pro${where}</h1><p>Cold chains, watched.</p></body></html>
`;
}

export async function routes(app, { stores, metrics, signIn, environment }) {
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    if (!route.startsWith("/api/")) return;
    metrics.requests.inc({ status: String(reply.statusCode), route });
    metrics.seconds.observe({ route }, reply.elapsedTime / 1000);
  });

  app.setErrorHandler((error, request, reply) => {
    const status = error.statusCode ?? REFUSED[error.code] ?? 500;
    if (status >= 500) request.log.error({ err: error }, "request failed");
    const words = status === 503 ? "this side takes no writes" : error.message;
    reply.code(status).send({ error: status === 500 ? "something broke" : words });
  });

  app.get("/", async (_, reply) => reply.type("text/html; charset=utf-8").send(page(environment)));

  const knowsCaller = { onRequest: (request) => request.jwtVerify() };

  app.post("/api/readings", { ...knowsCaller, schema: { body: READING } }, async (request, reply) => {
    const { sensor, celsius, humidity } = request.body;
    await stores.app.query(
      "insert into sensor_readings (sensor_id, ts, celsius, humidity) values ($1, now(), $2, $3)",
      [sensor, celsius, humidity],
    );
    metrics.accepted.inc();
    return reply.code(201).send({ accepted: true });
  });

  app.get("/api/readings", knowsCaller, async () => {
    const { rows } = await stores.app.query(
      "select id, sensor_id, ts, celsius, humidity from sensor_readings order by id desc limit 20",
    );
    return { readings: rows };
  });

  app.get("/api/alerts", knowsCaller, async () => {
    const { rows } = await stores.app.query(
      "select id, sensor_id, raised_at, kind, state from alerts order by id desc limit 20",
    );
    return { alerts: rows };
  });

  app.post("/api/login", { schema: { body: LOGIN } }, async (request, reply) => {
    const { outcome, user } = await signIn(request.body.token);
    metrics.logins.inc({ outcome });
    if (outcome === "accepted") return { token: app.jwt.sign({ sub: user }, { expiresIn: "12h" }) };
    const status = outcome === "refused" ? 401 : 503;
    return reply.code(status).send({ error: `login ${outcome}` });
  });

  app.get("/metrics", async (_, reply) => {
    const { totalCount, idleCount, waitingCount } = stores.app;
    metrics.pool.set({ state: "busy" }, totalCount - idleCount);
    metrics.pool.set({ state: "idle" }, idleCount);
    metrics.pool.set({ state: "waiting" }, waitingCount);
    reply.type(metrics.registry.contentType);
    return metrics.registry.metrics();
  });
}
