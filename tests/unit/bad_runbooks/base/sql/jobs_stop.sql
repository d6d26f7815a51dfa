UPDATE scheduler.jobs SET enabled = false;
