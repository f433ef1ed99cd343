"""Settings that apply at once."""
