"""PostgreSQL: connecting, freezing, copying, comparing, carrying back."""
