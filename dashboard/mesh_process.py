"""One of our modules run on a mesh, in a process that may run out of time or memory harmlessly."""

import atexit
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import BinaryIO

from dashboard.mesh_counts import UnreadableMeshError

RUNNING: set[subprocess.Popen[bytes]] = set()


def run_on_mesh(
    module: str,
    *arguments: str,
    mesh: BinaryIO,
    timeout_s: float,
    others: Sequence[BinaryIO] = (),
) -> bytes:
    """Return what a module prints, given a mesh as standard input and other files kept open.

    Raises UnreadableMeshError for what lies at the machine and not at the file.
    """
    command = [sys.executable, "-m", module, *arguments]
    try:
        process = subprocess.Popen(  # noqa: S603  our own module
            command,
            stdin=mesh,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            pass_fds=[file.fileno() for file in others],
        )
    except OSError as exc:
        raise UnreadableMeshError("it cannot be read in the memory that is allowed") from exc
    with process:
        RUNNING.add(process)
        try:
            printed, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as exc:
            raise UnreadableMeshError(f"it took more than {timeout_s:g} s") from exc
        finally:
            process.kill()
            RUNNING.discard(process)
    if process.returncode:
        raise UnreadableMeshError("it cannot be read in the memory that is allowed")
    return printed


@atexit.register
def _end_all() -> None:
    """Leave none behind: who waits for them is gone."""
    for process in list(RUNNING):
        process.kill()
