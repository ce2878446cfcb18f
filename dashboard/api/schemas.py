"""What answers look like, as JSON Schema 2020-12; every object holds exactly what it names."""

from collections.abc import Iterable
from typing import Any

from dashboard.errors import ErrorCode, JobStatus
from dashboard.job_ids import JOB_ID
from dashboard.quality import METRICS, THRESHOLDS, QualityStatus
from dashboard.verdict import Verdict

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FIGURE: Schema = {"type": "number"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
JOB_ID_TEXT: Schema = {"type": "string", "pattern": f"^{JOB_ID.pattern}$"}
# Beside "ok", the reason in words.
HEALTH_WORD: Schema = {"type": "string", "pattern": "^(ok$|unavailable: )"}


def one_of(words: Iterable[str]) -> Schema:
    return {"type": "string", "enum": [str(word) for word in words]}


def perhaps(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def exactly(properties: dict[str, Schema], *optional: str) -> Schema:
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _model(more: dict[str, Schema]) -> Schema:
    quality = perhaps(ref("Quality"))
    return exactly({"name": TEXT, **more, "quality": quality, "quality_problem": perhaps(TEXT)})


def _job(model: str) -> Schema:
    return exactly(
        {
            "job_id": JOB_ID_TEXT,
            "status": one_of(JobStatus),
            "state": perhaps(TEXT),
            "progress": perhaps({"type": "number", "minimum": 0, "maximum": 100}),
            "step": perhaps(TEXT),
            "stalled": FLAG,
            "model": perhaps(TEXT),
            "models": list_of(ref(model)),
            "created_at": perhaps(MOMENT),
            "updated_at": perhaps(MOMENT),
            "finished_at": perhaps(MOMENT),
            "available_until": perhaps(MOMENT),
            "size_bytes": COUNT,
            "verdict": perhaps(ref("Review")),
            "error": perhaps(ref("ErrorDetail")),
            "download_url": perhaps(TEXT),
        }
    )


SCHEMAS: dict[str, Schema] = {
    "ErrorCode": one_of(ErrorCode),
    "ErrorDetail": exactly(
        {
            "code": ref("ErrorCode"),
            "message": TEXT,
            "details": {"type": "object"},
            "suggestion": {"type": "string", "minLength": 1},
        }
    ),
    "Error": exactly({"error": ref("ErrorDetail")}),
    "Quality": exactly(
        {
            "status": perhaps(one_of(QualityStatus)),
            "summary": perhaps(TEXT),
            "metrics": exactly({metric.key: perhaps(FIGURE) for metric in METRICS}),
            "thresholds": exactly(dict.fromkeys(THRESHOLDS, FIGURE)),
            "metadata": exactly(
                {
                    "timestamp": perhaps(TEXT),
                    "input_file": perhaps(TEXT),
                    "processing_duration_sec": perhaps(FIGURE),
                    "image_resolution": perhaps(list_of(COUNT)),
                    "num_views": perhaps(COUNT),
                }
            ),
        }
    ),
    "Review": exactly(
        {"verdict": one_of(Verdict), "note": TEXT, "reviewer": TEXT, "decided_at": MOMENT}
    ),
    "Model": _model({"files": {"type": "object", "additionalProperties": COUNT}}),
    "ListedModel": _model({}),
    "Job": _job("Model"),
    "ListedJob": _job("ListedModel"),
    "JobPage": exactly(
        {
            "jobs": list_of(ref("ListedJob")),
            "total": COUNT,
            "limit": COUNT,
            "offset": COUNT,
            "next": perhaps(TEXT),
            "unsurveyed": COUNT,
            "error": ref("ErrorDetail"),  # while Redis is away
        },
        "error",
    ),
    "Health": exactly(
        {
            "status": one_of(("ok", "degraded")),
            "redis": HEALTH_WORD,
            "storage": HEALTH_WORD,
            "catalog": HEALTH_WORD,
            "catalog_lag_s": FIGURE,
            "cache": HEALTH_WORD,
            "version": TEXT,
        }
    ),
}
