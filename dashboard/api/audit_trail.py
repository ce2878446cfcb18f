"""Every download is written down at its end: who, what, how much of it, and whether all of it."""

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from anyio import CancelScope, CapacityLimiter
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.api.observing import Observation, observation
from dashboard.api.threads import run
from dashboard.audit import write_entry
from dashboard.job_ids import is_job_id
from dashboard.job_query import FILTERS

# What takes something home; lists, states of jobs and thumbnails do not.
KINDS = {
    "/jobs/download": "bulk",
    "/jobs/export.csv": "export",
    "/jobs/export.json": "export",
    "/jobs/{job_id}/download": "zip",
    "/jobs/{job_id}/report": "report",
    "/jobs/{job_id}/files/{model}/{name:path}": "file",
    "/jobs/{job_id}/view/{model}.glb": "view",
}
PATHS = [(compile_path(path)[0], kind) for path, kind in KINDS.items()]
NOBODY = "anonymous"
TEXT_MAX_CHARS = 200
# What became of a request that failed before it was answered.
INTERNAL_ERROR = 500
# One line after the other, and no thread that others need.
WRITING = CapacityLimiter(1)


class AuditDownloads:
    """Write down what was really sent, refusals too; a HEAD takes nothing. Only within `Observe`.

    What goes into a ZIP of several jobs is known to its handler alone: `scope["packed_jobs"]`.
    """

    def __init__(self, app: ASGIApp, base: str) -> None:
        self.app, self.base = app, base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        began = time.monotonic()
        try:
            await self.app(scope, receive, send)
        finally:
            seconds = round(time.monotonic() - began, 3)
            sent = _sent(observation(scope))
            entry = _who(scope) | found | _jobs(scope, found) | sent | {"seconds": seconds}
            with CancelScope(shield=True):
                await run(write_entry, entry, limiter=WRITING)

    def _find(self, scope: Scope) -> dict[str, Any] | None:
        path = scope["path"]
        for prefix in {"", self.base}:
            for pattern, kind in PATHS:
                if path.startswith(prefix) and (found := pattern.match(path[len(prefix) :])):
                    return {"kind": kind} | _file(found.groupdict())
        return None


def _sent(noted: Observation) -> dict[str, Any]:
    status = noted.status or INTERNAL_ERROR
    return {"status": status, "bytes": noted.sent_bytes, "complete": noted.is_whole}


def _who(scope: Scope) -> dict[str, Any]:
    who = scope.get("who")
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "who": str(who)[:TEXT_MAX_CHARS] if who else NOBODY,
        "known_by": scope.get("known_by") if who else None,
        "client": scope["client"][0] if scope.get("client") else None,
    }


def _file(names: dict[str, str]) -> dict[str, Any]:
    job_id, parts = names.get("job_id", ""), (names.get("model"), names.get("name"))
    file = "/".join(filter(None, parts))[:TEXT_MAX_CHARS]
    return {"jobs": [job_id] if is_job_id(job_id) else []} | ({"file": file} if file else {})


def _jobs(scope: Scope, found: dict[str, Any]) -> dict[str, Any]:
    """Which jobs several are, and by which filter they were found."""
    if found["kind"] not in {"bulk", "export"}:
        return {}
    asked = parse_qs(scope["query_string"].decode("utf-8", "replace"))
    named = [job_id for job_id in asked.get("job", ()) if is_job_id(job_id)]
    given = {name: [value[:TEXT_MAX_CHARS] for value in asked[name]] for name in asked}
    filters = {name: values for name, values in given.items() if name in FILTERS}
    return {"jobs": sorted(scope.get("packed_jobs", named)), "filter": filters}
