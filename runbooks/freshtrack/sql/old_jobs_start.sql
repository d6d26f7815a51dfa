-- Switch the old side's known scheduled jobs on again, on the way back.
do $$
begin
  if to_regclass('cron.job') is not null then
    perform cron.alter_job(job_id := jobid, active := true)
    from cron.job
    where not active and jobname in ('raise_alerts', 'send_digests', 'purge_sessions');
  else
    update scheduler.jobs set enabled = true
    where name in ('raise_alerts', 'send_digests', 'purge_sessions');
  end if;
end
$$;
