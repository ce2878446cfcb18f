"""A ZIP is whole or it is refused, whatever happens to the files meanwhile."""

import os
import random
import shutil
import subprocess
import threading
import time

import pytest

from result_packager import (
    IncompleteResultsError,
    ResultsChangedError,
    ResultsVanishedError,
    create_result_zip,
    outputs,
    stream_result_zip,
)

pytestmark = pytest.mark.usefixtures("nothing_left")

LARGE = "reconviagen/mesh.glb"


def rewrite(path):
    path.write_bytes(bytes(path.stat().st_size))


def grow(path):
    with path.open("ab") as file:
        file.write(b"more")


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


CHANGES = [rewrite, grow, truncate, empty]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("age_s", [600, 0], ids=["old", "just written"])
def test_a_member_changed_while_it_is_streamed_is_refused(write_job, change, age_s):
    """Even in the tick of the kernel's clock in which it was written."""
    for attempt in range(5):
        output = write_job(
            {LARGE: random.randbytes(9 << 20)}, job=f"{change.__name__}{attempt}", age_s=age_s
        )
        stream = stream_result_zip("j0b", output)
        next(stream)
        change(output / LARGE)
        with pytest.raises(ResultsChangedError, match=LARGE) as refusal:
            b"".join(stream)
        assert str(output) not in str(refusal.value)


@pytest.mark.parametrize("name", [LARGE, "reconviagen/quality.json"])
def test_a_member_changed_after_opening_is_refused_before_the_end(finished_job, name):
    stream = stream_result_zip("j0b", finished_job)
    grow(finished_job / name)
    with pytest.raises(ResultsChangedError, match=name):
        b"".join(stream)


def test_files_written_a_moment_ago_are_packed(write_job, job_files, archived, read_back):
    for attempt in range(3):
        output = write_job(job_files, job=f"fresh{attempt}", age_s=0)
        assert read_back(create_result_zip("j0b", output).getvalue()) == archived


def test_dates_in_the_future_are_no_reason_to_refuse(finished_job, archived, read_back):
    for path in finished_job.rglob("*"):
        os.utime(path, (time.time() + 9e6,) * 2)
    assert read_back(create_result_zip("j0b", finished_job).getvalue()) == archived


def test_outputs_removed_after_opening_still_make_a_whole_zip(finished_job, archived, read_back):
    stream = stream_result_zip("j0b", finished_job)
    shutil.rmtree(finished_job.parent)
    assert read_back(b"".join(stream)) == archived


def test_a_member_exchanged_for_another_file_does_no_harm(finished_job, archived, read_back):
    stream = stream_result_zip("j0b", finished_job)
    (finished_job / "new").write_bytes(b"another")
    (finished_job / "new").replace(finished_job / LARGE)
    assert read_back(b"".join(stream)) == archived


def test_more_members_than_are_held_open_are_packed(write_job, monkeypatch, read_back):
    monkeypatch.setattr(outputs, "HELD_OPEN", 3)
    files = {f"m/previews/{n:03}.png": b"%d" % n for n in range(40)} | {"m/mesh.glb": b"glTF"}
    output = write_job(files)
    assert read_back(create_result_zip("j0b", output).getvalue()) == files


@pytest.mark.parametrize("change", [*CHANGES, os.remove])
def test_a_change_of_a_member_not_held_open_is_refused(write_job, monkeypatch, change):
    monkeypatch.setattr(outputs, "HELD_OPEN", 1)
    output = write_job({"m/mesh.glb": b"glTF", "m/mesh.ply": b"ply " * 9})
    stream = stream_result_zip("j0b", output)
    change(output / "m/mesh.ply")
    with pytest.raises(ResultsChangedError, match=r"m/mesh\.ply"):
        b"".join(stream)


def test_a_vanished_directory_is_told_from_a_vanished_file(write_job, monkeypatch):
    monkeypatch.setattr(outputs, "HELD_OPEN", 0)
    output = write_job({"m/mesh.glb": b"glTF"})
    stream = stream_result_zip("j0b", output)
    shutil.rmtree(output)
    with pytest.raises(ResultsVanishedError) as refusal:
        b"".join(stream)
    assert str(output) not in str(refusal.value)


