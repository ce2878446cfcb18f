"""What one job left on disk: its models, their files, their quality, and whether all is there."""

import logging
import os
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

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
SETTLED_NS = 2_000_000_000
RECALLED_MAX = 20_000

# By the job's directory: what its outputs were when its directories had these times.
_recalled: dict[Path, tuple[tuple[int, ...], "Outputs"]] = {}


class StorageUnavailableError(Exception):
    """JOB_STORAGE_PATH is not there, or may not be listed or entered."""


@dataclass(frozen=True)
class ModelOutput:
    """One model's files; `quality_problem` says in words why there is no `quality`."""

    name: str
    files: tuple[Member, ...]
    quality: Quality | None
    quality_problem: str | None

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    def previews(self, kind: str = "") -> tuple[Member, ...]:
        """The preview pictures whose name begins with a kind: `textured` or `wireframe`."""
        return tuple(file for file in self.files if file.name.startswith(f"previews/{kind}"))

    def file(self, name: str) -> Member | None:
        return next((file for file in self.files if file.name == name), None)


@dataclass(frozen=True)
class Outputs:
    """All of a job that is on disk. Times are the file system's, in UTC."""

    state: OutputState
    missing: tuple[str, ...] = ()
    models: tuple[ModelOutput, ...] = ()
    created_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def cover(self) -> Member | None:
        """The picture that stands for the job: the first textured preview of any model."""
        return next((p for model in self.models for p in model.previews("textured")), None)


NO_OUTPUTS = Outputs(OutputState.NO_JOB)


def output_directory(job_id: str) -> Path:
    """Where the pipeline writes a job's models. Raises NotAJobIdError."""
    return get_job_path(job_id) / "output"


def job_ids_on_disk() -> list[str]:
    """List every job that has a directory, in no particular order.

    Raises StorageUnavailableError if the storage cannot be listed.
    """
    try:
        with os.scandir(read_settings().job_storage_path) as entries:
            return [
                entry.name
                for entry in entries
                if is_job_id(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except OSError as exc:
        raise StorageUnavailableError(exc.strerror or "cannot be listed") from exc


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


def _job_created_at(job_id: str) -> datetime | None:
    """When the job's directory was last added to; None if there is none.

    Raises StorageUnavailableError if the storage is not there or may not be entered.
    """
    try:
        created_at = _directory_time(get_job_path(job_id))
        if created_at is None:
            read_settings().job_storage_path.stat()
    except OSError as exc:
        raise StorageUnavailableError(exc.strerror or "cannot be entered") from exc
    return created_at


def recall_outputs(job_id: str) -> Outputs:
    """Look at the outputs of a job that has ended, and only anew if one of its directories changed.

    For lists: a file that is rewritten in place, other than quality.json, is not noticed here. Only
    complete outputs are recalled: what is wrong with others may be mended without such a trace.
    Raises StorageUnavailableError as `read_outputs` does.
    """
    path = get_job_path(job_id)
    known = _recalled.get(path)
    if known and known[0] == _signature(path, known[1]):
        return known[1]
    outputs = read_outputs(job_id)
    signature = _signature(path, outputs)
    # What changed within a tick of the file system's clock could change again unseen.
    is_settled = time.time_ns() - max(signature, default=0) > SETTLED_NS
    if is_settled and outputs.state is OutputState.COMPLETE:
        if len(_recalled) >= RECALLED_MAX:
            _recalled.clear()
        _recalled[path] = signature, outputs
    return outputs


def _signature(path: Path, outputs: Outputs) -> tuple[int, ...]:
    """When a job's directories and quality files changed, permissions included; 0 for none."""
    output = path / "output"
    models = [output / model.name for model in outputs.models]
    inside = [model / name for model in models for name in ("previews", QUALITY_FILE)]
    return tuple(_changed_ns(each) for each in (path, output, *models, *inside))


def _changed_ns(path: Path) -> int:
    try:
        return path.lstat().st_ctime_ns
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
    times = [_moment(file.mtime_ns / 1e9) for model in models for file in model.files]
    state = OutputState.INCOMPLETE if missing else OutputState.COMPLETE
    if not all(_may_read(directory / member.model / member.name) for member in members):
        state = OutputState.UNREADABLE
    return Outputs(
        state,
        tuple(missing),
        models,
        created_at=min(filter(None, (job_changed_at, _directory_time(directory)))),
        changed_at=max([job_changed_at, *times]),
    )


def _may_read(path: Path) -> bool:
    """Tell whether our user may read a file, without opening it."""
    return os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)


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
    return ModelOutput(name, tuple(files), quality, problem)


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
