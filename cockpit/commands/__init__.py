"""What each command does: thin functions that print and give back an exit code."""
