// What Prometheus reads here, and what the rollback decision rests on.
import client from "prom-client";

export function metrics() {
  const registry = new client.Registry();
  client.collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const made = {
    registry,
    requests: new client.Counter({
      name: "http_requests_total",
      help: "Requests answered, by route and status",
      labelNames: ["status", "route"],
      registers,
    }),
    seconds: new client.Histogram({
      name: "http_request_duration_seconds",
      help: "Time that an answer took",
      labelNames: ["route"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5],
      registers,
    }),
    accepted: new client.Counter({
      name: "readings_accepted_total",
      help: "Readings committed and answered with 201",
      registers,
    }),
    logins: new client.Counter({
      name: "logins_total",
      help: "Logins tried, by outcome",
      labelNames: ["outcome"],
      registers,
    }),
    alerts: new client.Counter({
      name: "alerts_raised_total",
      help: "Alerts raised by the scheduled job",
      registers,
    }),
    dependency: new client.Gauge({
      name: "dependency_up",
      help: "Whether the last question to the database or Redis was answered",
      labelNames: ["name"],
      registers,
    }),
    pool: new client.Gauge({
      name: "database_pool_connections",
      help: "Connections of the application's pool, by state",
      labelNames: ["state"],
      registers,
    }),
  };
  made.certificate = new client.Gauge({
    name: "certificate_not_after_seconds",
    help: "When the certificate that Caddy shows ends, Unix time",
    labelNames: ["site"],
    registers,
  });
  new client.Gauge({
    name: "up_since_seconds",
    help: "When this process started, Unix time",
    registers,
  }).set(Date.now() / 1000 - process.uptime());
  // A series that is missing until its first event cannot be told from one that nobody counts.
  for (const outcome of ["accepted", "refused", "unavailable"]) made.logins.inc({ outcome }, 0);
  return made;
}
