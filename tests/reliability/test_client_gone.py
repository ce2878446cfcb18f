"""One client on one server of the test's own: what it leaves half done is ended and freed."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.api import sending, zip_builds
from result_packager import ResultStream

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


def test_a_client_that_takes_nothing_is_left(
    address: str,
    zip_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    until: Callable[..., None],
    open_files_below: Callable[[Path], list[str]],
) -> None:
    monkeypatch.setenv("ZIP_CACHE_MB", "0")
    monkeypatch.setenv("MAX_ZIP_IN_MEMORY_MB", "1")
    monkeypatch.setattr(sending, "STALLED_S", 0.3)
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(f"GET {zip_url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        until(lambda: zip_builds.SLOTS.borrowed_tokens == 1)
        until(lambda: zip_builds.SLOTS.borrowed_tokens == 0)
    until(lambda: not open_files_below(tmp_path))


@needs_curl
@pytest.mark.parametrize("cache", ["0", "2048"])
def test_a_client_that_leaves_ends_the_packing_and_frees_all(
    address: str,
    zip_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    cached_zips: Callable[[], list[str]],
    cache: str,
    until: Callable[..., None],
    open_files_below: Callable[[Path], list[str]],
) -> None:
    monkeypatch.setenv("ZIP_CACHE_MB", cache)
    monkeypatch.setenv("MAX_ZIP_IN_MEMORY_MB", "1")
    chunks, left = [], threading.Event()
    step = ResultStream.__next__

    def step_slowly(stream: ResultStream) -> bytes:
        chunk = step(stream)
        chunks.append(len(chunk))
        if len(chunks) > 2:
            left.wait(1)  # long enough for the server to hear that the client has gone
        return chunk

    monkeypatch.setattr(ResultStream, "__next__", step_slowly)
    until(lambda: not open_files_below(tmp_path))
    client = subprocess.Popen(["curl", "-s", "-o", "/dev/null", address + zip_url])
    until(lambda: len(chunks) > 2)
    client.kill()
    client.wait()
    until(lambda: zip_builds.SLOTS.borrowed_tokens == 0 and not zip_builds.BUILDS)
    assert sum(chunks) < 6_000_000
    assert cached_zips() == []
    until(lambda: not open_files_below(tmp_path))
