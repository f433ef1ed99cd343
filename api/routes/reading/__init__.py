"""What a page reads: events, and transcripts in pages."""
