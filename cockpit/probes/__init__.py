"""Recurring observations of services, a module a kind of service."""
