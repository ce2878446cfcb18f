"""Tests as somebody to whom permissions apply: root is above them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def powerless(folder: Path) -> Iterator[None]:
    """Be nobody for a while, who comes as far as into `folder`; users are that already.

    Each start of pytest closes its folders anew, so every one on the way is opened.
    """
    if os.getuid() != 0:
        yield
        return
    for place in (folder, *folder.parents):
        if "pytest-of-" in str(place):
            place.chmod(place.stat().st_mode | 0o055)
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
