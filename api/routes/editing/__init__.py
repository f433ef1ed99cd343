"""Edit transcripts."""
