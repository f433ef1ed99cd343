"""Who a voice belongs to, from values alone."""
