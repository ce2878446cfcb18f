"""A reviewer's walk along a filtered list, one job at a time.

A verdict may take a job out of the list ("unreviewed"), yet who goes back comes to it again: the
jobs that were shown stay on the trail, in their order; only what lies before and behind is asked.
"""

from dataclasses import replace

from dashboard.catalog.reading import count_holding, load_kinds
from dashboard.catalog.walking import Path, Stop, Trail, set_out, stop_on
from dashboard.job_pages import choose, circumstances, enter
from dashboard.job_query import DEFAULT_LIMIT, JobQuery


def stop_at(query: JobQuery, job_id: str | None, trail: Trail | None) -> Stop | None:
    """Stop at a job, or where the walk began; a job that is not on the trail begins a new one.

    None if there is no such job, or none that passes the filter.
    Raises StorageUnavailableError or CatalogUnavailableError.
    """
    query = replace(query, after=None, offset=0, limit=DEFAULT_LIMIT)
    keeper = enter()
    now = circumstances(keeper)
    with keeper.database.reading() as connection:
        every = [counted for counted in load_kinds(connection) if counted[2]]
        wanted = choose(every, query, now)
        is_all = len(wanted) == len(every)
        if query.text:
            wanted = count_holding(connection, wanted, query.text)
        path = Path(query, tuple(wanted), is_all)
        if trail is None or trail.query != query or job_id not in {None, *trail.job_ids}:
            trail = set_out(connection, path, job_id)
        return stop_on(connection, path, trail, job_id) if trail else None
