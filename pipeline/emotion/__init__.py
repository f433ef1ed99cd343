"""Emotion detection from values."""
