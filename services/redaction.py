"""Remove secrets and personal data from the texts of errors, which go to logs and to stored reasons of failures."""

import re

GONE = "…"

RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # User and password, and the query, of a URL.
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@'\"]+@", re.IGNORECASE), rf"\1{GONE}@"),
    (re.compile(r"(\bhttps?://[^\s'\"?#]+)\?[^\s'\"]+", re.IGNORECASE), rf"\1?{GONE}"),
    # httpx names the URL in its errors and log lines; webhooks of many services carry their secret in the path.
    (re.compile(r"((?:\bfor url|\bHTTP Request: [A-Z]+) '?https?://[^\s'\"/?]+)[^\s'\"]*", re.IGNORECASE), rf"\1/{GONE}"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {GONE}"),
    # Keys of this program, of the Hugging Face hub, and of Standard Webhooks.
    (re.compile(r"\b(vv|hf|whsec)_[\w+/=-]{8,}"), rf"\1_{GONE}"),
    # PostgreSQL and asyncpg name the values of rows and arguments.
    (re.compile(r"(\bDETAIL:\s).*?(?=\n\[SQL|\n\n|\Z)", re.DOTALL), rf"\1{GONE}"),
    (re.compile(r"(\binvalid input for query argument \$\d+:).*?(?=\n\[SQL|\n\n|\Z)", re.DOTALL), rf"\1 {GONE}"),
    (re.compile(r"(\binvalid input syntax for type [\w ]+:).*?(?=\n\[SQL|\n\n|\Z)", re.DOTALL), rf"\1 {GONE}"),
)


def redact(text: str) -> str:
    """The text without passwords, keys, the secret parts of URLs, and values of database rows."""
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return text
