"""Keys, people, logins and the audit log."""
