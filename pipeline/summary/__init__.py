"""Summaries: what a language model reads and answers, and the checks of it."""
