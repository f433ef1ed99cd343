"""Log lines without secrets and personal data, whichever library writes them."""

import logging
from collections.abc import Callable
from typing import Any

from services.redaction import redact

FORMATTER = logging.Formatter()


class RedactedRecords:
    """A factory of log records that removes from messages and tracebacks what `redact` removes."""

    def __init__(self, create: Callable[..., logging.LogRecord]) -> None:
        self._create = create

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._create(*args, **kwargs)
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # logging reports the wrong format itself
            return record
        if (clean := redact(message)) != message:
            record.msg, record.args = clean, None
        if record.exc_info and record.exc_info[0]:
            traceback = FORMATTER.formatException(record.exc_info)
            if (clean := redact(traceback)) != traceback:
                record.exc_text = clean  # formatters prefer it to `exc_info`
        return record


def redact_logs() -> None:
    """Redact all log records of this process from now on."""
    create = logging.getLogRecordFactory()
    if not isinstance(create, RedactedRecords):
        logging.setLogRecordFactory(RedactedRecords(create))
