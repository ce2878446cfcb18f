"""The audit log: who took what, and when; one JSON object a line, written at the end of each."""

import errno
import json
import logging
import os
from collections.abc import Mapping
from typing import Any

from dashboard.settings import SettingError, read_settings

log = logging.getLogger(__name__)

# For the operator's group, not for everybody: it holds names and addresses.
MODE = 0o640


def write_entry(entry: Mapping[str, Any]) -> None:
    """Add a line. Where the file cannot be written, it goes to the logger instead: none is lost.

    Several dashboards may share a file on one machine: a line is written as a whole.
    """
    path = read_settings().audit_log
    if path is None:
        log.info("download", extra={"facts": entry})
        return
    try:
        _append(str(path), f"{json.dumps(entry)}\n".encode())
    except OSError as exc:
        log.warning("AUDIT_LOG cannot be written: %s", exc.strerror, extra={"facts": entry})


def check_audit_log() -> None:
    """Raise SettingError if there is a file of it that cannot be written."""
    path = read_settings().audit_log
    try:
        if path is not None:
            _append(str(path), b"")
    except OSError as exc:
        wanted = f"a file that can be written ({exc.strerror})"
        raise SettingError("AUDIT_LOG", str(path), wanted) from exc


def _append(path: str, content: bytes) -> None:
    """Open anew each time, so that the file may be rotated."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
    try:
        if os.write(descriptor, content) < len(content):
            raise OSError(errno.ENOSPC, "no space left for a whole line")
    finally:
        os.close(descriptor)
