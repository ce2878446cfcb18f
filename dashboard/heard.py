"""Loggers whose lines are seen even where nobody has set logging up."""

import logging


def heard(name: str) -> logging.Logger:
    """Return a logger that tells everything from INFO on, on the error stream at least."""
    log = logging.getLogger(name)
    log.setLevel(logging.INFO)
    if not log.hasHandlers():
        log.addHandler(logging.StreamHandler())
    return log
