"""Log lines without secrets and personal data, whichever library writes them."""

import logging
from collections.abc import Callable
from typing import Any

from services.redaction import redact

FORMATTER = logging.Formatter()
STAGES = "ray.serve.vivavoce"
"""The logger of what a stage does rarely: it has loaded its model, it has answered its first call."""


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


def stage_logger() -> logging.Logger:
    """The logger `STAGES`, with Serve's handlers. Its informative lines are in the log at Serve's default level, WARNING, too.

    Call it on the replica, after Serve has set the level.
    """
    logger = logging.getLogger(STAGES)
    logger.setLevel(logging.INFO if logging.getLogger("ray.serve").getEffectiveLevel() <= logging.WARNING else logging.NOTSET)
    return logger


def redact_logs() -> None:
    """Redact all log records of this process from now on."""
    create = logging.getLogRecordFactory()
    if not isinstance(create, RedactedRecords):
        logging.setLogRecordFactory(RedactedRecords(create))
