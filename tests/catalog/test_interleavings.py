"""Whatever happens in whatever order, seen or missed: the catalog comes to what a new one holds."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.catalog.entries import Entry
from dashboard.status import OutputState
from tests.catalog.samples import NOW, empty
from tests.catalog.world import PREFIX, RECORDS, World


def known_twice(entry: Entry) -> Entry:
    """What two catalogs must agree on: not when they first heard of a job."""
    entry = replace(entry, first_seen_at=NOW, alive_at=NOW)
    if entry.outputs.state is OutputState.NO_JOB:
        entry = replace(entry, outputs=replace(entry.outputs, created_at=None))
    return entry


plain = st.sampled_from(
    [
        "directory",
        "model",
        "mesh",
        "no_mesh",
        "quality",
        "no_output",
        "gone",
        "lost_record",
        "take_pushes",
        "hint",
        "round",
        "round",
        "take_over",
    ]
)
events = st.tuples(
    st.sampled_from(["a", "B", "c-1"]),
    st.one_of(plain, st.tuples(st.sampled_from(sorted(RECORDS)), st.booleans())),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(happening=st.lists(events, max_size=25))
def test_any_order_of_events_ends_in_the_catalog_of_a_fresh_rebuild(
    world: World, happening: list[tuple[str, str | tuple[str, bool]]]
) -> None:
    world.clear()
    for job_id, event in happening:
        if isinstance(event, tuple):
            world.record(job_id, event[0], is_pushed=event[1])
        else:
            getattr(world, event)(job_id)
    world.settle()
    followed = {job_id: known_twice(entry) for job_id, entry in world.entries().items()}
    empty(world.database)
    world.take_over()
    world.settle()
    rebuilt = {job_id: known_twice(entry) for job_id, entry in world.entries().items()}
    assert followed == rebuilt
    on_disk = {path.name for path in world.storage.iterdir()}
    heard_of = {key.decode().removeprefix(PREFIX) for key in world.backend.keys(f"{PREFIX}*")}
    nowhere = {
        job_id
        for job_id in heard_of - on_disk
        if b'"PENDING"' in world.backend.get(f"{PREFIX}{job_id}")
    }
    assert followed.keys() == (on_disk | heard_of) - nowhere
