"""Real jobs in a temporary directory, and what every archive of one has to hold."""

import gc
import io
import os
import random
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from result_packager import list_members

Files = dict[str, bytes]


def text_mesh(lines: int, seed: int = 1) -> bytes:
    """Make OBJ text of noisy vertices and running faces."""
    numbers = random.Random(seed)
    vertices = (f"v {numbers.gauss(0, 1):.8f} {numbers.gauss(0, 1):.8f} 0.5" for _ in range(lines))
    faces = (f"f {n}/{n} {n + 1}/{n + 1} {n + 7}/{n + 7}" for n in range(1, lines))
    return "\n".join([*vertices, *faces, ""]).encode()


@pytest.fixture(scope="session")
def job_files() -> Files:
    """The files of a finished job of both models, named as on disk."""
    noise = random.Random(7).randbytes
    files = {
        "reconviagen/mesh.glb": b"glTF" + noise(3_000_000) + bytes(700_000),
        "reconviagen/mesh.ply": b"ply\n" + noise(1_048_572),
        "reconviagen/quality.json": b'{"status": "normal"}',
        "nvdiffrec/mesh.obj": text_mesh(30_000),
        "nvdiffrec/mesh.mtl": b"newmtl material_0\nKd 1 1 1\nmap_Kd mesh.png\n",
        "nvdiffrec/mesh.png": b"\x89PNG" + noise(400_000),
    }
    for number in range(6):
        files[f"reconviagen/previews/textured_{number:02}.png"] = b"\x89PNG" + noise(60_000)
        files[f"reconviagen/previews/wireframe_{number:02}.png"] = b"\x89PNG" + noise(150_000)
    return files


@pytest.fixture(scope="session")
def archived(job_files: Files) -> Files:
    """What the archive of `job_files` holds."""
    held = dict(job_files)
    held["nvdiffrec/texture.png"] = held.pop("nvdiffrec/mesh.png")
    held["nvdiffrec/mesh.mtl"] = b"newmtl material_0\nKd 1 1 1\nmap_Kd texture.png\n"
    return held


@pytest.fixture
def write_job(tmp_path: Path) -> Callable[..., Path]:
    """Write a job's files, by default ten minutes old, and return its output directory."""

    def write(files: Files, *, job: str = "job", age_s: float = 600) -> Path:
        output = tmp_path / job / "output"
        output.mkdir(parents=True)
        for name, content in files.items():
            path = output / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if age_s:
            make_older(output, age_s)
        return output

    return write


def make_older(output: Path, age_s: float) -> None:
    then = time.time() - age_s
    for folder, _, names in os.walk(output, topdown=False):
        for name in names:
            os.utime(Path(folder) / name, (then, then))
        os.utime(folder, (then, then))


@pytest.fixture
def finished_job(write_job: Callable[..., Path], job_files: Files) -> Path:
    return write_job(job_files)


@pytest.fixture
def small_job(write_job: Callable[..., Path]) -> Path:
    return write_job({"reconviagen/mesh.glb": b"glTF", "reconviagen/quality.json": b"{}"})


@pytest.fixture
def read_back() -> Callable[[bytes], Files]:
    """Read an archive with Python, checking every CRC on the way."""

    def read(archive: bytes) -> Files:
        with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
            return {info.filename: zipped.read(info) for info in zipped.infolist()}

    return read


@pytest.fixture
def on_disk() -> Callable[[Path], Files]:
    """Read what the archive of an output directory has to hold (without any MTL to rewrite)."""

    def read(output: Path) -> Files:
        return {
            member.arcname: (output / member.model / member.name).read_bytes()
            for member in list_members(output)
        }

    return read


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def packing_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("result-packager")]


@pytest.fixture
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail the test if it leaves a thread, a descriptor or a temporary file behind."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    gc.collect()  # what other tests forgot would be closed meanwhile, or not
    before = open_descriptors()
    yield
    assert packing_threads() == []
    assert open_descriptors() <= before
    assert list(temporary.iterdir()) == []
