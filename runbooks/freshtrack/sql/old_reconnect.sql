-- End the sessions of the old side's API: its pool opens new ones, which may write again.
select count(pg_terminate_backend(pid)) as ended
from pg_stat_activity
where datname = current_database() and usename = 'authenticator' and pid <> pg_backend_pid();
