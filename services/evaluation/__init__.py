"""Measurements of transcripts against labels and references."""
