"""The embedded lab: a stand-in for the outside world, on loopback."""
