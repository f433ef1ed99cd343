"""Decide which speaker a voice belongs to, as pure functions of values."""
