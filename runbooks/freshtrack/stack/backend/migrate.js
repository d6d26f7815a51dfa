// Applies the migrations that the database has not seen, each in a transaction of its own.
// It logs in as the owner of the tables; the running backend never has that password.
import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";
import { verifier } from "./src/scram.js";
import { database, secret } from "./src/settings.js";

const LOCK = 7_204_871;
const folder = new URL("./migrations/", import.meta.url);
const owner = process.env.POSTGRES_OWNER ?? "doadmin";
const client = new pg.Client(database(owner, secret("POSTGRES_OWNER_PASSWORD"), 1));

async function within(work) {
  await client.query("begin");
  try {
    await work();
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}

async function applied() {
  await client.query("create schema if not exists scheduler");
  await client.query(
    "create table if not exists scheduler.migrations (name text primary key, at timestamptz not null default now())",
  );
  const { rows } = await client.query("select name from scheduler.migrations");
  return new Set(rows.map((row) => row.name));
}

async function apply(name) {
  await within(async () => {
    await client.query(readFileSync(new URL(name, folder), "utf8"));
    await client.query("insert into scheduler.migrations (name) values ($1)", [name]);
  });
  console.log(`applied ${name}`);
}

// The server gets a verifier: no statement, and so no log of its, holds a password.
async function login(role, password) {
  const { rows } = await client.query("select rolcanlogin from pg_roles where rolname = $1", [role]);
  if (rows[0]?.rolcanlogin) return;
  await client.query(`alter role ${role} login password '${verifier(password)}'`);
  console.log(`role ${role} may log in`);
}

async function switchJobs() {
  const { rows } = await client.query("select name from scheduler.jobs where enabled order by name");
  console.log(`jobs switched on: ${rows.map((row) => row.name).join(", ") || "none"}`);
}

await client.connect();
try {
  // A second migration waits here until the first has ended.
  await client.query("select pg_advisory_lock($1)", [LOCK]);
  await client.query("select set_config('freshtrack.jobs_enabled', $1, false)", [
    process.env.JOBS_ENABLED === "true" ? "true" : "false",
  ]);
  const known = await applied();
  const missing = readdirSync(folder).filter((name) => name.endsWith(".sql") && !known.has(name)).sort();
  for (const name of missing) await apply(name);
  await login("app", secret("POSTGRES_PASSWORD"));
  await login("jobs", secret("POSTGRES_JOBS_PASSWORD"));
  await switchJobs();
  console.log(`${missing.length} applied, none left`);
} finally {
  await client.end();
}
