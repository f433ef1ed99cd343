"""Changes of conversations as a whole: titles and tags."""
