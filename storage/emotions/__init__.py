"""Emotions of segments, and emotion profiles."""
