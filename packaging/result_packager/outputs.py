"""A job's outputs, all opened before the first byte is written, and watched until the last."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from result_packager.directories import enter, open_regular
from result_packager.errors import (
    IncompleteResultsError,
    ResultPackagerError,
    ResultsChangedError,
    ResultsVanishedError,
    is_absence,
    readable,
)
from result_packager.listing import FileId, Listing, list_outputs
from result_packager.members import Member

# The kernel stamps files with a clock that ticks every 4 ms (10 ms on some): a file rewritten
# within the tick of its last change looks untouched. A stamp is believed once it is this old.
TICK_NS = 20_000_000
# Where an entry has been taken out lately a cleanup may be half way through: look again later.
CLEANUP_NS = 40_000_000
LATELY_NS = 2_000_000_000
# Descriptors held per archive: the usual limit is 1024 for the whole process, and several archives
# are made at once. Members beyond are opened and stamped like all, and opened again to be read.
HELD_OPEN = 200

# What tells that a file is the one that was opened: device, inode, size in bytes, mtime in ns.
# Not the ctime: to unlink a file while it is read renews it and does no harm.
Stamp = tuple[int, int, int, int]


class OpenedOutputs:
    """The open files of one complete job; whoever makes one closes it."""

    def __init__(self, job_id: str, output_dir: Path) -> None:
        """Open and stamp every member; on a refusal nothing stays open."""
        self.job_id = job_id
        self._output_dir = output_dir
        self._resources = ExitStack()
        self._held: dict[Member, int] = {}
        try:
            self._root = self._enter()
            self._listing = self._complete_listing()
            self._open_members()
            self._stamps = self._settled_stamps()
        except BaseException:
            self.close()
            raise

    @property
    def members(self) -> list[Member]:
        """The members in the order of the archive."""
        return list(self._stamps)

    @property
    def skipped(self) -> list[str]:
        """What was left out for its odd name or kind, escaped for a log."""
        return self._listing.skipped

    def size(self, member: Member) -> int:
        """Tell how many bytes the member had when it was stamped."""
        return self._stamps[member][2]

    def mtime_ns(self, member: Member) -> int:
        """Tell the member's date when it was stamped."""
        return self._stamps[member][3]

    def read(self, member: Member, offset: int, length: int) -> bytes:
        """Read exactly `length` bytes; refuses if the file has become shorter."""
        with self._descriptor(member) as descriptor:
            data = os.pread(descriptor, length, offset)
            while len(data) < length:  # a network disk may answer in parts
                more = os.pread(descriptor, length - len(data), offset + len(data))
                if not more:
                    raise self._lost(member.arcname)
                data += more
        return data

    def confirm(self, member: Member) -> None:
        """Refuse if the member has changed since it was stamped; for after its last byte."""
        with self._descriptor(member) as descriptor:
            if _stamp(descriptor) != self._stamps[member]:
                raise self._lost(member.arcname)

    def confirm_all(self) -> None:
        """Refuse if a cleanup was already at work when we listed; for after the last member.

        If none was, all members were opened in time and their removal meanwhile does no harm.
        """
        if self._listing.entry_removed:
            self._require_same_members()

    def close(self) -> None:
        """Close every descriptor; a second call does nothing."""
        self._resources.close()

    def _enter(self) -> int:
        try:
            with readable("the output directory"):
                root = enter(self._output_dir)
        except OSError as error:
            if not is_absence(error):
                raise
            missing = ["output directory"]
            raise self._incomplete(missing) from None
        self._resources.callback(os.close, root)
        return root

    def _complete_listing(self) -> Listing:
        with readable("the output directory"):
            listing = list_outputs(self._root)
        if not listing.missing_items:
            return listing
        if not self._still_there():
            raise self._lost("the output directory")
        raise self._incomplete(listing.missing_items)

    def _open_members(self) -> None:
        for member in self._listing.members[:HELD_OPEN]:
            descriptor = self._open(member)
            self._resources.callback(os.close, descriptor)
            self._held[member] = descriptor

    def _settled_stamps(self) -> dict[Member, Stamp]:
        """Stamp every member, waiting first until the stamps can be believed."""
        stamps = self._stamped()
        wait_ns = self._unsettled_ns(stamps)
        if wait_ns:
            time.sleep(wait_ns / 1e9)
            self._require_same_members()
            stamps = self._stamped()
        return stamps

    def _unsettled_ns(self, stamps: dict[Member, Stamp]) -> int:
        now = time.time_ns()
        touched = self._listing.touched_ns
        if self._listing.entry_removed and abs(now - touched) < LATELY_NS:
            return CLEANUP_NS
        dates = [touched, *(mtime_ns for *_, mtime_ns in stamps.values())]
        return TICK_NS if any(abs(now - date) < TICK_NS for date in dates) else 0

    def _stamped(self) -> dict[Member, Stamp]:
        stamps = {}
        for member in self._listing.members:
            with self._reachable(member) as descriptor:
                stamps[member] = _stamp(descriptor)
        return stamps

    @contextmanager
    def _descriptor(self, member: Member) -> Iterator[int]:
        """Lend the member's descriptor; one opened anew must be of the very file stamped."""
        with self._reachable(member) as descriptor:
            if member not in self._held and _stamp(descriptor) != self._stamps[member]:
                raise self._lost(member.arcname)
            yield descriptor

    @contextmanager
    def _reachable(self, member: Member) -> Iterator[int]:
        held = self._held.get(member)
        descriptor = self._open(member) if held is None else held
        try:
            with readable(member.arcname):
                yield descriptor
        except OSError as error:
            raise self._lost(member.arcname) from error
        finally:
            if held is None:
                os.close(descriptor)

    def _open(self, member: Member) -> int:
        try:
            with readable(member.arcname):
                return open_regular(self._root, member.model, *member.name.split("/"))
        except OSError as error:
            raise self._lost(member.arcname) from error

    def _require_same_members(self) -> None:
        with readable("the output directory"):
            again = list_outputs(self._root)
        if _named(again) != _named(self._listing):
            raise self._lost("the output directory")

    def _still_there(self) -> bool:
        try:
            now = self._output_dir.lstat()
        except OSError:
            return False
        then = os.fstat(self._root)
        return (now.st_dev, now.st_ino) == (then.st_dev, then.st_ino)

    def _lost(self, name: str) -> ResultPackagerError:
        if self._still_there():
            return ResultsChangedError(f"{name} changed while job {self.job_id!r} was packed")
        return ResultsVanishedError(f"the outputs of job {self.job_id!r} were removed meanwhile")

    def _incomplete(self, missing: list[str]) -> IncompleteResultsError:
        listed = ", ".join(missing)
        return IncompleteResultsError(f"job {self.job_id!r} lacks {listed}", missing)


def _stamp(descriptor: int) -> Stamp:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _named(listing: Listing) -> dict[str, FileId]:
    return {member.arcname: file_id for member, file_id in listing.files.items()}
