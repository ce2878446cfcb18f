"""Ties a process to its parent: `python -m dashboard.demo.tether PARENT SIGNAL COMMAND`.

A program of its own, because what Python runs between fork and exec is unsafe beside threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # prctl(2)


def die_with_parent(with_signal: int = signal.SIGKILL) -> None:
    """Ask Linux to end this process when its parent does, however that happens.

    Elsewhere nothing is asked: there, killing the runner with SIGKILL leaves its children.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, with_signal)


def main(parent: int, with_signal: int, command: list[str]) -> None:
    """Become the command, unless the parent has died already."""
    die_with_parent(with_signal)
    if os.getppid() == parent:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
