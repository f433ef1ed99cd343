"""Decisions about who speaks, applied to stored conversations."""
