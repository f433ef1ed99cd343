"""Edit transcripts: change, undo and redo."""
