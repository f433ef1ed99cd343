"""Transcripts and profiles as files."""
