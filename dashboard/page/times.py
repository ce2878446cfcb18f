"""Moments as the viewer's clock shows them; without a zone of theirs, in UTC."""

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from html import escape
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from dashboard.wording import age_text, until_text


class Told(NamedTuple):
    """Words that stand for a moment."""

    text: str
    moment: datetime


def age(moment: datetime | None) -> Told | str:
    """How long ago something was."""
    return Told(age_text(moment), moment) if moment else age_text(moment)


def changed(moment: datetime | None) -> Told | str:
    told = f"changed {age_text(moment)}"
    return Told(told, moment) if moment else told


def kept_until(moment: datetime, *, exact: bool = False) -> Told:
    """How long something is still there; `exact` says until when as well."""
    told = until_text(moment)
    return Told(f"{told}, until {moment_text(moment)}" if exact else told, moment)


def facts_in_time(parts: Iterable[Told | str], *, quiet: bool = False) -> None:
    """One line of plain texts; the moments among them are told exactly on hover."""
    line = " · ".join(_html(part) for part in parts)
    st.html(f'<p class="facts{" quiet" if quiet else ""}">{line}</p>')


def moment_text(moment: datetime) -> str:
    """A moment on the viewer's clock, to the second, with the zone's short name."""
    return f"{_there(moment):%Y-%m-%d %H:%M:%S %Z}"


def zone_name() -> str:
    """The viewer's time zone, as their browser names it; "UTC" where that is not known."""
    return str(_zone())


def _html(part: Told | str) -> str:
    if isinstance(part, str):
        return escape(part)
    exact = escape(moment_text(part.moment))
    machine = part.moment.astimezone(UTC).isoformat(timespec="seconds")
    return f'<time datetime="{machine}" title="{exact}">{escape(part.text)}</time>'


def _there(moment: datetime) -> datetime:
    try:
        return moment.astimezone(_zone())
    except OverflowError:  # the last day that a datetime knows
        return moment.astimezone(UTC)


def _zone() -> tzinfo:
    """The name comes from the browser: it may be anything."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
