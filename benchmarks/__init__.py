"""Ratios of the cockpit's own code against rivals and floors; never part of the tests."""