def test_thousands_of_members_need_no_more_descriptors_than_the_limit(write_job, read_back):
    resource = pytest.importorskip("resource")
    files = {f"m/previews/{n:04}.png": b"PNG" for n in range(1500)} | {"m/mesh.glb": b"glTF"}
    output = write_job(files)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, hard))
    try:
        held = create_result_zip("j0b", output)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert read_back(held.getvalue()) == files


# ---- a cleanup at work -----------------------------------------------------------------------


def remove_some(path):
    for preview in sorted((path / "reconviagen/previews").iterdir())[:5]:
        preview.unlink()


def test_outputs_half_removed_before_opening_are_refused_as_the_rest_goes(finished_job):
    """What is left looks like a smaller job; that more goes meanwhile gives it away."""
    remove_some(finished_job)
    stream = stream_result_zip("j0b", finished_job)
    next(stream)
    (finished_job / "nvdiffrec/mesh.mtl").unlink()
    with pytest.raises(ResultsChangedError):
        b"".join(stream)


def test_a_removal_that_has_come_to_rest_leaves_a_smaller_job(finished_job, archived, read_back):
    remove_some(finished_job)
    held = read_back(create_result_zip("j0b", finished_job).getvalue())
    assert len(held) == len(archived) - 5


REFUSALS = (ResultsChangedError, ResultsVanishedError, IncompleteResultsError)


def whole_or_refused(output, expected, read_back):
    """Pack once; return the refusal's type, or None for an archive found whole."""
    try:
        held = create_result_zip("j0b", output)
    except REFUSALS as refusal:
        return type(refusal)
    assert read_back(held.getvalue()) == expected
    return None


def by_thread(output):
    shutil.rmtree(output, ignore_errors=True)


def by_process(output):
    subprocess.run(["rm", "-rf", str(output)], check=True)


def by_renaming(output):
    away = output.with_name("away")
    output.rename(away)
    shutil.rmtree(away)


@pytest.mark.parametrize("age_s", [600, 0], ids=["old", "just written"])
@pytest.mark.parametrize("remove", [by_thread, by_process, by_renaming])
def test_outputs_removed_at_any_moment_give_a_whole_zip_or_a_refusal(
    write_job, job_files, archived, read_back, remove, age_s
):
    outcomes = []
    for attempt in range(8):
        output = write_job(job_files, job=f"{remove.__name__}{attempt}", age_s=age_s)
        delay = random.uniform(0, 0.12)
        cleanup = threading.Timer(delay, remove, [output])
        cleanup.start()
        time.sleep(random.uniform(0, 0.12))
        outcomes.append(whole_or_refused(output, archived, read_back))
        cleanup.join()
    assert len(outcomes) == 8


@pytest.mark.slow
def test_outputs_removed_150_times_give_a_whole_zip_or_a_refusal(
    write_job, job_files, archived, read_back
):
    outcomes = []
    for attempt in range(150):
        output = write_job(job_files, job=str(attempt), age_s=0)
        cleanup = threading.Timer(random.uniform(0, 0.1), by_process, [output])
        cleanup.start()
        time.sleep(random.uniform(0, 0.06))
        outcomes.append(whole_or_refused(output, archived, read_back))
        cleanup.join()
        shutil.rmtree(output.parent)
    assert None in outcomes
    assert set(outcomes) & set(REFUSALS)


def test_a_member_changed_at_any_moment_gives_its_first_bytes_or_a_refusal(
    write_job, job_files, archived, read_back
):
    refused = []
    for attempt in range(24):
        output = write_job(job_files, job=str(attempt), age_s=random.choice([0, 600]))
        name = random.choice([LARGE, "nvdiffrec/mesh.obj", "reconviagen/quality.json"])
        change = random.choice([grow, truncate, empty])
        writer = threading.Timer(random.uniform(0, 0.1), change, [output / name])
        opened = stream_result_zip("j0b", output)
        writer.start()
        try:
            held = b"".join(opened)
        except ResultsChangedError as refusal:
            refused.append((name, str(refusal)))
        else:
            assert read_back(held) == archived
        writer.join()
    assert all(name in refusal for name, refusal in refused)
