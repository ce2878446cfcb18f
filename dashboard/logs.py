"""The log: one JSON object a line on stderr, whoever of us says it."""

import json
import logging
import sys
from datetime import UTC, datetime
from time import monotonic
from typing import Any

# Whose lines are of interest as soon as they inform; of others, warnings and faults are.
OURS = ("dashboard", "result_packager")
REPEAT_S, REMEMBERED_MAX = 600, 1000


class JsonLine(logging.Formatter):
    """A record as one line: what is told in figures stands beside the message, in `facts`.

    A traceback is a text in the field `exception`, so that it does not spread over lines.
    """

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


class Repeats(logging.Filter):
    """Lets a text pass once in REPEAT_S: what stays broken is looked at again every second."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info or hasattr(record, "facts"):
            return True
        text, now = f"{record.name} {record.getMessage()}", monotonic()
        if now - self._told.get(text, -REPEAT_S) < REPEAT_S:
            return False
        if len(self._told) >= REMEMBERED_MAX:
            self._told.clear()
        self._told[text] = now
        return True


class Stderr(logging.Handler):
    """Writes to what stderr is now, be it that somebody has replaced it since the start."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
        except Exception:  # noqa: BLE001  a log that cannot be written must not end the request
            self.handleError(record)


def log_to_stderr() -> None:
    """Let all loggers speak in one shape; Streamlit's own keep their handlers and theirs."""
    handler = Stderr()
    handler.setFormatter(JsonLine())
    handler.addFilter(Repeats())
    logging.getLogger().addHandler(handler)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
