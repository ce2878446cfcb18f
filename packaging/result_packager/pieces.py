"""Members compressed in pieces by several threads, handed over in order."""

import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from result_packager.encoders import REFERENCE, Encoder, deflate
from result_packager.members import MATERIALS, Member
from result_packager.outputs import OpenedOutputs
from result_packager.planning import SMALL_BYTES, Choice, is_packed, plan_encoders
from result_packager.texture_names import name_archived_texture

# Small enough that memory stays small and both cores stay busy on a job of one large mesh, large
# enough that starting anew costs no more than some hundredths of a percent in size.
PIECE_BYTES = 1 << 20
# Longer ones where zlib level 6 is chosen: often for data that it shrinks to a thousandth, of
# which the start of a piece is as much as a fiftieth.
REFERENCE_PIECE_BYTES = 2 << 20
# Pieces in flight hold up to twice their size each: eight workers stay within 24 MiB.
MAX_WORKERS = 8
# A piece of a PNG that shrinks below this was not packed after all; it is made anew by zlib.
PACKED_SHARE = 0.9
# An MTL is rewritten in one go; one beyond this is no list of materials and is packed as it is.
MATERIALS_LIMIT = 4 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a member's data, as it is in the archive and compressed."""

    data: bytes
    deflated: bytes
    is_last: bool


@dataclass(frozen=True, slots=True)
class _Cut:
    member: Member
    offset: int
    length: int
    is_last: bool
    encoder: Encoder


def worker_count() -> int:
    """Count the cores that this process may use, within what memory allows."""
    if hasattr(os, "sched_getaffinity"):  # Linux: what a container was given, not what it is in
        return min(len(os.sched_getaffinity(0)), MAX_WORKERS)
    return min(os.cpu_count() or 1, MAX_WORKERS)


def is_rewritten(member: Member, size: int) -> bool:
    """Say whether a member of `size` bytes is read, rewritten and compressed in one go."""
    return member.name == MATERIALS and size <= MATERIALS_LIMIT


def compressed_pieces(outputs: OpenedOutputs, workers: int) -> Generator[Piece]:
    """Compress all members in pieces, in order, with only a few pieces in memory at a time.

    Close it to end the threads; then none is left.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="result-packager")
    try:
        # Small members before the first large one need no plan, and the plan takes a moment:
        # a stream's reader has its first bytes before.
        is_small = [outputs.size(member) <= SMALL_BYTES for member in outputs.members]
        leading = is_small.index(False) if False in is_small else len(is_small)
        for members in (outputs.members[:leading], outputs.members[leading:]):
            plan = plan_encoders(outputs, members, pool)
            yield from _in_order(outputs, plan, pool, workers)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _in_order(
    outputs: OpenedOutputs, plan: dict[Member, Choice], pool: Executor, workers: int
) -> Iterator[Piece]:
    cuts = _all_cuts(outputs, plan)
    under_way: deque[Future[Piece]] = deque()

    def submit(count: int) -> None:
        for cut in islice(cuts, count):
            under_way.append(pool.submit(_compress, outputs, cut))

    # Two more than the workers: none idles while the oldest piece is being handed over.
    submit(workers + 2)
    while under_way:
        piece = under_way.popleft().result()
        submit(1)
        yield piece


def _all_cuts(outputs: OpenedOutputs, plan: dict[Member, Choice]) -> Iterator[_Cut]:
    for member, choice in plan.items():
        size = outputs.size(member)
        length = REFERENCE_PIECE_BYTES if choice.encoder is REFERENCE else PIECE_BYTES
        if is_rewritten(member, size):
            length = size
        for number, offset in enumerate(range(0, size or 1, length or 1)):
            end = min(offset + length, size)
            yield _Cut(member, offset, end - offset, end == size, choice.of_piece(number))


def _compress(outputs: OpenedOutputs, cut: _Cut) -> Piece:
    data = outputs.read(cut.member, cut.offset, cut.length)
    if is_rewritten(cut.member, outputs.size(cut.member)):
        data = name_archived_texture(data)
    deflated = deflate(data, cut.encoder, last=cut.is_last)
    if is_packed(cut.member) and len(deflated) < PACKED_SHARE * len(data):
        deflated = deflate(data, REFERENCE, last=cut.is_last)
    return Piece(data, deflated, cut.is_last)
