"""What the archive remembers: summaries of conversations, and answers to questions."""
