"""Model names resolved to local directories with verified weights."""
