"""The runbook: what is to be done, checked before anything runs."""
