"""Which files are members: by name, by kind, at every level."""

import logging
import os
import socket
from pathlib import Path

import pytest

from result_packager import (
    IncompleteResultsError,
    Member,
    create_result_zip,
    list_members,
    open_member,
    validate_job_outputs,
)

COMPLETE = {"reconviagen/mesh.glb": b"glTF"}


def names(output):
    return [member.arcname for member in list_members(output)]


def test_members_are_the_contracts_files_sorted_by_their_name_in_the_archive(write_job):
    output = write_job(
        {
            "reconviagen/mesh.glb": b"1",
            "reconviagen/mesh.obj": b"1",
            "reconviagen/mesh.ply": b"1",
            "reconviagen/mesh.mtl": b"1",
            "reconviagen/mesh.png": b"1",
            "reconviagen/quality.json": b"1",
            "reconviagen/previews/anything.png": b"1",
            "reconviagen/notes.txt": b"0",
            "reconviagen/texture.png": b"0",
            "reconviagen/MESH.GLB": b"0",
            "reconviagen/previews/readme.md": b"0",
            "reconviagen/previews/deeper/a.png": b"0",
            "reconviagen/debug/mesh.glb": b"0",
            "another model/mesh.obj": b"1",
            "stray.glb": b"0",
        }
    )
    assert names(output) == [
        "another model/mesh.obj",
        "reconviagen/mesh.glb",
        "reconviagen/mesh.mtl",
        "reconviagen/mesh.obj",
        "reconviagen/mesh.ply",
        "reconviagen/previews/anything.png",
        "reconviagen/quality.json",
        "reconviagen/texture.png",
    ]


def test_a_member_carries_its_name_on_disk_size_and_date(write_job):
    output = write_job({**COMPLETE, "reconviagen/mesh.png": b"12345"})
    os.utime(output / "reconviagen/mesh.png", ns=(0, 1_700_000_000_123_456_789))
    assert list_members(output)[1] == Member(
        model="reconviagen",
        name="mesh.png",
        arcname="reconviagen/texture.png",
        size_bytes=5,
        mtime_ns=1_700_000_000_123_456_789,
    )


def test_incomplete_outputs_are_listed_as_far_as_they_go(write_job):
    output = write_job({"reconviagen/quality.json": b"{}", "nvdiffrec/mesh.ply": b"ply"})
    assert names(output) == ["nvdiffrec/mesh.ply", "reconviagen/quality.json"]


def test_no_directory_has_no_members(tmp_path):
    assert list_members(tmp_path / "absent") == []
    (tmp_path / "file").write_bytes(b"")
    assert list_members(tmp_path / "file") == []


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({"stray.txt": b""}, ["a model directory"]),
        ({"nvdiffrec/mesh.ply": b""}, ["nvdiffrec/mesh.glb or mesh.obj"]),
        (
            {"b/quality.json": b"", "a/mesh.mtl": b"", "c/mesh.obj": b""},
            ["a/mesh.glb or mesh.obj", "b/mesh.glb or mesh.obj"],
        ),
        ({".hidden/mesh.glb": b""}, ["a model directory"]),
        ({"a/mesh.obj": b""}, []),
        ({"a/mesh.glb": b"", "b/mesh.obj": b""}, []),
    ],
)
def test_what_is_missing_is_named(write_job, files, missing):
    output = write_job(files)
    assert validate_job_outputs(output) == (not missing, missing)
    if missing:
        with pytest.raises(IncompleteResultsError) as refusal:
            create_result_zip("j0b", output)
        assert refusal.value.missing_items == missing
        assert all(item in refusal.value.message for item in missing)
        assert str(output) not in str(refusal.value)


def test_no_output_directory_is_incomplete(tmp_path):
    absent = tmp_path / "output"
    assert validate_job_outputs(absent) == (False, ["output directory"])
    with pytest.raises(IncompleteResultsError) as refusal:
        create_result_zip("j0b", absent)
    assert refusal.value.missing_items == ["output directory"]
    assert str(tmp_path) not in str(refusal.value)


def test_a_link_to_an_output_directory_is_none(tmp_path, small_job):
    (tmp_path / "link").symlink_to(small_job)
    assert list_members(tmp_path / "link") == []
    assert validate_job_outputs(tmp_path / "link") == (False, ["output directory"])
    with pytest.raises(FileNotFoundError):
        open_member(tmp_path / "link", "reconviagen", "mesh.glb")


def test_links_are_never_followed_at_any_level(tmp_path, write_job):
    secret = tmp_path / "secret"
    (secret / "previews").mkdir(parents=True)
    for name in ("mesh.glb", "previews/a.png"):
        (secret / name).write_bytes(b"secret")
    output = write_job(COMPLETE)
    (output / "linked").symlink_to(secret)
    (output / "reconviagen/previews").symlink_to(secret / "previews")
    (output / "reconviagen/mesh.obj").symlink_to(secret / "mesh.glb")
    (output / "reconviagen/mesh.ply").symlink_to("mesh.glb")
    assert names(output) == ["reconviagen/mesh.glb"]
    for model, name in [
        ("linked", "mesh.glb"),
        ("reconviagen", "previews/a.png"),
        ("reconviagen", "mesh.obj"),
        ("reconviagen", "mesh.ply"),
    ]:
        with pytest.raises(FileNotFoundError):
            open_member(output, model, name)


