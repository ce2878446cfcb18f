"""Who of several dashboards does what only one should do at a time."""

from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from dashboard.catalog.columns import to_us
from dashboard.catalog.database import Database
from dashboard.catalog.tables import leases


def hold_lease(
    database: Database, task: str, holder: str, now: datetime, length: timedelta
) -> bool:
    """Take or renew a task's lease; false while somebody else's has not run out.

    Clocks of the dashboards' machines may differ by less than `length`.
    Raises CatalogUnavailableError.
    """
    until = to_us(now + length)
    with database.writing() as connection:
        asked = select(leases.c.holder, leases.c.until).where(leases.c.task == task)
        found = connection.execute(asked).one_or_none()
        if found is None:
            row = {"task": task, "holder": holder, "until": until}
            connection.execute(insert(leases), row)
        elif found.holder == holder or found.until <= (to_us(now) or 0):
            renewed = update(leases).where(leases.c.task == task)
            connection.execute(renewed.values(holder=holder, until=until))
        else:
            return False
    return True


def give_up_lease(database: Database, task: str, holder: str) -> None:
    """Let others have a task at once. Raises CatalogUnavailableError."""
    own = (leases.c.task == task) & (leases.c.holder == holder)
    with database.writing() as connection:
        connection.execute(delete(leases).where(own))
