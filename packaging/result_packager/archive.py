"""The archive of a job's outputs, in memory or as a stream: the same bytes from the same code."""

import logging
from collections.abc import Generator, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from threading import Lock

from result_packager.container import Container, Content
from result_packager.encoders import crc32
from result_packager.members import Member
from result_packager.outputs import OpenedOutputs
from result_packager.pieces import Piece, compressed_pieces, is_rewritten, worker_count
from result_packager.planning import SMALL_BYTES

_log = logging.getLogger(__name__)


def create_result_zip(job_id: str, output_dir: Path) -> BytesIO:
    """Pack a complete job into memory and hand it over at position 0.

    Raises IncompleteResultsError if required files are missing, ResultsVanishedError or
    ResultsChangedError if they go or change meanwhile, ResultsUnreadableError if they cannot be
    read. Write nothing more into the buffer: one byte makes Python copy the whole archive.
    """
    archive = BytesIO()
    with closing(ResultStream(job_id, output_dir)) as stream:
        for chunk in stream:
            archive.write(chunk)
    archive.seek(0)
    return archive


def stream_result_zip(job_id: str, output_dir: Path) -> "ResultStream":
    """Pack a complete job as a stream of the bytes that `create_result_zip` would make.

    Refusals known at the start are raised by this call. A later one is raised by the iteration,
    before the archive's end: what was sent until then is no valid archive, so the connection has
    to be broken. Call `close()` if the stream is not read to its end.
    """
    return ResultStream(job_id, output_dir)


class ResultStream(Iterator[bytes]):
    """The chunks of an archive; holds files and threads until its end, a refusal or `close()`."""

    def __init__(self, job_id: str, output_dir: Path, part_of: Container | None = None) -> None:
        """Open every member; raises the packager's errors and then holds nothing.

        As a part of an archive of several jobs: the members alone, below a folder of the job's id.
        """
        self._turn = Lock()  # a server may close in one thread while another waits for a chunk
        self._outputs = OpenedOutputs(job_id, output_dir)
        if part_of is None:
            self._chunks = _archive(self._outputs)
        else:
            self._chunks = _members(self._outputs, part_of, f"{job_id}/")
        if self._outputs.skipped:
            _log.warning("job %a: left out %s", job_id, ", ".join(self._outputs.skipped))

    def __next__(self) -> bytes:
        with self._turn:
            try:
                return next(self._chunks)
            except BaseException:
                self._release()
                raise

    def close(self) -> None:
        """End the threads and close the files; a second call does nothing."""
        with self._turn:
            self._release()

    def _release(self) -> None:
        self._chunks.close()
        self._outputs.close()

    def __del__(self) -> None:
        if hasattr(self, "_chunks"):
            self._release()


def _archive(outputs: OpenedOutputs) -> Generator[bytes]:
    container = Container()
    yield from _members(outputs, container, "")
    yield container.end()


def _members(outputs: OpenedOutputs, container: Container, folder: str) -> Generator[bytes]:
    """The members of a job, each named below `folder`; refuses at the end if one was missed."""
    pieces = compressed_pieces(outputs, worker_count())
    with closing(pieces):
        for member in outputs.members:
            size = outputs.size(member)
            arcname = folder + member.arcname
            if size <= SMALL_BYTES or is_rewritten(member, size):
                yield from _small_member(outputs, member, arcname, pieces, container)
            else:
                yield from _large_member(outputs, member, arcname, pieces, container)
        outputs.confirm_all()


def _small_member(
    outputs: OpenedOutputs,
    member: Member,
    arcname: str,
    pieces: Iterator[Piece],
    container: Container,
) -> Iterator[bytes]:
    """Compress first, so that the header can state the sizes (it is what unzippers like best)."""
    piece = next(pieces)
    outputs.confirm(member)
    content = Content(crc32(piece.data, 0), len(piece.deflated), len(piece.data))
    yield container.header(arcname, outputs.mtime_ns(member), content)
    yield piece.deflated


def _large_member(
    outputs: OpenedOutputs,
    member: Member,
    arcname: str,
    pieces: Iterator[Piece],
    container: Container,
) -> Iterator[bytes]:
    """Send the header at once: a stream can neither wait for the sizes nor go back to it."""
    size, crc, compressed = outputs.size(member), 0, 0
    yield container.header_of_stream(arcname, outputs.mtime_ns(member), size)
    is_last = False
    while not is_last:
        piece = next(pieces)
        is_last = piece.is_last
        crc = crc32(piece.data, crc)
        compressed += len(piece.deflated)
        yield piece.deflated
    outputs.confirm(member)
    yield container.descriptor(Content(crc, compressed, size))
