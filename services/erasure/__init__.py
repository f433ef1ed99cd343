"""Erase speakers and conversations wherever the application keeps them."""
