"""The journal: the only truth about a run."""
