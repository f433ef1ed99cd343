"""The MCP server: tools, resources and prompts, on the official SDK."""
