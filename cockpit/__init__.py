"""The cutover cockpit: one screen, one operator, one keypress a step."""

__version__ = "0.1.0"
