"""The language model: any server with OpenAI's interface for chats."""
