"""What an archive holds, byte for byte, and that every unzipper reads it."""

import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from result_packager import archive, container, create_result_zip, pieces, stream_result_zip

PIECE = pieces.PIECE_BYTES


def test_the_archive_holds_the_bytes_on_disk(finished_job, archived, read_back):
    held = create_result_zip("j0b", finished_job)
    assert held.tell() == 0
    assert read_back(held.getvalue()) == archived


def test_the_stream_is_the_same_bytes(finished_job):
    streamed = b"".join(stream_result_zip("j0b", finished_job))
    assert streamed == create_result_zip("other-j0b", finished_job).getvalue()


def test_members_are_sorted_deflated_and_alike(finished_job):
    with zipfile.ZipFile(create_result_zip("j0b", finished_job)) as zipped:
        infos = zipped.infolist()
    assert [info.filename for info in infos] == sorted(info.filename for info in infos)
    for info in infos:
        assert info.compress_type == zipfile.ZIP_DEFLATED
        assert (info.create_system, info.external_attr) == (3, 0o100644 << 16)
        assert not info.is_dir()
        assert info.extra == b""


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_workers_makes_the_same_bytes(finished_job, monkeypatch, workers):
    expected = create_result_zip("j0b", finished_job).getvalue()
    monkeypatch.setattr(archive, "worker_count", lambda: workers)
    assert create_result_zip("j0b", finished_job).getvalue() == expected


def test_the_same_files_elsewhere_and_in_another_time_zone_make_the_same_bytes(
    write_job, job_files, monkeypatch
):
    made = []
    for zone in ("UTC", "Pacific/Kiritimati", "America/St_Johns"):
        output = write_job(dict(reversed(job_files.items())), job=zone.replace("/", "-"))
        for path in output.rglob("*"):
            os.utime(path, (0, 1_700_000_000))
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        made.append(create_result_zip("j0b", output).getvalue())
    monkeypatch.undo()
    time.tzset()
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize(
    ("mtime", "date"),
    [
        (-86_400 * 365, (1980, 1, 1, 0, 0, 0)),
        (0, (1980, 1, 1, 0, 0, 0)),
        (315_532_799, (1980, 1, 1, 0, 0, 0)),
        (315_532_802, (1980, 1, 1, 0, 0, 2)),
        (1_700_000_001.9, (2023, 11, 14, 22, 13, 20)),
        (4_354_819_198, (2107, 12, 31, 23, 59, 58)),
        (4_354_819_200, (2107, 12, 31, 23, 59, 58)),
        (4_400_000_000, (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_dates_are_utc_and_clamped(small_job, mtime, date):
    os.utime(small_job / "reconviagen/mesh.glb", (mtime, mtime))
    with zipfile.ZipFile(create_result_zip("j0b", small_job)) as zipped:
        assert zipped.getinfo("reconviagen/mesh.glb").date_time == date


def test_only_names_beyond_ascii_carry_the_utf8_flag(write_job):
    output = write_job({"plain/mesh.glb": b"1", "größe/mesh.glb": b"2"})
    with zipfile.ZipFile(create_result_zip("j0b", output)) as zipped:
        flags = {info.filename: bool(info.flag_bits & 0x800) for info in zipped.infolist()}
    assert flags == {"plain/mesh.glb": False, "größe/mesh.glb": True}


# ---- sizes at every border -------------------------------------------------------------------


def content(kind: str, size: int) -> bytes:
    if kind == "zeros":
        return bytes(size)
    if kind == "incompressible":
        return os.urandom(size)
    return (b"v 0.123 4.567 8.901\n" * (size // 20 + 1))[:size]


@pytest.mark.parametrize("kind", ["zeros", "incompressible", "text"])
@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 1])
def test_sizes_around_the_piece_borders(write_job, read_back, kind, size):
    data = content(kind, size)
    output = write_job({"m/mesh.glb": data, "m/mesh.png": data, "m/mesh.obj": b""})
    held = read_back(create_result_zip("j0b", output).getvalue())
    assert held == {"m/mesh.glb": data, "m/texture.png": data, "m/mesh.obj": b""}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["mesh.glb", "mesh.obj", "mesh.png", "previews/a.png"]),
            st.sampled_from(["zeros", "incompressible", "text"]),
            st.one_of(
                st.integers(0, 300),
                st.sampled_from([n * (128 << 10) + d for n in range(1, 5) for d in (-1, 0, 1)]),
            ),
        ),
        max_size=4,
    )
)  # fmt: skip
def test_any_mix_of_sizes_reads_back(members):
    files = {"mesh.ply": b"ply", "mesh.glb": b""}
    files |= {name: content(kind, size) for name, kind, size in members}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", 128 << 10)
        patch.setattr(pieces, "REFERENCE_PIECE_BYTES", 256 << 10)
        model = Path(folder, "output/m")
        (model / "previews").mkdir(parents=True)
        for name, data in files.items():
            (model / name).write_bytes(data)
        held = create_result_zip("j0b", model.parent)
        assert b"".join(stream_result_zip("j0b", model.parent)) == held.getvalue()
    with zipfile.ZipFile(held) as zipped:
        read = {name.removeprefix("m/"): zipped.read(name) for name in zipped.namelist()}
    files = {name.replace("mesh.png", "texture.png"): data for name, data in files.items()}
    assert read == files


