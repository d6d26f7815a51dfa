"""The engine: intents in, events out; the only writer of the journal."""
