"""The encoders that make the archive's DEFLATE, from the fastest to the smallest.

Measured in 1 MiB pieces against zlib level 6, one thread, speed and size (2 % more is allowed):

| content                       | ISA-L 2     | zlib-ng 3   | zlib-ng 5   | zlib 5      |
| PNG, random                   | 18x, 1.001  | 1.6x, 1.001 | 1.4x, 1.001 | 1.1x, 1.000 |
| noisy mesh, GLB or binary PLY | 20x, 0.993  | 4.5x, 0.975 | 3.5x, 1.001 | 1.8x, 1.003 |
| smooth mesh, GLB or PLY       | 18x, 1.09   | 5.5x, 0.985 | 4.0x, 1.003 | 1.8x, 1.010 |
| OBJ, ascii PLY                | 20x, 1.11   | 6.5x, 1.028 | 4.2x, 1.014 | 1.9x, 1.005 |

No kind of file has one right encoder: a regular grid's OBJ comes out 1.21 of zlib's size by
zlib-ng 3, and no sooner than by zlib 6 itself below 1.02. So each job is tried in samples
(planning.py), and this table only says what there is to choose from.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

# No wheel of a library for this platform: the next encoder serves in its place.
isal_zlib: Any
zlib_ng: Any
try:
    from isal import isal_zlib
except ImportError:
    isal_zlib = None
try:
    from zlib_ng import zlib_ng
except ImportError:
    zlib_ng = None


# The libraries' CRC-32 is twenty times as fast as some builds of zlib's.
crc32: Callable[[bytes, int], int] = (isal_zlib or zlib_ng or zlib).crc32


class Deflater(Protocol):
    """What the compressing libraries have in common."""

    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self, mode: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Encoder:
    """A library at one level; `cost` is its time a byte on meshes, zlib level 6 being 1."""

    name: str
    cost: float
    start: Callable[..., Deflater]


_RAW = -15  # raw DEFLATE with the full window, as a ZIP holds it


def available_encoders() -> list[Encoder]:
    """List the encoders whose libraries are there, fastest first; zlib level 6 is always last."""
    found = []
    if isal_zlib is not None:
        # memLevel 2 is ISA-L's smallest buffer: its level 2 gains nothing from more.
        start = partial(isal_zlib.compressobj, 2, zlib.DEFLATED, _RAW, 2)
        found.append(Encoder("ISA-L 2", 0.05, start))
    if zlib_ng is not None:
        # memLevel 7 ends blocks sooner: smaller where a mesh passes from vertices to faces.
        for level, cost in ((3, 0.16), (5, 0.25)):
            start = partial(zlib_ng.compressobj, level, zlib.DEFLATED, _RAW, 7)
            found.append(Encoder(f"zlib-ng {level}", cost, start))
    found.append(Encoder("zlib 5", 0.55, partial(zlib.compressobj, 5, zlib.DEFLATED, _RAW)))
    return [*found, REFERENCE]


# What the contract measures the archive's size by.
REFERENCE = Encoder("zlib 6", 1.0, partial(zlib.compressobj, 6, zlib.DEFLATED, _RAW))
ENCODERS = available_encoders()


def deflate(data: bytes, encoder: Encoder, *, last: bool = True, before: bytes = b"") -> bytes:
    """Compress one piece of a member into raw DEFLATE.

    A sync flush ends a piece that is not the last on a byte border, so that pieces made apart
    join to one stream. `before` is data that stands in the window already.
    """
    deflater = encoder.start(zdict=before)
    return deflater.compress(data) + deflater.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
