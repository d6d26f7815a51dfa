-- Switch on the new side's scheduled jobs; its scheduler reads this table before every run.
update scheduler.jobs set enabled = true
where name in ('raise_alerts', 'send_digests', 'purge_sessions');
