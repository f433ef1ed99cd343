"""PostgreSQL and the audio store: everything that Vivavoce remembers."""
