"""What lies among a job's outputs and is no plain file: links, pipes, devices, odd names and dates.

What must be observed: none of it in a ZIP, single or of several jobs, nor as a single file, and no
request that hangs; what is left out is logged. Without a mesh that may be taken the job is
incomplete; what may not be read is unreadable, and not expired. Dates that no ZIP holds are
clamped.
The packager alone is tested so in tests/packager/test_members.py.
"""

import io
import logging
import os
import socket
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from result_packager import list_members
from tests.pages import open_page, page_at
from tests.powerless import powerless

DONE = {"status": "completed"}


def code_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def held(archive: bytes) -> set[str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        return set(opened.namelist())


def link_to_file(path: Path) -> None:
    (path.parents[3] / "secret").write_text("secret")
    path.symlink_to(path.parents[3] / "secret")


def link_to_directory(path: Path) -> None:
    path.symlink_to("/etc")


def link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path may have 107 bytes only
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


def device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")


def directory(path: Path) -> None:
    path.mkdir()
    (path / "mesh.glb").write_bytes(b"glTF")


KINDS = [link_to_file, link_to_directory, link_to_device, pipe, unix_socket, device, directory]


@pytest.mark.parametrize("put", KINDS)
def test_what_is_no_plain_file_is_in_no_answer(
    http: TestClient,
    finished_job: str,
    storage: Path,
    caplog: pytest.LogCaptureFixture,
    put: Callable[[Path], None],
) -> None:
    model = storage / finished_job / "output" / "reconviagen"
    plain = held(http.get(f"/jobs/{finished_job}/download").content)
    names = ["mesh.glb", "quality.json", "mesh.mtl", "previews/textured_00.png"]
    for name in names:
        (model / name).unlink()
        put(model / name)
    expected = plain - {f"reconviagen/{name}" for name in names}
    with caplog.at_level(logging.WARNING, "result_packager"):
        assert held(http.get(f"/jobs/{finished_job}/download").content) == expected
    assert "'reconviagen/mesh.glb' (not a regular file)" in caplog.text
    several = held(http.get(f"/jobs/download?job={finished_job}").content)
    assert several == {f"{finished_job}/{name}" for name in expected} | {"report.csv"}
    for path in (
        "files/reconviagen/mesh.glb",
        "files/reconviagen/quality.json",
        "thumbnails/reconviagen/textured_00.png",
    ):
        response = http.get(f"/jobs/{finished_job}/{path}")
        assert code_of(response) == (404, "FILE_NOT_FOUND")
    [told] = http.get(f"/jobs/{finished_job}").json()["models"]
    assert set(told["files"]).isdisjoint(names)
    assert told["quality"] is None

    (model / "mesh.obj").unlink()
    response = http.get(f"/jobs/{finished_job}/download")
    assert code_of(response) == (500, "INCOMPLETE_RESULTS")
    missing = response.json()["error"]["details"]["missing"]
    assert missing == ["reconviagen/mesh.glb or mesh.obj"]
    if model.joinpath("mesh.ply").exists():
        (model / "mesh.ply").unlink()
        put(model / "mesh.ply")
    assert code_of(http.get(f"/jobs/{finished_job}/view/reconviagen.glb")) == (
        404,
        "FILE_NOT_FOUND",
    )


def test_symbolic_links_are_never_followed(
    http: TestClient, finished_job: str, storage: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.glb").write_text("secret")
    model = storage / finished_job / "output" / "reconviagen"
    (model / "mesh.glb").unlink()
    (model / "mesh.glb").symlink_to(tmp_path / "secret.glb")
    response = http.get(f"/jobs/{finished_job}/files/reconviagen/mesh.glb")
    assert code_of(response) == (404, "FILE_NOT_FOUND")
    (storage / "linked").symlink_to(storage / finished_job)
    response = http.get("/jobs/linked/files/reconviagen/mesh.ply")
    assert code_of(response) == (404, "FILE_NOT_FOUND")


def test_a_link_in_place_of_the_outputs_is_none(
    http: TestClient, finished_job: str, storage: Path, put_record: Callable[..., None]
) -> None:
    (storage / "linked").mkdir()
    (storage / "linked" / "output").symlink_to(storage / finished_job / "output")
    put_record("linked", "SUCCESS", DONE)
    response = http.get("/jobs/linked/download")
    assert (response.status_code, b"glTF" in response.content) == (500, False)


@pytest.mark.parametrize(
    "forbidden", ["", "output", "output/reconviagen", "output/reconviagen/mesh.glb"]
)
def test_unreadable_is_neither_expired_nor_changing_nor_incomplete(
    http: TestClient,
    finished_job: str,
    storage: Path,
    tmp_path: Path,
    forbidden: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "anyones").mkdir()
    (tmp_path / "anyones").chmod(0o777)
    monkeypatch.setenv("CATALOG_URL", f"sqlite:///{tmp_path / 'anyones' / 'catalog.sqlite3'}")
    path = storage / finished_job / forbidden
    page = page_at(job=finished_job)
    path.chmod(0)
    try:
        with powerless(tmp_path):
            response = http.get(f"/jobs/{finished_job}/download")
            together = http.get(f"/jobs/download?job={finished_job}")
            listed = http.get("/jobs").json()["jobs"]
            page.run()
    finally:
        path.chmod(0o755)
    assert code_of(response) == (500, "RESULTS_UNREADABLE")
    assert code_of(together) == (500, "RESULTS_UNREADABLE")
    assert not page.exception
    assert [job["status"] for job in listed] == ["unreadable"]
    assert "`RESULTS_UNREADABLE` · HTTP 500" in page.error[0].value


@pytest.mark.parametrize("job_id", ["abcd1234", "nobody"])
def test_a_storage_that_may_not_be_entered_is_told(
    http: TestClient, finished_job: str, storage: Path, tmp_path: Path, job_id: str
) -> None:
    storage.chmod(0)
    try:
        with powerless(tmp_path):
            response = http.get(f"/jobs/{job_id}/download")
    finally:
        storage.chmod(0o755)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "STORAGE_UNAVAILABLE")


@pytest.mark.parametrize("year", [1969, 1970, 2108])
def test_odd_dates_are_clamped(
    http: TestClient, finished_job: str, storage: Path, year: int
) -> None:
    seconds = {1969: -1000, 1970: 1000, 2108: 4_370_000_000}[year]
    for path in (storage / finished_job).rglob("*"):
        os.utime(path, (seconds, seconds))
    for address in (f"/jobs/{finished_job}/download", f"/jobs/download?job={finished_job}"):
        response = http.get(address)
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            assert archive.testzip() is None
            dates = [m.date_time for m in archive.infolist() if m.filename != "report.csv"]
        assert len(dates) > 5
        assert {date[0] for date in dates} == {1980 if year < 1980 else 2107}
    assert http.get(f"/jobs/{finished_job}").status_code == 200
    for path in ("files/reconviagen/mesh.glb", "thumbnails/reconviagen/textured_00.png"):
        assert http.get(f"/jobs/{finished_job}/{path}").status_code == 200


ODD = ["a..b", "back\\slash", "co:lon", "new\nline", "\u202egnp.exe", b"not-utf8-\xff"]


def test_odd_names_are_skipped_and_logged(
    http: TestClient, finished_job: str, storage: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = storage / finished_job / "output"
    plain = {member.arcname for member in list_members(output)}
    for odd in map(os.fsdecode, ODD):
        (output / odd).mkdir()
        (output / odd / "mesh.glb").write_bytes(b"odd")
        (output / "reconviagen" / "previews" / f"{odd}.png").write_bytes(b"odd")
    with caplog.at_level(logging.WARNING, "result_packager"):
        assert held(http.get(f"/jobs/{finished_job}/download").content) == plain
    assert caplog.text.count("(odd name)") == 2 * len(ODD)
    assert caplog.text.isascii()
    several = held(http.get(f"/jobs/download?job={finished_job}").content)
    assert several == {f"{finished_job}/{name}" for name in plain} | {"report.csv"}
    told = http.get(f"/jobs/{finished_job}").json()
    assert [model["name"] for model in told["models"]] == ["reconviagen"]
    assert len(told["models"][0]["files"]) == len(plain)
    open_page(job=finished_job)
