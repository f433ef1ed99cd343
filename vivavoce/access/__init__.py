"""Keys and logins of people who use the program from a terminal."""