# ---- foreign readers -------------------------------------------------------------------------

READERS = {
    "unzip": (["unzip", "-tqq"], ["unzip", "-qq"], "-d"),
    "7z": (["7z", "t", "-bso0"], ["7z", "x", "-bso0", "-bsp0"], "-o"),
    "bsdtar": (["bsdtar", "-tf"], ["bsdtar", "-xf"], "-C"),
}


def read_by(tool: str, data: bytes, *, folder: Path) -> dict[str, bytes]:
    """Test and unpack an archive with a foreign tool; its warnings are errors."""
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    test, unpack, into = READERS[tool]
    path, target = folder / "j0b.zip", folder / "unpacked"
    path.write_bytes(data)
    target.mkdir()
    subprocess.run([*test, str(path)], check=True, stdout=subprocess.DEVNULL)
    where = [f"{into}{target}"] if tool == "7z" else [into, str(target)]
    done = subprocess.run([*unpack, str(path), *where], check=True, capture_output=True)
    assert done.stderr == b""
    return {
        str(file.relative_to(target)): file.read_bytes()
        for file in target.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize("tool", READERS)
def test_foreign_tools_unpack_the_bytes_on_disk(finished_job, archived, tmp_path, tool):
    data = create_result_zip("j0b", finished_job).getvalue()
    assert read_by(tool, data, folder=tmp_path) == archived


@pytest.mark.parametrize("tool", READERS)
def test_foreign_tools_read_names_beyond_ascii_and_empty_members(
    write_job, tmp_path, monkeypatch, tool
):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    files = {"größe 模型/mesh.glb": b"", "größe 模型/previews/ö.png": bytes(300_000)}
    data = create_result_zip("j0b", write_job(files)).getvalue()
    assert read_by(tool, data, folder=tmp_path) == files


def test_bsdtar_reads_the_stream_from_a_pipe(finished_job):
    """A pipe cannot be sought: sizes are found by the descriptors behind the data."""
    if not shutil.which("bsdtar"):
        pytest.skip("bsdtar is not installed")
    data = create_result_zip("j0b", finished_job).getvalue()
    done = subprocess.run(["bsdtar", "-tf", "-"], input=data, check=True, capture_output=True)
    with zipfile.ZipFile(io.BytesIO(data)) as zipped:
        assert done.stdout.decode().splitlines() == zipped.namelist()


# ---- ZIP64 -----------------------------------------------------------------------------------

ZIP64_END = b"PK\6\6"


def test_small_archives_carry_no_zip64(finished_job):
    data = create_result_zip("j0b", finished_job).getvalue()
    assert ZIP64_END not in data[-200:]


@pytest.fixture(
    params=[(50_000, 0xFFFF), (1_500_000, 0xFFFF), (0xFFFFFFFF, 3), (1, 1)],
    ids=["sizes", "offsets", "count", "all"],
)
def exceeding_zip(request, finished_job, monkeypatch):
    """The bytes of an archive whose sizes, offsets or members are too many for their fields."""
    monkeypatch.setattr(container, "ZIP64_SIZE", request.param[0])
    monkeypatch.setattr(container, "ZIP64_COUNT", request.param[1])
    return create_result_zip("j0b", finished_job).getvalue()


@pytest.mark.parametrize("reader", ["python", *READERS])
def test_what_exceeds_a_field_moves_to_zip64(exceeding_zip, archived, tmp_path, read_back, reader):
    assert ZIP64_END in exceeding_zip[-200:]
    read = read_back if reader == "python" else partial(read_by, reader, folder=tmp_path)
    assert read(exceeding_zip) == archived


def test_a_member_just_below_the_limit_needs_no_zip64(write_job, monkeypatch):
    output = write_job({"m/mesh.glb": b"x" * 999})
    monkeypatch.setattr(container, "ZIP64_SIZE", 1000)
    assert ZIP64_END not in create_result_zip("j0b", output).getvalue()
    (output / "m/mesh.glb").write_bytes(b"x" * 1000)
    with zipfile.ZipFile(create_result_zip("j0b", output)) as zipped:
        assert zipped.infolist()[0].file_size == 1000
        assert zipped.infolist()[0].extract_version == 45


@pytest.mark.slow
def test_a_member_of_more_than_4_gib_reads_back(write_job, tmp_path):
    output = write_job({"m/mesh.glb": b"", "m/mesh.obj": b"v 0 0 0\n"}, age_s=0)
    with (output / "m/mesh.glb").open("wb") as file:
        file.truncate((1 << 32) + 5)
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        file.writelines(stream_result_zip("j0b", output))
    with zipfile.ZipFile(path) as zipped:
        assert zipped.getinfo("m/mesh.glb").file_size == (1 << 32) + 5
        assert zipped.testzip() is None
    for tool in READERS:
        if shutil.which(tool):
            subprocess.run([*READERS[tool][0], str(path)], check=True, stdout=subprocess.DEVNULL)


# ---- on its own ------------------------------------------------------------------------------


def test_the_packager_imports_nothing_of_the_dashboard():
    script = """
import sys, result_packager
banned = {"dashboard", "streamlit", "celery", "starlette", "anyio", "redis", "numpy", "PIL"}
sys.exit(", ".join(banned & set(sys.modules)) or None)
"""
    home = Path(archive.__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(home)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, cwd="/")
