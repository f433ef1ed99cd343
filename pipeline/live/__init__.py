"""Endpointing, partial results and segments of live audio."""
