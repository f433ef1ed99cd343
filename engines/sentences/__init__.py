"""Sentence embeddings: vectors of texts, near each other where the meaning is."""
