"""Summaries of conversations by a language model; titles and chapters without one."""
