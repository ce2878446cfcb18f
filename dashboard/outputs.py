"""What one job left on disk: its models, their files, their quality, and whether all is there."""

import hashlib
import logging
import os
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dashboard.job_ids import get_job_path, is_job_id
from dashboard.quality import QUALITY_MAX_BYTES, Quality, QualityError, parse_quality
from dashboard.settings import read_settings
from dashboard.status import OutputState
from result_packager import (
    Member,
    ResultsUnreadableError,
    open_member,
    survey_outputs,
)

log = logging.getLogger(__name__)

QUALITY_FILE = "quality.json"
# The year 2262. File systems hold later dates, but no database a larger whole number.
MTIME_MAX_NS = (1 << 63) - 1
SETTLED_NS = 2_000_000_000
# What tells, in a model's directory, that figures or pictures came or went.
WATCHED = ("/previews", f"/{QUALITY_FILE}")


class StorageUnavailableError(Exception):
    """JOB_STORAGE_PATH is not there, or may not be listed or entered."""


class Picture(NamedTuple):
    """A preview by model, name relative to the model's directory, and date in ns."""

    model: str
    name: str
    mtime_ns: int


@dataclass(frozen=True)
class ModelOutput:
    """One model's files; `quality_problem` says in words why there is no `quality`.

    `files` is empty where the catalog stands in for a look at the disk.
    """

    name: str
    size_bytes: int
    quality: Quality | None
    quality_problem: str | None
    files: tuple[Member, ...] = ()

    def previews(self, kind: str = "") -> tuple[Member, ...]:
        """The preview pictures whose name begins with a kind: `textured` or `wireframe`."""
        return tuple(file for file in self.files if file.name.startswith(f"previews/{kind}"))

    def file(self, name: str) -> Member | None:
        return next((file for file in self.files if file.name == name), None)


@dataclass(frozen=True)
class Outputs:
    """All of a job that is on disk. Times are the file system's, in UTC.

    `signature` stays the same as long as no directory and no quality.json of the job changed; it
    is empty where that cannot be relied on. `is_surveyed` is false for what was only listed by
    name: then `state` is a guess.
    """

    state: OutputState
    missing: tuple[str, ...] = ()
    models: tuple[ModelOutput, ...] = ()
    cover: Picture | None = None
    created_at: datetime | None = None
    changed_at: datetime | None = None
    signature: str = ""
    is_surveyed: bool = True

    @property
    def size_bytes(self) -> int | None:
        """The bytes of all files that a ZIP would hold, before packing; None without files."""
        return sum(model.size_bytes for model in self.models) if self.models else None

    @property
    def psnr(self) -> float | None:
        """The best PSNR of the models, in dB."""
        return self._best("psnr")

    @property
    def ssim(self) -> float | None:
        """The best SSIM of the models, 0 to 1."""
        return self._best("ssim")

    def _best(self, metric: str) -> float | None:
        if not self.models:
            return None
        qualities = (model.quality for model in self.models)
        figures = (quality.metrics[metric] for quality in qualities if quality)
        return max((figure for figure in figures if figure is not None), default=None)


NO_OUTPUTS = Outputs(OutputState.NO_JOB)


def output_directory(job_id: str) -> Path:
    """Where the pipeline writes a job's models. Raises NotAJobIdError."""
    return get_job_path(job_id) / "output"


def jobs_on_disk() -> dict[str, datetime]:
    """List every job that has a directory, with the date of that directory; in no order.

    Raises StorageUnavailableError if the storage cannot be listed.
    """
    try:
        with os.scandir(read_settings().job_storage_path) as entries:
            return dict(filter(None, map(_job_entry, entries)))
    except OSError as exc:
        raise StorageUnavailableError(exc.strerror or "cannot be listed") from exc


def _job_entry(entry: os.DirEntry[str]) -> tuple[str, datetime] | None:
    try:
        if is_job_id(entry.name) and entry.is_dir(follow_symlinks=False):
            return entry.name, _moment(entry.stat(follow_symlinks=False).st_mtime)
    except FileNotFoundError:
        pass  # removed meanwhile
    return None


def glance(job_id: str, created_at: datetime) -> Outputs:
    """Tell whether a job's directory holds outputs at all, without looking at them."""
    if _changed_ns(f"{get_job_path(job_id)}/output") == 0:
        return Outputs(OutputState.ABSENT, created_at=created_at, changed_at=created_at)
    return presume(created_at)


def presume(created_at: datetime) -> Outputs:
    """Take a job's outputs for complete until somebody looks."""
    return Outputs(
        OutputState.COMPLETE, created_at=created_at, changed_at=created_at, is_surveyed=False
    )


def read_outputs(job_id: str) -> Outputs:
    """Look at one job's directory; never fails for what lies in it.

    Raises StorageUnavailableError if the storage itself is gone: that is not a job without files.
    """
    directory = output_directory(job_id)
    created_at = _job_created_at(job_id)
    if created_at is None:
        return NO_OUTPUTS
    try:
        directory.lstat()
        return _read_models(directory, created_at)
    except FileNotFoundError:
        return Outputs(OutputState.ABSENT, created_at=created_at, changed_at=created_at)
    except (OSError, ResultsUnreadableError) as exc:
        log.warning("outputs of job %s cannot be read: %s", job_id, type(exc).__name__)
        return Outputs(OutputState.UNREADABLE, created_at=created_at, changed_at=created_at)


