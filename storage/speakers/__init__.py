"""Speakers, participants and reference vectors."""
