"""Filters that are read from the text of a search."""
