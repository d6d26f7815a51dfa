"""Questions about the outside world that only read, a module a family of kinds."""
