"""Jobs that nobody would write by hand."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from sqlalchemy import delete, update

from dashboard.catalog.database import Database
from dashboard.catalog.entries import Sighting
from dashboard.catalog.tables import jobs, kinds, model_outputs
from dashboard.celery_record import NO_RECORD, CeleryRecord, RecordFault
from dashboard.outputs import ModelOutput, Outputs, Picture
from dashboard.quality import quality_from_json
from dashboard.status import OutputState

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 2, 1, 10, tzinfo=UTC)
# Few of each, so that there are ties; upper case, digits and signs, which locales sort otherwise.
JOB_IDS = ["a", "B", "b2", "A1", "a-1", "a_1", "Z", "0", "9z", "a1b2c3d4"]
MODELS = ["reconviagen", "nvdiffrec", "Zoo", "alpha", "ÄÖ model", "a*b"]
WITH_FILES = (OutputState.COMPLETE, OutputState.INCOMPLETE, OutputState.UNREADABLE)
FIGURES = [None, 0.0, 19.5, 25.0, 25.0000001, 5e-324, -1.5, 1e300]

moments = st.one_of(
    st.integers(0, 5).map(lambda n: NOW - timedelta(days=n)),
    st.integers(0, 250_000_000_000).map(lambda n: EPOCH + timedelta(seconds=n)),
)
texts = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
ends = st.builds(
    CeleryRecord,
    state=st.sampled_from(["SUCCESS", "FAILURE", "REVOKED"]),
    outcome=st.sampled_from([None, "completed", "failed", "cancelled", "odd"]),
    error_type=texts,
    error_text=texts,
    error_code=texts,
    finished_at=st.none() | moments,
)
running = st.builds(
    CeleryRecord,
    state=st.sampled_from(["STARTED", "PROGRESS", "RETRY", "ODD", "PENDING"]),
    progress=st.none() | st.floats(0, 100),
    step=texts,
    model=texts,
)
records = st.one_of(ends, running, st.just(NO_RECORD), st.just(RecordFault.UNREADABLE))
qualities = st.builds(
    lambda status, psnr, ssim, summary: quality_from_json(
        {"status": status, "metrics": {"psnr": psnr, "ssim": ssim}, "summary": summary}
    ),
    st.sampled_from(["normal", "warning", "failure", None]),
    st.sampled_from(FIGURES),
    st.sampled_from(FIGURES),
    texts,
)


@st.composite
def looks(draw: st.DrawFn) -> Outputs:
    """A look at a job's directory, as read_outputs may return it."""
    state = draw(st.sampled_from(OutputState))
    if state is OutputState.NO_JOB:
        return Outputs(state)
    created_at, changed_at = draw(moments), draw(moments)
    if state is OutputState.ABSENT:
        return Outputs(state, created_at=created_at, changed_at=changed_at)
    if state is OutputState.COMPLETE and draw(st.booleans()):
        return Outputs(state, created_at=created_at, changed_at=changed_at, is_surveyed=False)
    names = sorted(draw(st.sets(st.sampled_from(MODELS), max_size=4)))
    return Outputs(
        state,
        ("mesh.glb or mesh.obj",) if state is OutputState.INCOMPLETE else (),
        tuple(draw(model_outputs_named(name)) for name in names),
        draw(st.none() | st.builds(Picture, texts.map(str), texts.map(str), st.integers(0, 2**62))),
        created_at,
        changed_at,
        draw(st.sampled_from(["", "0123456789abcdef01234567"])),
    )


def model_outputs_named(name: str) -> st.SearchStrategy[ModelOutput]:
    return st.one_of(
        st.builds(
            ModelOutput, st.just(name), st.sampled_from([0, 1, 10**12]), qualities, st.none()
        ),
        st.builds(ModelOutput, st.just(name), st.just(5), st.none(), texts),
    )


sightings = st.builds(
    Sighting,
    job_id=st.sampled_from(JOB_IDS),
    seen_at=st.integers(0, 10**9).map(lambda n: NOW + timedelta(microseconds=n)),
    record=st.none() | records | st.just(RecordFault.UNAVAILABLE),
    outputs=st.none() | looks(),
    is_alive=st.booleans(),
)


def random_sightings(seed: int, number: int) -> list[Sighting]:
    """Jobs of every sort, quicker than Hypothesis makes them."""
    rng = random.Random(seed)
    return [_random_sighting(rng) for _ in range(number)]


def _random_sighting(rng: random.Random) -> Sighting:
    seen_at = NOW + timedelta(seconds=rng.randrange(5))
    state = rng.choice(["SUCCESS"] * 4 + ["FAILURE", "REVOKED", "STARTED", "PENDING", None])
    outcome = rng.choice([None, "completed", "failed", "cancelled"])
    is_final = state in {"SUCCESS", "FAILURE", "REVOKED"}
    finished_at = rng.choice([None, NOW - timedelta(days=rng.randrange(4))])
    record = CeleryRecord(
        state=state or "PENDING",
        outcome=outcome if state == "SUCCESS" else None,
        finished_at=finished_at if is_final else None,
    )
    output = rng.choice([*OutputState, OutputState.COMPLETE, OutputState.COMPLETE])
    if output is OutputState.NO_JOB and not is_final:
        output = OutputState.ABSENT
    names = rng.sample(MODELS, rng.randrange(4)) if output in WITH_FILES else []
    outputs = Outputs(
        output,
        ("mesh.glb or mesh.obj",) if output is OutputState.INCOMPLETE else (),
        tuple(_random_model(rng, name) for name in sorted(names)),
        created_at=None if output is OutputState.NO_JOB else NOW - timedelta(days=rng.randrange(9)),
        is_surveyed=output is not OutputState.COMPLETE or bool(names),
    )
    job_id = "".join(rng.choices("abABZz019-_", k=rng.randrange(1, 7)))
    return Sighting(
        job_id=f"{rng.choice('aBz9')}{job_id}",
        seen_at=seen_at,
        record=record if state else RecordFault.UNREADABLE,
        outputs=outputs,
    )


def _random_model(rng: random.Random, name: str) -> ModelOutput:
    if rng.random() < 0.2:
        return ModelOutput(name, rng.choice([5, 1000]), None, "the pipeline left no quality.json")
    figures = {"psnr": rng.choice(FIGURES), "ssim": rng.choice(FIGURES)}
    status = rng.choice(["normal", "warning", "failure", None])
    quality = quality_from_json({"status": status, "metrics": figures})
    return ModelOutput(name, rng.choice([5, 1000, 10**12]), quality, None)


def arrived(job_id: str, outputs: Outputs | None = None) -> Sighting:
    """A job that is seen for the first time."""
    found = outputs or Outputs(OutputState.ABSENT, created_at=NOW, changed_at=NOW)
    return Sighting(job_id=job_id, seen_at=NOW, record=NO_RECORD, outputs=found)


def empty(database: Database) -> None:
    """Forget all jobs between two examples; kinds stay, as they do."""
    with database.writing() as connection:
        connection.execute(delete(jobs))
        connection.execute(delete(model_outputs))
        connection.execute(update(kinds).values(jobs=0))
