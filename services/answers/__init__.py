"""Answers to questions about the archive."""
