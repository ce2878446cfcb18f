"""Many jobs as one ZIP, packed job by job, with a report of what was left out and why."""

import csv
import logging
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from io import BytesIO, StringIO
from itertools import islice
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from typing import IO

from dashboard.errors import ErrorCode, JobStatus, refusal_for, suggestion_for
from dashboard.jobs import Job, get_job
from dashboard.outputs import StorageUnavailableError, output_directory
from dashboard.packing_faults import why_not_packed, why_not_ready
from dashboard.settings import read_settings
from dashboard.status import Decision
from result_packager import Collection, ResultPackagerError

log = logging.getLogger(__name__)

# No job id has a dot, so no job's folder has this name.
REPORT = "report.csv"
REPORT_COLUMNS = ("job_id", "result", "message", "suggestion", "size_bytes")
INCLUDED = "included"
# The ZIP's directory stays in memory until the end: some hundred bytes a file, 2 kB a job.
MAX_JOBS = 10_000
# A packed job is held up to here in memory, a larger one in a file without a name: in the cache, or
# where the system has its temporary files if the cache takes nothing.
HELD_IN_MEMORY_BYTES = 16 << 20
# Between two steps the maker may be left; each step costs a change of threads.
STEP_BYTES = 1 << 20
REMEMBERED_REFUSALS = 20
# Beyond a limit so many jobs have a line of their own in the report, the others one together.
REPORTED_BEYOND = 10_000
GB = 1_000_000_000


