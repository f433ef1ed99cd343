"""Speakers, and what is known of their voices."""