def require_storage() -> None:
    """Raise StorageUnavailableError if the storage is not there or may not be entered."""
    try:
        os.stat(f"{read_settings().job_storage_path}/.")  # noqa: PTH116  Path drops the dot
    except OSError as exc:
        raise StorageUnavailableError(exc.strerror or "cannot be entered") from exc


def _job_created_at(job_id: str) -> datetime | None:
    """When the job's directory was last added to; None if there is none.

    Raises StorageUnavailableError if the storage is not there or may not be entered.
    """
    try:
        created_at = _directory_time(get_job_path(job_id))
    except OSError as exc:
        raise StorageUnavailableError(exc.strerror or "cannot be entered") from exc
    if created_at is None:
        require_storage()
    return created_at


def has_changed(job_id: str, outputs: Outputs) -> bool:
    """Tell whether a job must be looked at again: cheap, a few dates instead of every file.

    A file that is rewritten in place, other than quality.json, is not noticed here.
    """
    names = [model.name for model in outputs.models]
    return not outputs.signature or outputs.signature != _signature(get_job_path(job_id), names)


def _signature(path: Path, models: list[str]) -> str:
    """When a job's directories and quality files changed, permissions included, as one word.

    Empty for what changed within a tick of the file system's clock: it could change again unseen.
    """
    output = f"{path}/output"
    inside = [f"{output}/{model}{part}" for model in models for part in ("", *WATCHED)]
    times = tuple(_changed_ns(each) for each in (str(path), output, *inside))
    if time.time_ns() - max(times) <= SETTLED_NS:
        return ""
    return hashlib.blake2b(repr(times).encode(), digest_size=12).hexdigest()


def _changed_ns(path: str) -> int:
    try:
        return os.lstat(path).st_ctime_ns
    except OSError:
        return 0


def _directory_time(path: Path) -> datetime | None:
    """When entries last came or went directly in a directory; None if it is not one."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _moment(found.st_mtime) if stat.S_ISDIR(found.st_mode) else None


def _read_models(directory: Path, job_changed_at: datetime) -> Outputs:
    members, missing = survey_outputs(directory)
    by_model: dict[str, list[Member]] = {}
    for member in members:
        by_model.setdefault(member.model, []).append(member)
    models = tuple(_read_model(directory, name, files) for name, files in by_model.items())
    state = OutputState.INCOMPLETE if missing else OutputState.COMPLETE
    if any(_is_forbidden(f"{directory}/{member.model}/{member.name}") for member in members):
        state = OutputState.UNREADABLE
    newest = max((member.mtime_ns for member in members), default=0)
    return Outputs(
        state,
        tuple(missing),
        models,
        _cover(members),
        created_at=min(filter(None, (job_changed_at, _directory_time(directory)))),
        changed_at=max(job_changed_at, _moment(newest / 1e9)),
        # What is wrong with others may be mended without a trace in their directories.
        signature=_signature(directory.parent, list(by_model))
        if state is OutputState.COMPLETE
        else "",
    )


def _cover(members: list[Member]) -> Picture | None:
    """The picture that stands for the job: the first textured preview of any model."""
    shown = (member for member in members if member.name.startswith("previews/textured"))
    pictures = (Picture(f.model, f.name, min(f.mtime_ns, MTIME_MAX_NS)) for f in shown)
    return next(pictures, None)


def _is_forbidden(path: str) -> bool:
    """Tell whether a file is there and our user may not read it, without opening it.

    One that has been removed since it was listed is not forbidden.
    """
    may_read = os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)
    return not may_read and os.path.lexists(path)


def _read_model(directory: Path, name: str, files: list[Member]) -> ModelOutput:
    quality, problem = None, None
    try:
        quality = _read_quality(directory, name, files)
    except QualityError as exc:
        problem = str(exc)
    except OSError as exc:
        problem = f"quality.json cannot be read: {exc.strerror}"
    except ResultsUnreadableError:
        problem = "quality.json cannot be read: permission denied"
    size_bytes = sum(file.size_bytes for file in files)
    return ModelOutput(name, size_bytes, quality, problem, tuple(files))


def read_quality_text(job_id: str, model: str, limit: int = 20_000) -> str:
    """Return the beginning of a quality.json as it stands; what is not UTF-8 is marked."""
    try:
        file, _ = open_output(job_id, model, QUALITY_FILE)
    except (FileNotFoundError, ResultsUnreadableError):
        return ""
    with file:
        return file.read(limit).decode("utf-8", "replace")


def _read_quality(directory: Path, model: str, files: list[Member]) -> Quality:
    if not any(file.name == QUALITY_FILE for file in files):
        raise QualityError("the pipeline left no quality.json")
    with open_member(directory, model, QUALITY_FILE) as file:
        return parse_quality(file.read(QUALITY_MAX_BYTES + 1))


def open_output(job_id: str, model: str, name: str) -> tuple[BinaryIO, os.stat_result]:
    """Open one file of the contract's list, `name` as in `Member.name` or a preview's bare name.

    Raises NotAJobIdError, FileNotFoundError, ResultsUnreadableError or StorageUnavailableError.
    """
    if _job_created_at(job_id) is None:
        raise FileNotFoundError(f"no directory of job {job_id}")
    directory = output_directory(job_id)
    try:
        file = open_member(directory, model, name)
    except FileNotFoundError:
        file = open_member(directory, model, f"previews/{name}")
    return file, os.fstat(file.fileno())


def _moment(seconds: float) -> datetime:
    """A file's time as UTC; file systems hold dates that a datetime does not."""
    return datetime.fromtimestamp(min(max(seconds, 0.0), 253402300799.0), UTC)
