// Settings from the environment; a secret NAME comes from the file that NAME_FILE names.
import { readFileSync } from "node:fs";

export function secret(name) {
  const file = process.env[`${name}_FILE`];
  if (!file) throw new Error(`${name}_FILE names no file`);
  const value = readFileSync(file, "utf8").trim();
  if (!value) throw new Error(`${file} is empty`);
  return value;
}

function wanted(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

const isOn = (name) => process.env[name] === "true";

// DATABASE_URL has neither user nor password: each role adds its own.
export function database(user, password, max) {
  const url = new URL(wanted("DATABASE_URL"));
  return {
    host: url.hostname,
    port: Number(url.port || 5432),
    database: url.pathname.slice(1),
    user,
    password,
    max,
    ssl: encryption(url.searchParams.get("sslmode")),
    application_name: "backend",
    connectionTimeoutMillis: 3000,
  };
}

// Encrypted and proved, or not at all; a managed database has an authority of its own, in a file.
function encryption(mode) {
  if (mode === null || mode === "disable") return false;
  const file = process.env.DATABASE_CA_FILE;
  return { rejectUnauthorized: true, ...(file && { ca: readFileSync(file, "utf8") }) };
}

export function settings() {
  return {
    name: process.env.NODE_ENV ?? "development",
    port: Number(process.env.PORT ?? 3000),
    logLevel: process.env.LOG_LEVEL ?? "info",
    app: database("app", secret("POSTGRES_PASSWORD"), Number(process.env.DATABASE_POOL ?? 10)),
    jobs: database("jobs", secret("POSTGRES_JOBS_PASSWORD"), 1),
    redis: { url: wanted("REDIS_URL"), password: secret("REDIS_PASSWORD") },
    jwt: secret("JWT_SECRET"),
    stackAuth: {
      url: process.env.STACK_AUTH_URL ?? "",
      project: process.env.STACK_AUTH_PROJECT ?? "",
      secret: secret("STACK_AUTH_SECRET"),
    },
    mail: isOn("EMAIL_ENABLED"),
    sms: isOn("SMS_ENABLED"),
    prefix: process.env.ALERT_PREFIX ?? "",
    frontend: process.env.FRONTEND_URL ?? "",
    site: process.env.SITE ?? "",
    proxy: process.env.PROXY ?? "",
    jobsEvery: Number(process.env.JOBS_EVERY_SECONDS ?? 30),
  };
}
