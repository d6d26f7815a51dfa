-- Switch off the old side's known scheduled jobs: with pg_cron where it is installed, else in
-- the application's own table. A job that is not named here stays on, and the proof finds it.
do $$
begin
  if to_regclass('cron.job') is not null then
    perform cron.alter_job(job_id := jobid, active := false)
    from cron.job
    where active and jobname in ('raise_alerts', 'send_digests', 'purge_sessions');
  else
    update scheduler.jobs set enabled = false
    where name in ('raise_alerts', 'send_digests', 'purge_sessions');
  end if;
end
$$;
