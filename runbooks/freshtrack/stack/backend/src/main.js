import jwt from "@fastify/jwt";
import Fastify, { LogController } from "fastify";
import Redis from "ioredis";
import pg from "pg";
import { watchCertificate } from "./certificate.js";
import { health } from "./health.js";
import { scheduler } from "./jobs.js";
import { metrics as made } from "./metrics.js";
import { routes } from "./routes.js";
import { settings as read } from "./settings.js";
import { signIn } from "./sign-in.js";

const settings = read();
const metrics = made();
const app = Fastify({
  logger: { level: settings.logLevel },
  trustProxy: true,
  // Health checks and scrapes would fill the log with lines that say nothing.
  logController: new LogController({ disableRequestLogging: true }),
});
const { log } = app;
const stores = {
  app: new pg.Pool(settings.app),
  jobs: new pg.Pool(settings.jobs),
  redis: new Redis(settings.redis.url, {
    password: settings.redis.password,
    // A question is answered now or counts as unanswered; the connection itself comes back.
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    retryStrategy: (times) => Math.min(times * 200, 2000),
  }),
};
for (const pool of [stores.app, stores.jobs]) {
  pool.on("error", (error) => log.warn({ err: error }, "a database connection was lost"));
}
stores.redis.on("error", (error) => log.warn({ err: error }, "Redis does not answer"));

await app.register(jwt, { secret: settings.jwt });
await health(app, { stores, metrics });
const environment = settings.name;
await routes(app, { stores, metrics, signIn: signIn(settings.stackAuth), environment });
const jobs = scheduler({ stores, metrics, settings, log });
const certificate = watchCertificate({ ...settings, metrics });

let leaving = false;
async function leave(signal) {
  if (leaving) return;
  leaving = true;
  log.info({ signal }, "closing: requests under way are answered, new ones are not taken");
  certificate.stop();
  await app.close();
  await jobs.stop();
  await Promise.all([stores.app.end(), stores.jobs.end()]);
  stores.redis.disconnect();
  log.info("closed");
}
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => leave(signal));

await app.listen({ host: "0.0.0.0", port: settings.port });