class BulkZip:
    """A ZIP in the making: each part is a whole job, the last one the report.

    `job_ids` are taken one by one as they are needed, in changing threads; one that comes again is
    not packed again. A job that cannot be packed to its end is left out and reported; none is ever
    there in part.
    """

    def __init__(self, job_ids: Iterable[str]) -> None:
        self.included = 0
        self.left_out: Counter[ErrorCode] = Counter()
        self.first_refusals: list[tuple[str, Decision]] = []
        self.is_done = False
        self.packed = set[str]()
        self._job_ids = iter(job_ids)
        self._collection, self._size_bytes = Collection(), 0
        self._max_gb = read_settings().max_bulk_gb
        self._report = BytesIO()
        self._note(*REPORT_COLUMNS)
        self._parts = self._make()

    def find_any(self) -> bool:
        """Tell whether a ZIP could be made, and pack nothing."""
        return any(job is not None for job in self._ready_jobs())

    def step(self) -> IO[bytes] | None:
        """Work on for a moment; return the next part when it is whole, to be read before going on.

        Without any job in it there is no part at all. `is_done` is set after the last one.
        """
        try:
            return next(self._parts)
        except StopIteration:
            self.is_done = True
            return None

    def close(self) -> None:
        """Give up the rest and free what is held; a second call does nothing."""
        self._parts.close()

    def _make(self) -> Generator[IO[bytes] | None]:
        for job in self._ready_jobs():
            if job is None:
                yield None
                continue
            with ExitStack() as stack:
                spool = yield from self._hold(job, stack)
                if spool is not None:
                    spool.seek(0)
                    yield spool
        if self.included:
            report = self._collection.add_file(REPORT, self._report.getvalue())
            yield BytesIO(report + self._collection.end())

    def _ready_jobs(self) -> Iterator[Job | None]:
        """Yield each job that is ready and fits, and None for each that is not ready."""
        for job_id in self._job_ids:
            if job_id in self.packed:
                continue
            job = _ready_job(job_id)
            if isinstance(job, Decision):
                self._leave_out(job_id, job)
                yield None
            elif job.size_bytes > self._max_gb * GB:
                self._leave_out(job_id, self._beyond_limit(job_id))  # whatever else is asked for
            elif self._is_full(job):
                self._leave_out(job_id, self._beyond_limit(job_id))
                break
            else:
                yield job
        for job_id in islice(self._job_ids, REPORTED_BEYOND):
            self._leave_out(job_id, self._beyond_limit(job_id))
        self._leave_out_rest()

    def _leave_out_rest(self) -> None:
        """Count what there is no room for even in the report: its memory must have an end."""
        more = sum(1 for _ in self._job_ids)
        if more:
            self.left_out[ErrorCode.BULK_LIMIT] += more
            message = f"So are {more:,} more jobs, which are not named here."
            self._note("", ErrorCode.BULK_LIMIT.value, message, "", "")

    def _is_full(self, job: Job) -> bool:
        size_bytes = self._size_bytes + job.size_bytes
        return self.included >= MAX_JOBS or size_bytes > self._max_gb * GB

    def _beyond_limit(self, job_id: str) -> Decision:
        limit = f"{self._max_gb} GB or {MAX_JOBS:,} jobs"
        message = f"Job {job_id} is beyond what one ZIP holds: {limit}."
        return Decision(JobStatus.READY, ErrorCode.BULK_LIMIT, message, {"job_id": job_id})

    def _hold(self, job: Job, stack: ExitStack) -> Generator[None, None, IO[bytes] | None]:
        """Pack a job as a whole, where there is room for it; return None if it is left out."""
        for directory in (read_settings().cache_path, Path(gettempdir())):
            spool = stack.enter_context(_spool(directory))
            try:
                yield from self._pack(job, spool)
            except ResultPackagerError as exc:
                self._leave_out(job.job_id, _why_not_packed(job.job_id, exc))
                return None
            except OSError as exc:
                log.warning("job %s cannot be held for a bulk ZIP: %s", job.job_id, exc.strerror)
                spool.close()
                continue
            self.included += 1
            self.packed.add(job.job_id)
            self._size_bytes += job.size_bytes
            self._note(job.job_id, INCLUDED, "", "", job.size_bytes)
            return spool
        self._leave_out(job.job_id, _refuse(ErrorCode.INTERNAL_ERROR, job.job_id))
        return None

    def _pack(self, job: Job, spool: IO[bytes]) -> Generator[None]:
        directory, unseen = output_directory(job.job_id), 0
        with closing(self._collection.pack_job(job.job_id, directory, spool)) as packing:
            for written in packing:
                unseen += written
                if unseen >= STEP_BYTES:
                    unseen = 0
                    yield

    def _leave_out(self, job_id: str, refused: Decision) -> None:
        code = refused.code or ErrorCode.INTERNAL_ERROR
        self.left_out[code] += 1
        if len(self.first_refusals) < REMEMBERED_REFUSALS:
            self.first_refusals.append((job_id, refused))
        # A message may quote the pipeline: on one line, and behind "Job", it is no formula.
        message = " ".join(refused.message.split())
        self._note(job_id, code.value, message, suggestion_for(code, refused.details), "")

    def _note(self, *cells: object) -> None:
        line = StringIO()
        csv.writer(line).writerow(cells)
        self._report.write(line.getvalue().encode())


def _ready_job(job_id: str) -> Job | Decision:
    try:
        job = get_job(job_id)
        return job if job.status is JobStatus.READY else why_not_ready(job)
    except StorageUnavailableError:
        return _refuse(ErrorCode.STORAGE_UNAVAILABLE, job_id)


def _why_not_packed(job_id: str, fault: ResultPackagerError) -> Decision:
    try:
        return why_not_packed(job_id, fault)
    except StorageUnavailableError:
        return _refuse(ErrorCode.STORAGE_UNAVAILABLE, job_id)


def _refuse(code: ErrorCode, job_id: str) -> Decision:
    message = f"Job {job_id}: {refusal_for(code).text}"
    return Decision(JobStatus.UNKNOWN, code, message, {"job_id": job_id})


def _spool(directory: Path) -> IO[bytes]:
    """A file without a name; it is memory alone while it is small."""
    with suppress(OSError):  # told by the first write that needs it
        directory.mkdir(parents=True, exist_ok=True)
    return SpooledTemporaryFile(HELD_IN_MEMORY_BYTES, dir=str(directory))
