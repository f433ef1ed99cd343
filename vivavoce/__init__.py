"""The `vivavoce` program."""
