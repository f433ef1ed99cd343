"""Sound as files and bytes: decoding, encoding, spooling."""
