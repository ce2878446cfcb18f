"""Which encoder each member of a job gets: the fastest mix that keeps the archive small enough.

The size allowed is that of the whole job, so what one member comes out smaller than by zlib may
be spent on the speed of another. Sizes are judged by samples, compressed by each encoder in
question; the same files always give the same plan.
"""

from concurrent.futures import Executor
from dataclasses import dataclass
from math import sqrt
from operator import sub
from statistics import stdev

from result_packager.encoders import ENCODERS, REFERENCE, Encoder, deflate
from result_packager.members import Member
from result_packager.outputs import OpenedOutputs

# Against zlib level 6, where the contract allows 1.02: samples err by some tenths of a percent.
ALLOWED_SIZE = 1.012
# Up to here zlib level 6 itself takes some milliseconds, and samples would take as long.
SMALL_BYTES = 128 << 10
# Of data that zlib shrinks below this share encoders differ by factors, and zlib is quick at it.
REPETITIVE = 0.1

# Samples stand evenly over the member, each behind a full window as in the real run: without one,
# repetitions at a distance, in which the encoders differ most, would go unseen. In all they are
# one part in 128, because zlib level 6 is tried too, at a twentieth of the fastest one's speed.
SAMPLED_PART = 128
LEAST_SAMPLE, LARGEST_SAMPLE = 4 << 10, 16 << 10
SAMPLES = 12  # with 6 or 8 some jobs of smooth meshes came out above 1.02
WINDOW_BYTES = 32 << 10


@dataclass(frozen=True, slots=True)
class Choice:
    """A member's encoder, and a faster one for a share of its pieces (0 to 1), evenly spread."""

    encoder: Encoder
    faster: Encoder = ENCODERS[0]
    share: float = 0.0

    def of_piece(self, number: int) -> Encoder:
        """Name the encoder of the member's piece of that number, counted from 0."""
        is_fast = int((number + 1) * self.share) > int(number * self.share)
        return self.faster if is_fast else self.encoder


def plan_encoders(
    outputs: OpenedOutputs, members: list[Member], pool: Executor
) -> dict[Member, Choice]:
    """Choose for every member how it is compressed, sampling on the pool's threads."""
    packed = [member for member in members if is_packed(member)]
    packed_bytes = sum(map(outputs.size, packed))
    large = [m for m in members if not is_packed(m) and outputs.size(m) > SMALL_BYTES]
    plan = dict.fromkeys(members, Choice(REFERENCE))
    plan |= dict.fromkeys(packed, Choice(ENCODERS[0]))
    return plan | _Trial(outputs, pool).fastest_mix(large, packed_bytes)


def is_packed(member: Member) -> bool:
    """Say whether a member is DEFLATE inside, so that all encoders make the same of it.

    They do within a percent, and zlib takes twenty times as long as the fastest for it.
    """
    return member.name.endswith(".png")


class _Trial:
    """Samples of members by encoder, each made when it is asked for."""

    def __init__(self, outputs: OpenedOutputs, pool: Executor) -> None:
        self._outputs = outputs
        self._pool = pool
        self._samples: dict[tuple[Member, Encoder], list[int]] = {}

    def fastest_mix(self, members: list[Member], packed_bytes: int) -> dict[Member, Choice]:
        """Start with the fastest encoder for all; give way where it gains most for its cost.

        The last change saves more than needed: a share of that member's pieces stays as it was.
        """
        references = dict.fromkeys(members, REFERENCE)
        allowed = ALLOWED_SIZE * (self._size(references) + packed_bytes) - packed_bytes
        mix = {member: self._first_choice(member) for member in members}
        plan = {member: Choice(encoder) for member, encoder in mix.items()}
        while (size := self._size(mix)) > allowed:
            member, slower = self._best_change(mix)
            faster, mix[member] = mix[member], slower
            saved = size - self._size(mix)
            share = 1 - (size - allowed) / saved if saved > 0 else 0.0
            plan[member] = Choice(slower, faster, max(share, 0.0))
        return plan

    def _first_choice(self, member: Member) -> Encoder:
        share = self._member_size(member, REFERENCE) / self._outputs.size(member)
        return REFERENCE if share < REPETITIVE else ENCODERS[0]

    def _best_change(self, mix: dict[Member, Encoder]) -> tuple[Member, Encoder]:
        """Name the member that saves most bytes for the time that its next encoder costs."""
        slower = {
            member: ENCODERS[ENCODERS.index(encoder) + 1]
            for member, encoder in mix.items()
            if encoder is not REFERENCE
        }
        self._sample(slower)

        def gain(member: Member) -> float:
            now, then = mix[member], slower[member]
            saved = self._member_size(member, now) - self._member_size(member, then)
            return saved / (self._outputs.size(member) * (then.cost - now.cost))

        best = max(slower, key=gain)
        return best, slower[best]

    def _size(self, mix: dict[Member, Encoder]) -> float:
        self._sample(mix)
        return sum(self._member_size(*pair) for pair in mix.items())

    def _member_size(self, member: Member, encoder: Encoder) -> float:
        """Estimate a member's compressed size in bytes, one standard error to the safe side."""
        sizes = self._samples[member, encoder]
        differences = list(map(sub, sizes, self._samples[member, REFERENCE]))
        error: float = stdev(differences) * sqrt(SAMPLES)
        size = self._outputs.size(member)
        return (sum(sizes) + error) * size / (SAMPLES * sample_bytes(size))

    def _sample(self, mix: dict[Member, Encoder]) -> None:
        missing = [pair for pair in mix.items() if pair not in self._samples]
        sizes = self._pool.map(lambda pair: _sampled_sizes(self._outputs, *pair), missing)
        self._samples.update(zip(missing, sizes, strict=True))


def _sampled_sizes(outputs: OpenedOutputs, member: Member, encoder: Encoder) -> list[int]:
    """Compress a member's samples and give the size of each."""
    size = outputs.size(member)
    length = sample_bytes(size)
    compressed = []
    for number in range(SAMPLES):
        start = (size - length) * (2 * number + 1) // (2 * SAMPLES)
        window = min(start, WINDOW_BYTES)
        data = outputs.read(member, start - window, window + length)
        compressed.append(len(deflate(data[window:], encoder, before=data[:window])))
    return compressed


def sample_bytes(size: int) -> int:
    """Tell how long each sample of a member of `size` bytes is."""
    return min(max(size // SAMPLED_PART // SAMPLES, LEAST_SAMPLE), LARGEST_SAMPLE)
