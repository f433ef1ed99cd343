"""Events for clients: what changed."""
