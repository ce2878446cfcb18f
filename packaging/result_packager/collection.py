"""One archive of several jobs, each below a folder of its own, whole or not at all."""

import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import IO

from result_packager.archive import ResultStream
from result_packager.container import Container, Content
from result_packager.encoders import REFERENCE, crc32, deflate
from result_packager.members import is_plain_name


class Collection:
    """An archive in the making: what its calls give is written out in the order of the calls.

    Memory holds one job's pieces in flight and, until the end, some hundred bytes a member.
    """

    def __init__(self) -> None:
        self._container = Container()

    def pack_job(self, job_id: str, output_dir: Path, target: IO[bytes]) -> Generator[int]:
        """Pack a complete job into `target`, step by step; each step tells how much it wrote.

        The members are named `{job_id}/{model}/...` and are byte for byte those of the job's own
        archive. Each job is packed once, and to its end before anything else is added. Raises what
        `create_result_zip` does. After that, or once closed early, nothing of the job is in the
        archive: throw away what `target` got.
        """
        if not is_plain_name(job_id):
            raise ValueError(f"no folder of an archive: {job_id!a}")
        before = self._container.mark()
        try:
            with closing(ResultStream(job_id, output_dir, self._container)) as stream:
                for chunk in stream:
                    target.write(chunk)
                    yield len(chunk)
        except BaseException:
            self._container.go_back(before)
            raise

    def add_file(self, name: str, content: bytes) -> bytes:
        """Add a file beside the jobs' folders, dated now."""
        deflated = deflate(content, REFERENCE)
        facts = Content(crc32(content, 0), len(deflated), len(content))
        return self._container.header(name, time.time_ns(), facts) + deflated

    def end(self) -> bytes:
        """Close the archive; nothing can be added afterwards."""
        return self._container.end()
