-- The application's roles; a login and its password come after, from the secret files.
do $$
begin
  if not exists (select from pg_roles where rolname = 'app') then create role app; end if;
  if not exists (select from pg_roles where rolname = 'jobs') then create role jobs; end if;
end
$$;
grant usage on schema public to app, jobs;
grant select, insert, update, delete on users, sensors, sensor_readings, alerts to app, jobs;
grant usage on all sequences in schema public to app, jobs;
grant usage on schema scheduler to jobs;
grant select, update on scheduler.jobs to jobs;
