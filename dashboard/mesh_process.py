"""One of our modules run on a mesh, in a process that may run out of time or memory harmlessly."""

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import BinaryIO

from dashboard.mesh_counts import UnreadableMeshError


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
    try:
        done = subprocess.run(  # noqa: S603  our own module
            [sys.executable, "-m", module, *arguments],
            stdin=mesh,
            capture_output=True,
            timeout=timeout_s,
            check=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            pass_fds=[file.fileno() for file in others],
        )
    except subprocess.TimeoutExpired as exc:
        raise UnreadableMeshError(f"it took more than {timeout_s:g} s") from exc
    except (subprocess.CalledProcessError, OSError) as exc:
        raise UnreadableMeshError("it cannot be read in the memory that is allowed") from exc
    return done.stdout
