"""Pure functions from what is to styled lines; they import neither Textual nor Rich."""
