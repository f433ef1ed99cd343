"""Jobs, notifications and webhook deliveries."""
