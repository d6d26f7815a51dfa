"""A Compose stack as it resolves, the facts around it, and the rules that it must hold."""
