"""Every change of a record, as Celery publishes it on the channel named like the record."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry

from dashboard.job_ids import is_job_id
from dashboard.records.reader import KEY_PREFIX, SOCKET_TIMEOUT_S, StateUnavailableError

# Changes that come within this time are handed over together.
GATHER_S = 0.05
BATCH_MAX = 2000
# A hung server closes no connection: it is asked for a sign of life, and believed for so long.
BEAT_S = 1.0
SILENT_S = 2.0


class Feed:
    """Follows one result backend. Channels know no database numbers, and a message may be old by
    the time it is read: so a message says which record to read, and not what is in it.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def changes(self) -> Iterator[set[str]]:
        """Yield ids of jobs whose records were stored, at least every second, perhaps none.

        The first set is empty and says that nothing is missed from then on.
        Raises StateUnavailableError when the backend goes, or is not there.
        """
        try:
            client = redis.Redis.from_url(
                self._url,
                socket_timeout=SOCKET_TIMEOUT_S,
                socket_connect_timeout=SOCKET_TIMEOUT_S,
                # A connection renewed in silence would hide what was missed meanwhile.
                retry=Retry(NoBackoff(), 0),
            )
            with closing(client), closing(client.pubsub()) as channel:  # type: ignore[no-untyped-call]
                channel.psubscribe(f"{KEY_PREFIX}*")
                _await_subscription(channel)
                yield set()
                yield from _follow(channel)
        except Exception as exc:  # a broken or foreign server makes redis-py raise anything
            raise StateUnavailableError(type(exc).__name__) from exc


def _await_subscription(channel: PubSub) -> None:
    message = channel.get_message(timeout=SOCKET_TIMEOUT_S)
    if message is None or message["type"] != "psubscribe":
        raise redis.TimeoutError("the subscription was not confirmed")


def _follow(channel: PubSub) -> Iterator[set[str]]:
    """Listen in a thread: what drips in byte by byte runs into no time limit of a socket."""
    listener = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feed")
    try:
        yield from _listen(channel, listener)
    finally:
        listener.shutdown(wait=False)


def _listen(channel: PubSub, listener: ThreadPoolExecutor) -> Iterator[set[str]]:
    heard = asked = time.monotonic()
    while True:
        gathered, was_heard = listener.submit(_gather, channel).result(timeout=SILENT_S)
        now = time.monotonic()
        heard = now if was_heard else heard
        if now - heard > SILENT_S:
            raise redis.TimeoutError("no sign of life")
        if now - max(heard, asked) > BEAT_S:
            channel.ping()
            asked = now
        yield gathered


def _gather(channel: PubSub) -> tuple[set[str], bool]:
    """Take what comes within a moment after the first message, and say whether anything came."""
    found: set[str] = set()
    message = channel.get_message(timeout=BEAT_S / 4)
    was_heard, until = message is not None, time.monotonic() + GATHER_S
    while message is not None:
        _require_sense(message)
        if message["type"] == "pmessage":
            found.add(message["channel"].decode("utf-8", "replace").removeprefix(KEY_PREFIX))
        left = until - time.monotonic()
        if left <= 0 or len(found) >= BATCH_MAX:
            break
        message = channel.get_message(timeout=left)
    return {name for name in found if is_job_id(name)}, was_heard


def _require_sense(message: Mapping[str, Any]) -> None:
    """redis-py takes any short text for the answer to a ping; to ours, which is empty, it is not.

    Raises redis.InvalidResponse.
    """
    is_pong = message["type"] == "pong" and not message["data"]
    if not is_pong and message["type"] not in {"pmessage", "psubscribe"}:
        raise redis.InvalidResponse("this is no message")
