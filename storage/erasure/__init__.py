"""What an erasure removes beside rows: files, and the space in the tables where rows were."""
