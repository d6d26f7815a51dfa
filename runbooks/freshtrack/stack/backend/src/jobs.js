// The scheduled jobs. Each runs only while its row in scheduler.jobs is enabled: that table is the
// switch of the cutover, read again before every run, and it lets one process at a time take a run.
const TAKE = `
  update scheduler.jobs set last_run = now()
  where name = $1 and enabled
    and (last_run is null or last_run <= now() - make_interval(secs => $2))
  returning name`;

const RAISE = `
  insert into alerts (sensor_id, raised_at, kind, state)
  select sensor.id, now(), 'temperature', 'open'
  from sensors as sensor
  join lateral (
    select celsius from sensor_readings where sensor_id = sensor.id order by ts desc limit 1
  ) as newest on newest.celsius not between sensor.min_celsius and sensor.max_celsius
  where not exists (
    select from alerts where alerts.sensor_id = sensor.id and alerts.state = 'open'
  )`;

const DIGEST = `
  select users.id, users.email, count(*)::int as open
  from alerts join sensors on sensors.id = alerts.sensor_id join users on users.id = sensors.user_id
  where alerts.state = 'open' group by users.id, users.email`;

const work = {
  async raise_alerts({ stores, metrics }) {
    const { rowCount } = await stores.jobs.query(RAISE);
    metrics.alerts.inc(rowCount);
    return `${rowCount} alerts raised`;
  },
  async send_digests({ stores, settings }) {
    if (!settings.mail) return "mail is off";
    const { rows } = await stores.jobs.query(DIGEST);
    const subject = `${settings.prefix}Open alerts`;
    for (const row of rows) {
      await stores.redis.lpush("mail:outgoing", JSON.stringify({ ...row, subject }));
    }
    return `${rows.length} digests queued`;
  },
  async purge_sessions({ stores }) {
    const before = Date.now() / 1000 - 30 * 86400;
    return `${await stores.redis.zremrangebyscore("sessions", 0, before)} sessions purged`;
  },
};
const APART_S = { raise_alerts: 1, send_digests: 86400, purge_sessions: 3600 };

export function scheduler(parts) {
  const { stores, settings, log } = parts;
  let running = Promise.resolve();

  async function round() {
    for (const [name, job] of Object.entries(work)) {
      try {
        const { rowCount } = await stores.jobs.query(TAKE, [name, APART_S[name]]);
        if (rowCount) log.info({ job: name, did: await job(parts) }, "job ran");
      } catch (error) {
        log.error({ job: name, err: error }, "job failed");
      }
    }
  }

  const timer = setInterval(() => {
    running = running.then(round);
  }, settings.jobsEvery * 1000);
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
