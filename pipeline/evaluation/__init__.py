"""Error rates and threshold sweeps."""
