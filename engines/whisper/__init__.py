"""Whisper: transcription, decoding in batches, and the languages of a window."""
