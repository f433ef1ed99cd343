"""The archive at an agent's hand: tools, resources and prompts of the Model Context Protocol, on the official SDK."""
