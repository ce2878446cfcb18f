"""The cache directory deleted while the server runs, damaged, read-only or full.

What must be observed: every answer as before, only slower; the cache stays within its bound.
"""

import errno
import os
import shutil
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import trimesh
from PIL import Image
from starlette.testclient import TestClient

from dashboard import bulk_zip, file_cache, zip_cache
from dashboard.file_cache import cached, find_cached, keep
from dashboard.meshes import read_counts

KINDS = {"thumbnails", "mesh-views", "mesh-counts", "zips"}
OBJ = trimesh.creation.icosphere(2).export(file_type="obj").encode()


@pytest.fixture
def job(http: TestClient, finished_job: str, storage: Path) -> str:
    """A ready job whose mesh is converted to be drawn."""
    model = storage / finished_job / "output" / "reconviagen"
    for name in ("mesh.glb", "mesh.ply", "mesh.mtl"):
        (model / name).unlink()
    (model / "mesh.obj").write_bytes(OBJ)
    return finished_job


def ask_for_everything(http: TestClient, job_id: str) -> None:
    """Ask for all that is derived from a job's files and kept; fail if any of it is not right."""
    for number in range(2):
        path = f"/jobs/{job_id}/thumbnails/reconviagen/textured_{number:02}.png?edge=64"
        thumbnail = http.get(path)
        assert Image.open(BytesIO(thumbnail.content)).size == (64, 51)  # not the placeholder
    view = http.get(f"/jobs/{job_id}/view/reconviagen.glb")
    assert len(trimesh.load_mesh(BytesIO(view.content), file_type="glb").faces) == 320
    for path in (f"/jobs/{job_id}/download", f"/jobs/download?job={job_id}"):
        archive = http.get(path)
        assert archive.status_code == 200
        with zipfile.ZipFile(BytesIO(archive.content)) as opened:
            assert opened.testzip() is None
            assert any(opened.read(name) == OBJ for name in opened.namelist())
    assert read_counts(job_id, "reconviagen", "mesh.obj").faces == 320


def kept(tmp_path: Path) -> set[str]:
    files = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    return {path.relative_to(tmp_path / "cache").parts[0] for path in files}


def test_a_cache_deleted_or_damaged_while_the_server_runs(
    http: TestClient, job: str, tmp_path: Path
) -> None:
    ask_for_everything(http, job)
    assert kept(tmp_path) >= KINDS
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)  # a surface may just be measured
    ask_for_everything(http, job)
    assert kept(tmp_path) >= KINDS
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    for number, path in enumerate(files):
        path.write_bytes((b"", b"\0" * 100, b"{")[number % 3])
    ask_for_everything(http, job)


def full(*_: object, **__: object) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("fault", ["not writable", "full"])
def test_a_cache_that_takes_nothing(
    http: TestClient, job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(bulk_zip, "HELD_IN_MEMORY_BYTES", 100)
    if fault == "full":
        monkeypatch.setattr(tempfile, "mkstemp", full)
        monkeypatch.setattr(zip_cache.NewArchive, "write", full)
    else:
        (tmp_path / "file").write_text("in the way")
        monkeypatch.setenv("CACHE_PATH", str(tmp_path / "file"))
    for _ in range(2):
        ask_for_everything(http, job)
    assert kept(tmp_path).isdisjoint(KINDS)


def test_what_is_kept_stays_within_its_bound(
    storage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest goes first; a small file counts as the block that it takes of the disk."""
    monkeypatch.setattr(keep, "__kwdefaults__", {"limit_bytes": 100 * file_cache.BLOCK_BYTES})
    for number in range(300):
        cached("kind", (number,), lambda: b"small")
        assert find_cached("kind", (number,)) == b"small"
        count = sum(path.is_file() for path in (tmp_path / "cache" / "kind").rglob("*"))
        assert count <= 110
    assert find_cached("kind", (0,)) is None


def test_two_servers_with_one_cache_stay_within_its_bound(storage: Path, tmp_path: Path) -> None:
    for number in range(60):
        file_cache._room.clear()  # as one that has not counted what the other wrote
        keep("kind", (number,), b"x" * 100_000, limit_bytes=1_000_000)
    assert sum(path.is_file() for path in (tmp_path / "cache").rglob("*")) <= 11