def special(path: Path, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "dangling link":
        path.symlink_to("nowhere")
    elif kind == "socket":
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path may have 107 bytes only
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
        os.chdir(here)
    elif kind == "device":
        try:
            os.mknod(path, 0o600 | 0o020000, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("only root makes devices")


@pytest.mark.parametrize("kind", ["fifo", "directory", "dangling link", "socket", "device"])
def test_what_is_no_regular_file_is_left_out_and_logged(write_job, caplog, kind):
    output = write_job({"reconviagen/mesh.obj": b"v 0 0 0\n"})
    special(output / "reconviagen/mesh.glb", kind)
    assert names(output) == ["reconviagen/mesh.obj"]
    with pytest.raises(FileNotFoundError):
        open_member(output, "reconviagen", "mesh.glb")
    with caplog.at_level(logging.WARNING, "result_packager"):
        create_result_zip("j0b", output)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "'reconviagen/mesh.glb' (not a regular file)" in caplog.text


@pytest.mark.parametrize("kind", ["fifo", "directory", "dangling link", "socket"])
def test_a_model_whose_only_mesh_is_no_regular_file_is_incomplete(write_job, kind):
    output = write_job({"reconviagen/quality.json": b"{}"})
    special(output / "reconviagen/mesh.glb", kind)
    assert validate_job_outputs(output) == (False, ["reconviagen/mesh.glb or mesh.obj"])


ODD = [
    "..png.png",
    "a..b.png",
    "back\\slash.png",
    "co:lon.png",
    "new\nline.png",
    "tab\t.png",
    "nul\x01.png",
    "\u202egnp.exe.png",
    "zero\u200bwidth.png",
    "no-break\u00a0space.png",
    "sta*r.png",
    "wh?at.png",
    'quo"te.png',
    "<tag>.png",
    "pi|pe.png",
    ".hidden.png",
    b"not-utf8-\xff.png",
    b"surrogate-\xed\xa0\x80.png",
]


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_odd_names_are_left_out_and_logged_escaped(write_job, caplog, read_back, odd):
    output = write_job({**COMPLETE, "reconviagen/previews/plain.png": b"1"})
    odd = os.fsdecode(odd)
    (output / "reconviagen/previews" / odd).write_bytes(b"2")
    (output / odd).mkdir()
    (output / odd / "mesh.glb").write_bytes(b"3")
    with caplog.at_level(logging.WARNING, "result_packager"):
        archive = create_result_zip("j0b", output).getvalue()
    assert list(read_back(archive)) == ["reconviagen/mesh.glb", "reconviagen/previews/plain.png"]
    (record,) = caplog.records
    assert record.getMessage().count("(odd name)") == 2
    assert record.getMessage().isascii()
    assert record.getMessage().isprintable()
    with pytest.raises(FileNotFoundError):
        open_member(output, "reconviagen", f"previews/{odd}")


@pytest.mark.parametrize("model", ["trailing.", "trailing ", " ", ".", "a..b", "a:b", "\x7f"])
def test_an_odd_model_is_no_model(write_job, model):
    output = write_job({"reconviagen/mesh.glb": b"glTF"})
    (output / model).mkdir(exist_ok=True)
    assert validate_job_outputs(output) == (True, [])
    assert names(output) == ["reconviagen/mesh.glb"]


def test_plain_names_of_any_script_are_members(write_job, read_back):
    files = {"modèle/mesh.glb": b"1", "モデル 2/mesh.obj": b"2", "🦊/previews/ä ö.png": b"3"}
    output = write_job({**files, "🦊/mesh.glb": b"4"})
    assert read_back(create_result_zip("j0b", output).getvalue()) == {**files, "🦊/mesh.glb": b"4"}


def test_every_listed_member_opens_and_reads(finished_job, job_files):
    read = {}
    for member in list_members(finished_job):
        with open_member(finished_job, member.model, member.name) as file:
            read[f"{member.model}/{member.name}"] = file.read()
    assert read == job_files


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("reconviagen", "../reconviagen/mesh.glb"),
        ("reconviagen", "previews/../mesh.glb"),
        ("reconviagen", "/etc/passwd"),
        ("reconviagen", "previews//etc/passwd.png"),
        ("reconviagen", "previews/"),
        ("reconviagen", "previews/.png"),
        ("reconviagen", ""),
        ("reconviagen", "mesh.glb\0"),
        ("reconviagen", "mesh.glb/"),
        ("reconviagen", "mesh.obj"),
        ("reconviagen", "notes.txt"),
        ("reconviagen", "texture.png"),
        ("..", "mesh.glb"),
        (".", "mesh.glb"),
        ("", "mesh.glb"),
        ("reconviagen/../reconviagen", "mesh.glb"),
        ("/", "mesh.glb"),
        ("x" * 300, "mesh.glb"),
        ("reconviagen", "previews/" + "x" * 300 + ".png"),
        ("absent", "mesh.glb"),
    ],
)
def test_only_members_open(write_job, model, name):
    output = write_job({**COMPLETE, "reconviagen/notes.txt": b"", "mesh.glb": b""})
    with pytest.raises(FileNotFoundError) as refusal:
        open_member(output, model, name)
    assert str(output) not in str(refusal.value)
