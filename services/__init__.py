"""Use cases, free of Ray, FastAPI and MCP. A service opens the transaction."""
