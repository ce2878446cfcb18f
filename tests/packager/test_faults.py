"""A fault in any stage is named, and leaves no thread, descriptor or temporary file."""

import errno
import gc
import os
import threading

import pytest

from result_packager import (
    ResultPackagerError,
    ResultsUnreadableError,
    container,
    create_result_zip,
    directories,
    list_members,
    open_member,
    outputs,
    pieces,
    planning,
    stream_result_zip,
    validate_job_outputs,
)
from tests.powerless import powerless

pytestmark = pytest.mark.usefixtures("nothing_left")


class PowerCutError(Exception):
    """A fault that nobody expects."""


def failing_after(calls, function, error):
    """Let a function work for some calls and then fail for good."""
    done = []

    def call(*arguments, **options):
        done.append(1)
        if len(done) > calls:
            raise error
        return function(*arguments, **options)

    return call


IO_ERROR = OSError(errno.EIO, "Input/output error", "/srv/secret/place")
STAGES = {
    "listing": (directories.os, "scandir", IO_ERROR),
    "opening": (directories.os, "open", IO_ERROR),
    "stamping": (outputs.os, "fstat", IO_ERROR),
    "reading": (outputs.os, "pread", IO_ERROR),
    "planning": (planning, "deflate", PowerCutError()),
    "compressing": (pieces, "deflate", PowerCutError()),
    "rewriting": (pieces, "name_archived_texture", PowerCutError()),
    "header": (container.Container, "header", PowerCutError()),
    "large header": (container.Container, "header_of_stream", PowerCutError()),
    "descriptor": (container.Container, "descriptor", PowerCutError()),
    "end": (container.Container, "end", PowerCutError()),
    "memory": (pieces, "deflate", MemoryError()),
    "interrupt": (container.Container, "descriptor", KeyboardInterrupt()),
}


@pytest.mark.parametrize("calls", [0, 1, 5, 20])
@pytest.mark.parametrize("stage", STAGES)
def test_a_fault_in_any_stage_leaves_nothing_behind(finished_job, monkeypatch, stage, calls):
    place, name, error = STAGES[stage]
    expected = ResultsUnreadableError if error is IO_ERROR else type(error)
    for pack in (create_result_zip, lambda *job: b"".join(stream_result_zip(*job))):
        refusals = []
        with monkeypatch.context() as patch:
            patch.setattr(place, name, failing_after(calls, getattr(place, name), error))
            try:
                pack("j0b", finished_job)
            except expected as refusal:
                refusals.append(str(refusal))
        assert refusals or calls > 0, "this stage was never reached"
        assert "secret" not in "".join(refusals)


def test_an_io_error_names_the_member_and_no_path(finished_job, monkeypatch):
    monkeypatch.setattr(outputs.os, "pread", failing_after(30, os.pread, IO_ERROR))
    with pytest.raises(ResultsUnreadableError, match=r"^\w+/[\w/.]+ cannot be read \(EIO\)$"):
        create_result_zip("j0b", finished_job)


def test_the_first_bytes_of_a_stream_wait_for_no_large_member(write_job, monkeypatch):
    output = write_job({"m/mesh.glb": bytes(9_000_000), "m/mesh.mtl": b"Kd 1 1 1\n"})
    with monkeypatch.context() as patch:
        patch.setattr(outputs.os, "pread", failing_after(0, os.pread, IO_ERROR))
        stream = stream_result_zip("j0b", output)
        assert next(stream).startswith(b"PK\3\4")
    stream.close()


def test_the_first_bytes_of_a_stream_wait_for_no_plan(write_job, monkeypatch):
    output = write_job({"m/mesh.mtl": b"Kd 1 1 1\n", "m/mesh.obj": bytes(9_000_000)})
    with monkeypatch.context() as patch:
        patch.setattr(planning, "deflate", failing_after(0, None, PowerCutError()))
        stream = stream_result_zip("j0b", output)
        assert next(stream).startswith(b"PK\3\4")
        with pytest.raises(PowerCutError):
            list(stream)


def test_a_stream_never_read_holds_nothing_once_closed(finished_job):
    stream = stream_result_zip("j0b", finished_job)
    stream.close()
    assert list(stream) == []


@pytest.mark.parametrize("chunks", [1, 2, 5, 12])
def test_a_stream_given_up_holds_nothing_once_closed(finished_job, chunks):
    stream = stream_result_zip("j0b", finished_job)
    for _ in range(chunks):
        next(stream)
    stream.close()
    stream.close()


def test_a_stream_forgotten_is_closed_with_the_garbage(finished_job):
    stream = stream_result_zip("j0b", finished_job)
    next(stream)
    del stream
    gc.collect()


def test_closing_waits_for_a_chunk_that_another_thread_is_making(finished_job):
    stream = stream_result_zip("j0b", finished_job)
    next(stream)
    reader = threading.Thread(target=lambda: list(stream))
    reader.start()
    stream.close()
    reader.join()


def test_after_a_refusal_a_stream_is_over(finished_job):
    stream = stream_result_zip("j0b", finished_job)
    os.truncate(finished_job / "nvdiffrec/mesh.obj", 0)
    with pytest.raises(ResultPackagerError):
        list(stream)
    assert list(stream) == []


def test_streams_do_not_disturb_each_other(finished_job):
    expected = create_result_zip("j0b", finished_job).getvalue()
    made = {}

    def pack(number):
        made[number] = b"".join(stream_result_zip("j0b", finished_job))

    threads = [threading.Thread(target=pack, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == dict.fromkeys(range(4), expected)


# ---- permissions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "mode", "named"),
    [
        ("..", 0o000, "the output directory"),
        (".", 0o000, "the output directory"),
        (".", 0o444, "the output directory"),
        ("reconviagen", 0o000, "reconviagen"),
        ("reconviagen/previews", 0o000, "reconviagen/previews"),
    ],
)
def test_a_directory_that_may_not_be_read_is_unreadable_and_not_missing(
    finished_job, tmp_path, place, mode, named
):
    closed = (finished_job / place).resolve()  # "..", once closed, leads nowhere
    closed.chmod(mode)
    try:
        with powerless(tmp_path):
            for ask in (
                lambda: list_members(finished_job),
                lambda: validate_job_outputs(finished_job),
                lambda: create_result_zip("j0b", finished_job),
                lambda: stream_result_zip("j0b", finished_job),
            ):
                with pytest.raises(ResultsUnreadableError) as refusal:
                    ask()
                assert refusal.value.message == f"{named} cannot be read (EACCES)"
    finally:
        closed.chmod(0o755)


@pytest.mark.parametrize(
    ("name", "arcname"),
    [("mesh.png", "nvdiffrec/texture.png"), ("mesh.mtl", "nvdiffrec/mesh.mtl")],
)
def test_a_file_that_may_not_be_read_is_unreadable(finished_job, tmp_path, name, arcname):
    (finished_job / "nvdiffrec" / name).chmod(0)
    with powerless(tmp_path):
        assert arcname in [member.arcname for member in list_members(finished_job)]
        for ask in (
            lambda: open_member(finished_job, "nvdiffrec", name),
            lambda: create_result_zip("j0b", finished_job),
            lambda: stream_result_zip("j0b", finished_job),
        ):
            with pytest.raises(ResultsUnreadableError) as refusal:
                ask()
            assert refusal.value.message == f"{arcname} cannot be read (EACCES)"
