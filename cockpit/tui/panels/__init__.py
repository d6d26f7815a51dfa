"""One widget a panel: it caches the lines, and sends on what changed."""
