"""Emotion engines, and the choice of one for the weights."""
