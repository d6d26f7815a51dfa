// Whether this process can serve: both stores answer, and its event loop keeps up.
import underPressure from "@fastify/under-pressure";

const LIMITS = {
  maxEventLoopDelay: 1000,
  maxEventLoopUtilization: 0.98,
  maxHeapUsedBytes: 1e9,
  maxRssBytes: 1e9,
};
const PATIENCE_MS = 2000;
const ALWAYS = new Set(["/health", "/metrics"]);

export async function health(app, { stores, metrics }) {
  app.decorateRequest("overload", null);
  await app.register(underPressure, {
    ...LIMITS,
    pressureHandler(request, reply, type) {
      request.overload = type;
      // The two routes that explain an overload must answer in one.
      if (ALWAYS.has(request.routeOptions.url)) return;
      reply.code(503).header("retry-after", "5").send({ error: "overloaded", reason: type });
    },
  });

  app.get("/health", async (request, reply) => {
    const [database, redis] = await Promise.all([
      answers(() => stores.app.query("select 1")),
      answers(() => stores.redis.ping()),
    ]);
    metrics.dependency.set({ name: "database" }, Number(database));
    metrics.dependency.set({ name: "redis" }, Number(redis));
    if (database && redis && !request.overload) {
      return { status: "healthy", uptime: process.uptime(), timestamp: new Date().toISOString() };
    }
    const checks = { database, redis, ...(request.overload && { load: request.overload }) };
    return reply.code(503).send({ status: "unhealthy", checks });
  });
}

async function answers(ask) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), PATIENCE_MS);
  });
  try {
    await Promise.race([ask(), late]);
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
