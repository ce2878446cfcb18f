"""What no push told of is found, what comes late takes nothing back, and nothing stands still."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dashboard import outputs, reconcile
from dashboard.outputs import StorageUnavailableError
from dashboard.reconcile import Reconciler
from dashboard.records import RecordReader, StateUnavailableError
from dashboard.status import OutputState
from tests.catalog.world import SETTLED_S, World


def test_what_no_push_told_of_is_found_by_rounds(world: World) -> None:
    world.round()
    world.mesh("new")
    world.directory("queued")
    world.round()
    assert {e.outputs.state for e in world.entries().values()} == {
        "complete",
        "no output directory",
    }
    world.mesh("queued")
    world.round()
    assert world.entries()["queued"].outputs.state is OutputState.COMPLETE
    time.sleep(SETTLED_S * 1.5)
    world.round()
    world.no_output("new")
    world.gone("queued")
    world.round()
    assert set(world.entries()) == {"new"}
    assert world.entries()["new"].outputs.state is OutputState.ABSENT


def test_a_record_that_was_missed_is_found_when_all_are_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "AT_ONCE", 1)  # its turn to be looked at again comes late
    for number in range(5):
        world.mesh(f"old{number}")
    world.settle()
    for number in range(5):
        world.record(f"old{number}", "completed", is_pushed=False)
    world.record("elsewhere", "progress", is_pushed=False)
    world.reconciler.ask_for_all()
    world.round()
    assert [entry.has_ended for entry in world.entries().values()].count(True) == 5
    assert "elsewhere" in world.entries()


def test_every_job_has_its_turn_to_be_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        world.mesh(f"job{number}")
    world.settle()
    monkeypatch.setattr(reconcile, "AT_ONCE", 4)
    for number in range(9):
        world.no_output(f"job{number}")  # which leaves no trace in the storage's own directory
    for _ in range(4):
        world.round()
    assert {e.outputs.state for e in world.entries().values()} == {OutputState.ABSENT}


def test_taking_in_many_jobs_does_not_put_off_the_next_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    note = reconcile.note_sightings

    def note_slowly(*noted: Any) -> None:
        now[0] += 30
        note(*noted)

    monkeypatch.setattr(reconcile, "NAMES_REST", 20)
    monkeypatch.setattr(reconcile, "note_sightings", note_slowly)
    clock = SimpleNamespace(monotonic=lambda: now[0], time_ns=time.time_ns)
    monkeypatch.setattr(reconcile, "time", clock)
    world.directory("one")
    world.round()
    world.directory("other")
    now[0] += 1
    world.round()
    assert set(world.entries()) == {"one", "other"}


def test_who_may_not_go_on_leaves_the_rest_to_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "CHUNK_JOBS", 2)
    for number in range(6):
        world.directory(f"job{number}")
        world.record(f"record{number}", "completed", is_pushed=False)
    turns = iter([True, True, False, False])
    world.reconciler.round(lambda: next(turns))
    assert len(world.entries()) == 4
    world.round()
    assert len(world.entries()) == 12


def test_a_part_that_fails_keeps_none_of_the_others_from_its_work(
    world: World, storage: Path, reader: RecordReader
) -> None:
    world.record("record", "completed", is_pushed=False)
    storage.rename(storage.with_name("away"))
    with pytest.raises(StorageUnavailableError):
        world.round()
    assert "record" in world.entries()
    storage.with_name("away").rename(storage)
    world.directory("new")
    reader._open_until = time.monotonic() + 60  # the backend failed a moment ago
    world.reconciler.ask_for_all()
    with pytest.raises(StateUnavailableError):
        world.round()
    assert "new" in world.entries()


def test_records_that_cannot_be_read_now_are_asked_for_again(
    world: World, reader: RecordReader
) -> None:
    world.record("a", "completed", is_pushed=True)
    reader._open_until = time.monotonic() + 60
    world.take_pushes()
    assert world.pushed == {"a"}
    reader._open_until = 0
    world.take_pushes()
    assert world.entries()["a"].has_ended
    assert not world.pushed


def test_what_was_found_out_before_the_last_news_does_not_take_it_back(
    world: World, monkeypatch: pytest.MonkeyPatch, storage: Path
) -> None:
    """A look at many jobs takes its time, and one of them ends meanwhile."""
    world.record("a", "progress", is_pushed=True)
    world.model("a")
    world.take_pushes()
    look = outputs.read_outputs

    def look_long(job_id: str) -> outputs.Outputs:
        found = look(job_id)
        monkeypatch.setattr(reconcile, "read_outputs", look)
        world.mesh("a")
        world.record("a", "completed", is_pushed=True)
        Reconciler(world.database, world.reader).take({"a"}, is_alive=True)
        return found

    monkeypatch.setattr(reconcile, "read_outputs", look_long)
    world.reconciler._look_again()
    entry = world.entries()["a"]
    assert (entry.has_ended, entry.outputs.state) == (True, OutputState.COMPLETE)


def test_looking_at_a_job_is_no_sign_of_its_life(
    world: World, put_time: Callable[[float], None]
) -> None:
    world.record("a", "progress", is_pushed=True)
    world.take_pushes()
    first = world.entries()["a"].alive_at
    put_time(3600)
    world.hint("a")
    world.round()
    assert world.entries()["a"].alive_at == first
    world.pushed = {"a"}
    world.take_pushes()
    assert world.entries()["a"].alive_at > first


@pytest.fixture
def put_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the reconciler's clock go ahead by so many seconds."""

    def put(seconds: float) -> None:
        now = reconcile._now
        monkeypatch.setattr(reconcile, "_now", lambda: now() + timedelta(seconds=seconds))

    return put
