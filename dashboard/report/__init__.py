"""One job as one HTML file, to keep, to send on and to print; it asks for nothing outside itself.

`report.html` is the template. What goes into it is escaped by Jinja; only the style sheet, our own
file, is not.
"""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashboard import __version__
from dashboard.errors import JobStatus, suggestion_for
from dashboard.jobs import Job
from dashboard.report.figures import figure_tables
from dashboard.report.models import read_models
from dashboard.verdict import Review
from dashboard.wording import (
    STATUS_LOOKS,
    VERDICT_LOOKS,
    comparison_text,
    model_text,
    moment_text,
    size_text,
)

FOLDER = Path(__file__).parent
STYLE = (FOLDER / "report.css").read_text(encoding="utf-8")
STYLE_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# No other style than ours, no picture but those in the file, and nothing else at all.
POLICY = (
    f"default-src 'none'; img-src data:; style-src 'sha256-{STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'"
)
# A job has one or two models; this only keeps an odd one from taking minutes.
MAX_MODELS = 8

_templates = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_report(job: Job, reviews: Sequence[Review] | None, made_at: datetime) -> str:
    """Write the report of a job; it decodes the previews, which takes some seconds at first.

    `reviews` are all that were given, the last one first; None where nobody can say.
    """
    shown = job.outputs.models[:MAX_MODELS]
    models = read_models(job.job_id, shown)
    return _templates.get_template("report.html").render(
        job_id=job.job_id,
        style=STYLE,
        policy=POLICY,
        look=STATUS_LOOKS[job.status or JobStatus.UNKNOWN],
        facts=_facts(job),
        decision=job.decision,
        suggestion=job.decision.code and suggestion_for(job.decision.code, job.decision.details),
        reviews=reviews,
        verdict_looks=VERDICT_LOOKS,
        moment_text=moment_text,
        comparison=comparison_text([m.name for m in shown], [m.quality for m in shown]),
        tables=figure_tables(models),
        models=models,
        models_left_out=len(job.outputs.models) - len(shown),
        made_at=moment_text(made_at),
        version=__version__,
    )


def _facts(job: Job) -> dict[str, str]:
    """What is known of a job as a whole; a line that would be empty is none."""
    facts = {
        "Models": ", ".join(model_text(model.name) for model in job.outputs.models[:MAX_MODELS]),
        "Files": size_text(job.size_bytes) if job.size_bytes else "",
        "Created": moment_text(job.created_at),
        "Finished": moment_text(job.celery.finished_at),
    }
    return {name: text for name, text in facts.items() if text}
