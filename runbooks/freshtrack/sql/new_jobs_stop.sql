-- Switch off every scheduled job of the new side, on the way back.
update scheduler.jobs set enabled = false;
