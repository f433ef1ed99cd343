"""OpenAI's API for audio: its clients work with another base URL. Errors have OpenAI's form below `/v1`."""
