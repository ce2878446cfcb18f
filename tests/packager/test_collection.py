"""Several jobs in one archive: each as in its own, whole or not there at all."""

import io
import os
import shutil
import struct
import subprocess
import tracemalloc
import zipfile

import pytest

from result_packager import (
    Collection,
    IncompleteResultsError,
    ResultsChangedError,
    container,
    create_result_zip,
)

pytestmark = pytest.mark.usefixtures("nothing_left")


def packed(collection, job_id, output):
    """Pack a job to its end; return its bytes."""
    target = io.BytesIO()
    assert sum(collection.pack_job(job_id, output, target)) == target.tell()
    return target.getvalue()


@pytest.fixture
def two_jobs(write_job, job_files):
    """The output directories of two jobs."""
    other = {"größe/mesh.obj": b"v 0 0 0\n" * 90_000, "größe/mesh.mtl": b"map_Kd mesh.png\n"}
    return {"first": write_job(job_files, job="first"), "second": write_job(other, job="second")}


@pytest.fixture
def collected(two_jobs):
    """An archive of both, with a note at its end."""
    collection = Collection()
    parts = [packed(collection, job_id, output) for job_id, output in two_jobs.items()]
    return b"".join([*parts, collection.add_file("report.csv", b"job_id\n"), collection.end()])


def raw_members(archive):
    """What lies compressed in an archive, by member."""
    with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
        starts = {info.filename: info.header_offset for info in zipped.infolist()}
        sizes = {info.filename: info.compress_size for info in zipped.infolist()}
    members = {}
    for name, start in starts.items():
        name_bytes, extra_bytes = struct.unpack_from("<2H", archive, start + 26)
        data = start + 30 + name_bytes + extra_bytes
        members[name] = archive[data : data + sizes[name]]
    return members


def test_members_are_those_of_the_jobs_own_archives(collected, two_jobs, read_back):
    expected, raw = {"report.csv": b"job_id\n"}, {}
    for job_id, output in two_jobs.items():
        own = create_result_zip(job_id, output).getvalue()
        expected |= {f"{job_id}/{name}": data for name, data in read_back(own).items()}
        raw |= {f"{job_id}/{name}": data for name, data in raw_members(own).items()}
    assert read_back(collected) == expected
    assert b"texture.png" in expected["second/größe/mesh.mtl"]
    assert raw.items() <= raw_members(collected).items()


@pytest.mark.parametrize("command", [["unzip", "-tqq"], ["7z", "t", "-bso0"], ["bsdtar", "-tf"]])
@pytest.mark.parametrize("limits", [(0xFFFFFFFF, 0xFFFF), (1_500_000, 3)], ids=["plain", "zip64"])
def test_foreign_tools_find_it_sound(two_jobs, tmp_path, monkeypatch, command, limits):
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    monkeypatch.setattr(container, "ZIP64_SIZE", limits[0])
    monkeypatch.setattr(container, "ZIP64_COUNT", limits[1])
    collection = Collection()
    parts = [packed(collection, job_id, output) for job_id, output in two_jobs.items()]
    (tmp_path / "jobs.zip").write_bytes(b"".join([*parts, collection.end()]))
    done = subprocess.run([*command, tmp_path / "jobs.zip"], check=True, capture_output=True)
    assert done.stderr == b""


def test_more_members_than_a_short_directory_counts(tmp_path):
    collection, path = Collection(), tmp_path / "many.zip"
    with path.open("wb") as file:
        for number in range(70_000):
            file.write(collection.add_file(f"{number}.txt", b""))
        file.write(collection.end())
    with zipfile.ZipFile(path) as zipped:
        assert len(zipped.namelist()) == 70_000
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-tqq", path], check=True)


def change_on_the_way(output, target):
    """Grow a job's last member once its first bytes are written."""

    class Target(io.BytesIO):
        def write(self, data):
            with (output / target).open("ab") as file:
                file.write(b" ")
            return super().write(data)

    return Target()


@pytest.mark.parametrize("changed", ["reconviagen/mesh.glb", "reconviagen/quality.json"])
def test_a_job_that_changes_on_the_way_leaves_nothing_and_harms_no_other(
    two_jobs, small_job, read_back, changed
):
    collection = Collection()
    target = change_on_the_way(two_jobs["first"], changed)
    with pytest.raises(ResultsChangedError, match=changed):
        list(collection.pack_job("first", two_jobs["first"], target))
    archive = packed(collection, "small", small_job) + collection.end()
    own = read_back(create_result_zip("small", small_job).getvalue())
    assert read_back(archive) == {f"small/{name}": data for name, data in own.items()}


@pytest.mark.parametrize("steps", [1, 3, 12])
def test_a_job_given_up_leaves_nothing(two_jobs, small_job, read_back, steps):
    collection = Collection()
    packing = collection.pack_job("first", two_jobs["first"], io.BytesIO())
    for _ in range(steps):
        next(packing)
    packing.close()
    archive = packed(collection, "small", small_job) + collection.end()
    assert set(read_back(archive)) == {
        "small/reconviagen/mesh.glb",
        "small/reconviagen/quality.json",
    }


def test_a_target_that_takes_no_more_leaves_nothing(two_jobs, read_back):
    class Full(io.BytesIO):
        def write(self, data):
            if self.tell() > 100_000:
                raise OSError(28, "No space left on device")
            return super().write(data)

    collection = Collection()
    with pytest.raises(OSError, match="No space"):
        list(collection.pack_job("first", two_jobs["first"], Full()))
    assert read_back(collection.end()) == {}


def test_an_incomplete_job_is_refused_before_anything_is_written(write_job):
    output, target = write_job({"m/quality.json": b"{}"}), io.BytesIO()
    with pytest.raises(IncompleteResultsError):
        list(Collection().pack_job("j0b", output, target))
    assert target.tell() == 0


@pytest.mark.parametrize("job_id", ["", "..", "a/b", "../up", "/etc", "a\\b", "a\n"])
def test_no_folder_leads_out_of_the_archive(small_job, job_id):
    with pytest.raises(ValueError, match="folder"):
        list(Collection().pack_job(job_id, small_job, io.BytesIO()))


def test_memory_grows_by_the_directory_alone(small_job):
    """Of 20,000 members it keeps their lines of the directory, and of their data nothing."""
    collection, data = Collection(), os.urandom(10_000)
    tracemalloc.start()
    try:
        for number in range(20_000):
            collection.add_file(f"job{number:08}/reconviagen/previews/textured_00.png", data)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept / 20_000 < 150
