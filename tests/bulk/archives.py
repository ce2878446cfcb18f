"""A ZIP of several jobs: what happens while it is packed, and what is in it."""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from result_packager import Collection

DONE = {"status": "completed"}


def address_of(job_ids: list[str]) -> str:
    return "/jobs/download?" + "&".join(f"job={job_id}" for job_id in job_ids)


def opened(content: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


def report_of(content: bytes) -> dict[str, dict[str, str]]:
    text = opened(content).read("report.csv").decode()
    return {row["job_id"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}


def results_of(content: bytes) -> dict[str, str]:
    return {job_id: row["result"] for job_id, row in report_of(content).items()}


def while_packing(monkeypatch: pytest.MonkeyPatch, job_id: str, act: Callable[[], object]) -> None:
    """Do something once the first bytes of a job are packed."""
    pack = Collection.pack_job

    def pack_and_act(self: Collection, asked: str, *where: Any) -> Iterator[int]:
        steps = pack(self, asked, *where)
        yield next(steps)
        if asked == job_id:
            act()
        yield from steps

    monkeypatch.setattr(Collection, "pack_job", pack_and_act)
