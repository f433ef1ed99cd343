"""Restoring profiles, and importing the data of the reference system."""
