"""MCP tools. The docstring of a tool is its description for the model; tools call services."""
