"""Live audio: voice activity, spans of speech, partial transcriptions and segments."""
