"""Questions that are put over the screen."""
