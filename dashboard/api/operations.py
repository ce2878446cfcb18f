"""What each route takes and answers: the table that /openapi.json is made of."""

from dataclasses import dataclass, field

from dashboard.api.files import MEDIA_TYPES
from dashboard.api.schemas import JOB_ID_TEXT, TEXT, Schema, list_of, one_of, ref
from dashboard.errors import ErrorCode, JobStatus
from dashboard.job_query import DEFAULT_LIMIT, DEFAULT_SORT, MAX_LIMIT, QUALITIES, SORTS
from dashboard.thumbnails import EDGE_DEFAULT_PX, EDGE_MAX_PX, EDGE_MIN_PX
from dashboard.verdict import VERDICTS

ZIP, JSON = "application/zip", "application/json"
BYTES: Schema = {"type": "string", "contentMediaType": "application/octet-stream"}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of the address; `place` is "path", "query" or "header"."""

    place: str
    schema: Schema
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One route: what it sends where all is well, and the codes of its own refusals.

    `etag` tells that it knows If-None-Match, and `parts` that it knows Range as well. `also` are
    statuses with the same body as 200.
    """

    summary: str
    answer: Schema
    media_types: tuple[str, ...] = (JSON,)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    codes: tuple[ErrorCode, ...] = ()
    etag: bool = False
    parts: bool = False
    also: tuple[int, ...] = ()


def _query(schema: Schema, meaning: str) -> Parameter:
    return Parameter(place="query", schema=schema, meaning=meaning)


def _path(schema: Schema, meaning: str) -> Parameter:
    return Parameter(place="path", schema=schema, meaning=meaning)


FILTER = {
    "q": _query(TEXT, "part of the job id, whatever its case"),
    "status": _query(list_of(one_of(JobStatus)), "any of these; commas between, or repeated"),
    "model": _query(list_of(TEXT), "one of these must be among the job's first eight models"),
    "quality": _query(list_of(one_of(QUALITIES)), "any of these; `none` has no quality.json"),
    "verdict": _query(list_of(one_of(VERDICTS)), "any of these"),
    "sort": _query(
        one_of(sorted(SORTS)) | {"default": DEFAULT_SORT}, "with a leading - for descending"
    ),
}
PAGE = {
    "limit": _query(
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        "how many jobs at once",
    ),
    "offset": _query(
        {"type": "integer", "minimum": 0, "maximum": 10**9, "default": 0},
        "how many to pass over; does not count beside a cursor",
    ),
    "cursor": _query(TEXT, "`next` of the answer before: goes on behind its last job"),
}
EDGE = {
    "edge": _query(
        {
            "type": "integer",
            "minimum": EDGE_MIN_PX,
            "maximum": EDGE_MAX_PX,
            "default": EDGE_DEFAULT_PX,
        },
        "largest width and height in pixels",
    )
}
VERSION = {
    "v": _query(
        TEXT, "a version, as the page's own links have it: the answer may then be kept for good"
    )
}
JOBS = {"job": _query(list_of(JOB_ID_TEXT), "a job; repeated for each. Not beside a filter")}
JOB = {"job_id": _path(JOB_ID_TEXT, "the job's id")}
MODEL = JOB | {"model": _path(TEXT, "a model's name, as in the job's `models`")}
FILE = MODEL | {"name": _path(TEXT, "a name out of the model's `files`, slashes as they are")}

OUTAGES = (ErrorCode.STORAGE_UNAVAILABLE,)
LISTS = (ErrorCode.INVALID_PARAMETER, ErrorCode.STORAGE_UNAVAILABLE, ErrorCode.CATALOG_UNAVAILABLE)
ONE = (ErrorCode.JOB_NOT_FOUND, ErrorCode.STATE_UNAVAILABLE, *OUTAGES)
PACKED = (
    *ONE,
    ErrorCode.JOB_NOT_READY,
    ErrorCode.JOB_FAILED,
    ErrorCode.JOB_EXPIRED,
    ErrorCode.INCOMPLETE_RESULTS,
    ErrorCode.RESULTS_UNREADABLE,
    ErrorCode.RESULTS_CHANGING,
    ErrorCode.STATE_UNREADABLE,
    ErrorCode.BUSY,
)
FILES = (
    ErrorCode.JOB_NOT_FOUND,
    ErrorCode.FILE_NOT_FOUND,
    ErrorCode.RESULTS_UNREADABLE,
    *OUTAGES,
)

OPERATIONS: dict[str, Operation] = {
    "/health": Operation(
        summary="Whether the dashboard can do its work, with reasons; 503 where it cannot",
        answer=ref("Health"),
        also=(503,),
    ),
    "/metrics": Operation(
        summary="Figures for Prometheus", answer=TEXT, media_types=("text/plain",)
    ),
    "/openapi.json": Operation(summary="This document", answer={"type": "object"}),
    "/jobs": Operation(
        summary="A page of the list of jobs",
        answer=ref("JobPage"),
        parameters=FILTER | PAGE,
        codes=LISTS,
    ),
    "/jobs/download": Operation(
        summary="Several jobs as one ZIP: named ones, or the ready ones that pass a filter",
        answer=BYTES,
        media_types=(ZIP,),
        parameters=JOBS | FILTER,
        codes=(*LISTS, *PACKED, ErrorCode.NOTHING_TO_PACK, ErrorCode.BULK_LIMIT),
    ),
    "/jobs/export.csv": Operation(
        summary="All jobs that pass a filter, a row for each of their models",
        answer=TEXT,
        media_types=("text/csv",),
        parameters=FILTER,
        codes=LISTS,
    ),
    "/jobs/export.json": Operation(
        summary="All jobs that pass a filter",
        answer=list_of(ref("ListedJob")),
        parameters=FILTER,
        codes=LISTS,
    ),
    "/jobs/{job_id}": Operation(
        summary="One job with its models and files", answer=ref("Job"), parameters=JOB, codes=ONE
    ),
    "/jobs/{job_id}/download": Operation(
        summary="A finished job as a ZIP",
        answer=BYTES,
        media_types=(ZIP,),
        parameters=JOB,
        codes=PACKED,
        etag=True,
        parts=True,
    ),
    "/jobs/{job_id}/report": Operation(
        summary="One job as an HTML file that opens offline",
        answer=TEXT,
        media_types=("text/html",),
        parameters=JOB,
        codes=ONE,
    ),
    "/jobs/{job_id}/files/{model}/{name:path}": Operation(
        summary="One file as it is",
        answer={},  # a quality.json is a file as well, whatever it holds
        media_types=tuple(sorted({*MEDIA_TYPES.values()})),
        parameters=FILE,
        codes=FILES,
        etag=True,
        parts=True,
    ),
    "/jobs/{job_id}/thumbnails/{model}/{name:path}": Operation(
        summary="A preview as a small picture, or a placeholder for a broken one",
        answer=BYTES,
        media_types=("image/webp",),
        parameters=FILE | EDGE | VERSION,
        codes=(*FILES, ErrorCode.INVALID_PARAMETER),
        etag=True,
    ),
    "/jobs/{job_id}/view/{model}.glb": Operation(
        summary="A model's mesh as the page draws it",
        answer=BYTES,
        media_types=(MEDIA_TYPES["glb"],),
        parameters=MODEL | VERSION,
        codes=(*FILES, ErrorCode.MESH_NOT_DRAWABLE),
        etag=True,
        parts=True,
    ),
}
