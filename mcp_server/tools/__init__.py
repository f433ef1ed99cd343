"""What an agent can do. A tool's docstring is what the model chooses by; a tool is thin, the rules are in `storage`."""
