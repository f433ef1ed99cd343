"""What Vivavoce does to a recording, free of models, databases and transports."""
