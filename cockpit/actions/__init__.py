"""What a step does, a module an action kind."""
