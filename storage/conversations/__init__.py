"""Conversations and their segments."""
