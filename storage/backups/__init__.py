"""Profiles and their checkpoints."""
