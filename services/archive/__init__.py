"""Restoring profiles."""
