"""Notifications of PostgreSQL: progress, work, and everything that changed."""
