-- JOBS_ENABLED of the first migration says whether the jobs begin switched on; afterwards this
-- table alone switches them.
create table scheduler.jobs (name text primary key, enabled boolean not null, last_run timestamptz);
insert into scheduler.jobs (name, enabled)
select name, coalesce(current_setting('freshtrack.jobs_enabled', true), 'false')::boolean
from unnest(array['raise_alerts', 'send_digests', 'purge_sessions']) as name;
