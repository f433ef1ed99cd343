"""One deployment per stage."""
