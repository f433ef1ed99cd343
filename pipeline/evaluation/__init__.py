"""Error rates, identification accuracy and the tuning of thresholds."""
