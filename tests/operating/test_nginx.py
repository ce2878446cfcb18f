"""deploy/nginx.conf, as it is but for ports, in Debian's nginx before a real dashboard."""

import http.client
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from benchmarks.served import Served
from tests.nginx import nginx_before
from tests.operating.conftest import BIG_BYTES


@pytest.fixture(scope="module")
def port(running_dashboard: Served) -> Iterator[int]:
    with nginx_before(running_dashboard.port) as own:
        yield own


def ask(
    port: int, method: str, path: str, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as client:
        client.request(method, path, headers=headers)
        response = client.getresponse()
        return response, response.read()


def test_a_large_download_comes_whole_and_in_parts(port: int) -> None:
    response, content = ask(port, "GET", "/jobs/big/download")
    assert response.status == 200
    assert len(content) == int(response.headers["Content-Length"]) > BIG_BYTES
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
    path, etag = "/jobs/big/download", response.headers["ETag"]
    part, tail = ask(port, "GET", path, Range="bytes=30000000-", **{"If-Range": etag})
    assert (part.status, tail) == (206, content[30000000:])
    assert ask(port, "GET", path, **{"If-None-Match": etag})[0].status == 304


def test_a_download_is_not_kept_by_nginx(port: int) -> None:
    """What nobody takes stays with the dashboard: nginx holds no more than a socket does."""
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as client:
        client.request("GET", "/jobs/big/files/reconviagen/mesh.glb")
        response = client.getresponse()
        assert response.read(1000)
        [workers] = [Path(f"/proc/{each}") for each in children_of_nginx(port)]
        held = [link.readlink() for link in (workers / "fd").iterdir()]
        assert not [path for path in held if "proxy" in str(path)]
        assert len(response.read()) == BIG_BYTES - 1000


def children_of_nginx(port: int) -> list[int]:
    """The worker process that answers on a port; there is one by default."""
    masters = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cmdline").read_bytes().startswith(b"nginx: worker"):
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                command = Path(f"/proc/{parent}/cmdline").read_bytes().decode()
                folder = Path(command.split(" -p ")[1].split()[0])
                if f":{port};" in (folder / "site.conf").read_text():
                    masters.append(int(entry.name))
        except (OSError, IndexError):
            continue
    return masters


@pytest.mark.parametrize(
    "path", ["/jobs/running/download", "/jobs/failed/download", "/jobs/a%5Cb", "/jobs/a/b"]
)
def test_refusals_come_as_they_are(port: int, running_dashboard: Served, path: str) -> None:
    (direct, wanted), (passed, body) = (
        ask(running_dashboard.port, "GET", path),
        ask(port, "GET", path),
    )
    assert (passed.status, json.loads(body)) == (direct.status, json.loads(wanted))
    assert passed.headers["Content-Type"] == "application/json"
    assert passed.headers["Cache-Control"] == "no-store"
    assert passed.headers["Retry-After"] == direct.headers["Retry-After"]


def test_head_is_passed_on_as_head(port: int) -> None:
    response, body = ask(port, "HEAD", "/jobs/big/files/reconviagen/mesh.glb")
    assert (response.status, body) == (200, b"")
    assert int(response.headers["Content-Length"]) == BIG_BYTES


def test_figures_are_not_told_to_the_world(port: int) -> None:
    assert ask(port, "GET", "/metrics")[0].status == 404


def test_the_page_loads_and_its_websocket_lives(port: int) -> None:
    page, body = ask(port, "GET", "/")
    assert page.status == 200
    assert b"<title>" in body
    [script] = [part.split(b'"')[0] for part in body.split(b'src="') if b".js" in part[:200]][:1]
    assert ask(port, "GET", "/" + script.decode().removeprefix(".").lstrip("/"))[0].status == 200
    origin = f"http://127.0.0.1:{port}"
    with connect(f"ws://127.0.0.1:{port}/_stcore/stream", origin=origin) as socket:
        socket.send(BackMsg(rerun_script={"query_string": ""}).SerializeToString())
        kinds = set()
        while "script_finished" not in kinds:
            message = ForwardMsg()
            message.ParseFromString(socket.recv(timeout=60))
            kinds.add(message.WhichOneof("type"))
    assert {"new_session", "delta", "script_finished"} <= kinds


def test_a_foreign_pages_websocket_is_refused(port: int) -> None:
    url, origin = f"ws://127.0.0.1:{port}/_stcore/stream", "http://elsewhere.example"
    with pytest.raises(InvalidStatus), connect(url, origin=origin):
        pytest.fail("it was let in")


class Echo(BaseHTTPRequestHandler):
    """Answers with its own port and the headers that have come."""

    def do_GET(self) -> None:
        told = {"port": self.server.server_address[1], "headers": dict(self.headers)}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def two() -> Iterator[tuple[int, Callable[[int], None]]]:
    """nginx before two servers that say who they are, and what stops one of them."""
    with ExitStack() as stack:
        servers = {}
        for _ in range(2):
            server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
            servers[server.server_address[1]] = server
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)

        def stop(port: int) -> None:
            servers[port].shutdown()
            servers[port].server_close()

        yield stack.enter_context(nginx_before(*servers)), stop


def test_a_browser_stays_with_one_dashboard_until_it_is_gone(
    two: tuple[int, Callable[[int], None]],
) -> None:
    port, stop = two
    homes = {}
    for _ in range(20):
        response, body = ask(port, "GET", "/")
        cookie = response.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        homes[cookie.partition(";")[0]] = json.loads(body)["port"]
    assert len(homes) == 20
    assert len(set(homes.values())) == 2
    for cookie, home in homes.items():
        response, body = ask(port, "GET", "/jobs", Cookie=cookie)
        assert json.loads(body)["port"] == home
        assert "Set-Cookie" not in response.headers
    stop(gone := next(iter(homes.values())))
    for cookie in homes:
        assert json.loads(ask(port, "GET", "/", Cookie=cookie)[1])["port"] != gone


def test_it_says_who_asks_and_believes_nobody(two: tuple[int, Callable[[int], None]]) -> None:
    headers = {"Host": "recon.example", "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https"}
    told = json.loads(ask(two[0], "GET", "/", **headers)[1])["headers"]
    assert told["Host"] == told["X-Forwarded-Host"] == "recon.example"
    assert told["X-Forwarded-For"] == "127.0.0.1"
    assert told["X-Forwarded-Proto"] == "http"
