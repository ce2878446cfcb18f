"""deploy/nginx.conf, as it is but for ports, in Debian's nginx."""

import http.client
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from benchmarks.served import ROOT
from dashboard.demo.ports import any_free_port

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIGURED = ("server 127.0.0.1:8501;", "server 127.0.0.1:8502;")
WHOLE = """
{user}
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@contextmanager
def nginx_before(*ports: int) -> Iterator[int]:
    """Run nginx before dashboards on these ports; gives the port on which it listens itself."""
    if NGINX is None:
        told = "nginx is not installed (Debian: apt install nginx-light)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{told}, and CI must not skip its tests")
        pytest.skip(told)
    own, user = any_free_port(), "user root;" if os.getuid() == 0 else ""  # who owns its folders
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        site = (ROOT / "deploy" / "nginx.conf").read_text()
        servers = [f"server 127.0.0.1:{port};" for port in ports]
        for line, meant in zip(CONFIGURED, [*servers, ""], strict=False):
            assert line in site
            site = site.replace(line, meant)
        assert "listen 80;" in site
        (folder / "site.conf").write_text(site.replace("listen 80;", f"listen 127.0.0.1:{own};"))
        (folder / "nginx.conf").write_text(WHOLE.format(folder=folder, user=user))
        process = subprocess.Popen(
            [NGINX, "-p", name, "-c", folder / "nginx.conf", "-e", folder / "error.log"]
        )
        try:
            wait_for(own, process, folder / "error.log")
            yield own
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(500):
        assert process.poll() is None, log.read_text()
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port)) as client:
                client.connect()
            return
        except ConnectionRefusedError:
            threading.Event().wait(0.02)
    pytest.fail(f"nginx did not start: {log.read_text()}")
