"""What an operator may set, all of it through the environment."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_type_hints
from urllib.parse import quote, urlsplit

REDIS_SCHEMES = ("redis", "rediss", "unix")
CATALOG_SCHEMES = ("sqlite", "postgresql")
BESIDE = ".catalog.sqlite3"
AUTHS = ("none", "oidc")
# Of an address that somebody has mistyped, whatever may be a password.
USER_PART = re.compile(r"^([a-z][a-z0-9+.-]*:(?://)?)?.*@", re.DOTALL | re.IGNORECASE)
SECRET_PARAMETER = re.compile(r"(\w*(?:pass|pwd|secret|token)\w*)=[^&\s]*", re.IGNORECASE)


class SettingError(ValueError):
    """A variable of the environment holds a value that cannot be used."""

    def __init__(self, variable: str, value: str, wanted: str) -> None:
        super().__init__(f"{variable}={_masked(value)!r} cannot be used: it must be {wanted}.")


def _masked(value: str) -> str:
    """Leave out passwords: what ends the start is logged, and pasted into tickets."""
    return SECRET_PARAMETER.sub(r"\1=***", USER_PART.sub(r"\1***@", value))


def _redis_url(variable: str, value: str) -> str:
    try:
        url = urlsplit(value)
        is_usable = url.scheme in REDIS_SCHEMES and url.port != 0
    except ValueError:  # a port that is none, most often part of a password that is not quoted
        is_usable = False
    if not is_usable:
        wanted = "a Redis URL such as redis://host:6379/0 (redis://, rediss:// or unix://)"
        raise SettingError(variable, value, wanted)
    return value


def _catalog_url(variable: str, value: str) -> str:
    wanted = "sqlite:////absolute/path or postgresql://user:password@host/database"
    try:
        url = urlsplit(value)
        is_usable = url.scheme in CATALOG_SCHEMES and len(url.path) > 1 and url.port != 0
    except ValueError:  # a port that is none
        is_usable = False
    if not is_usable:
        raise SettingError(variable, value, wanted)
    return value


def _path(variable: str, value: str) -> Path:
    if "\0" in value:
        raise SettingError(variable, value, "a path")
    return Path(value).expanduser().absolute()


def _whole(least: int, most: int) -> Callable[[str, str], int]:
    def read(variable: str, value: str) -> int:
        whole = value.isascii() and value.isdigit() and len(value) <= 9
        if not whole or not least <= int(value) <= most:
            raise SettingError(variable, value, f"a whole number from {least} to {most}")
        return int(value)

    return read


def _hours(variable: str, value: str) -> int | None:
    return _whole(1, 1_000_000)(variable, value) if value else None


def _login(variable: str, value: str) -> bool:
    if value not in AUTHS:
        raise SettingError(variable, value, " or ".join(AUTHS))
    return value == "oidc"


def _file(variable: str, value: str) -> Path | None:
    return _path(variable, value) if value else None


def _switch(variable: str, value: str) -> bool:
    if value not in {"0", "1"}:
        raise SettingError(variable, value, "0 or 1")
    return value == "1"


class Setting(NamedTuple):
    """Where a field of Settings comes from. Without a default, `stand_in` makes one of the rest."""

    variable: str
    default: str | None
    read: Callable[[str, str], Any]
    meaning: str
    stand_in: Callable[[Mapping[str, Any]], Any] | None = None


JOB_STORAGE_PATH = Setting(
    "JOB_STORAGE_PATH", "jobs", _path, "The directory that holds one directory per job."
)
BROKER_URL = Setting(
    "CELERY_BROKER_URL", "redis://localhost:6379/0", _redis_url, "The pipeline's Celery broker."
)
RESULT_BACKEND_URL = Setting(
    "CELERY_RESULT_BACKEND",
    None,
    _redis_url,
    "Where Celery keeps its records; the broker's URL when not set.",
    stand_in=lambda settings: settings["broker_url"],
)
CATALOG_URL = Setting(
    "CATALOG_URL",
    None,
    _catalog_url,
    "What the dashboard remembers of every job: a SQLite file (beside the storage when not set), "
    "or PostgreSQL where several dashboards share one.",
    stand_in=lambda settings: f"sqlite:///{quote(str(settings['job_storage_path']))}{BESIDE}",
)
CACHE_PATH = Setting(
    "CACHE_PATH",
    "~/.cache/recon-dashboard",
    _path,
    "Where thumbnails, mesh facts and ZIPs are kept; may be deleted at any time.",
)
MAX_BUILDS = Setting(
    "MAX_BUILDS", "2", _whole(1, 64), "How many ZIPs are packed at once; beyond it: 503 BUSY."
)
MAX_ZIP_IN_MEMORY_MB = Setting(
    "MAX_ZIP_IN_MEMORY_MB",
    "512",
    _whole(0, 1_000_000),
    "Jobs with more MB of files are streamed while they are packed, without Content-Length.",
)
ZIP_CACHE_MB = Setting(
    "ZIP_CACHE_MB",
    "2048",
    _whole(0, 100_000_000),
    "How many MB of finished ZIPs are kept for the next download; 0 keeps none.",
)
RESULT_RETENTION_HOURS = Setting(
    "RESULT_RETENTION_HOURS",
    "",
    _hours,
    "When whoever cleans up the storage removes results, in hours after their end; only shown.",
)
STALLED_AFTER_MIN = Setting(
    "STALLED_AFTER_MIN",
    "30",
    _whole(1, 1_000_000),
    "Minutes without any sign of life after which a running job is marked as stalled.",
)
SERVE_UNRECORDED = Setting(
    "SERVE_UNRECORDED",
    "0",
    _switch,
    "1 treats complete outputs that nobody has a record of as ready: for an old storage.",
)
MAX_BULK_GB = Setting(
    "MAX_BULK_GB",
    "50",
    _whole(1, 1_000_000),
    "How many GB of files one ZIP of several jobs holds; jobs beyond are left out and reported.",
)
VIEWER_MAX_MB = Setting(
    "VIEWER_MAX_MB",
    "60",
    _whole(1, 100_000),
    "Meshes with more MB of files are offered as files, not turned in the browser.",
)
AUTH = Setting(
    "AUTH",
    "none",
    _login,
    "Who is let in: none asks nobody, oidc asks everybody to log in, or for an API token.",
)
TOKENS_PATH = Setting(
    "TOKENS_PATH",
    None,
    _path,
    "The file of the API tokens' hashes; beside the storage when not set.",
    stand_in=lambda settings: Path(f"{settings['job_storage_path']}.tokens.json"),
)
AUDIT_LOG = Setting(
    "AUDIT_LOG",
    "",
    _file,
    "A file to which a line is added for each download; the standard error stream when not set.",
)
RECON_DEMO = Setting("RECON_DEMO", "0", _switch, "1 shows the demo's control to submit a job.")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One run's settings; README's table holds the same variables, defaults and meanings."""

    job_storage_path: Annotated[Path, JOB_STORAGE_PATH]
    broker_url: Annotated[str, BROKER_URL]
    result_backend_url: Annotated[str, RESULT_BACKEND_URL]
    catalog_url: Annotated[str, CATALOG_URL]
    cache_path: Annotated[Path, CACHE_PATH]
    max_builds: Annotated[int, MAX_BUILDS]
    max_zip_in_memory_mb: Annotated[int, MAX_ZIP_IN_MEMORY_MB]
    zip_cache_mb: Annotated[int, ZIP_CACHE_MB]
    result_retention_hours: Annotated[int | None, RESULT_RETENTION_HOURS]
    stalled_after_min: Annotated[int, STALLED_AFTER_MIN]
    serve_unrecorded: Annotated[bool, SERVE_UNRECORDED]
    max_bulk_gb: Annotated[int, MAX_BULK_GB]
    viewer_max_mb: Annotated[int, VIEWER_MAX_MB]
    needs_login: Annotated[bool, AUTH]
    tokens_path: Annotated[Path, TOKENS_PATH]
    audit_log: Annotated[Path | None, AUDIT_LOG]
    demo: Annotated[bool, RECON_DEMO]


SETTINGS: Mapping[str, Setting] = {
    name: annotation.__metadata__[0]
    for name, annotation in get_type_hints(Settings, include_extras=True).items()
}


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read every setting from the environment; an empty value counts as not set.

    Raises SettingError, naming the variable and its value.
    """
    return _read(tuple(environment.get(setting.variable) for setting in SETTINGS.values()))


@lru_cache(maxsize=8)
def _read(texts: tuple[str | None, ...]) -> Settings:
    """Read the texts once: settings are asked for with every path."""
    values: dict[str, Any] = {}
    for (name, setting), given in zip(SETTINGS.items(), texts, strict=True):
        text = given or setting.default
        if text is None and setting.stand_in:
            values[name] = setting.stand_in(values)
        else:
            values[name] = setting.read(setting.variable, text or "")
    return Settings(**values)
