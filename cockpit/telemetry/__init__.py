"""Samples of the outside world, and the live view that screens read."""
