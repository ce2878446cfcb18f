"""Small WebP pictures of the previews, made once; a placeholder for what cannot be decoded."""

import logging
import os
import struct
import threading
from contextlib import nullcontext
from functools import cache
from io import BytesIO
from typing import BinaryIO

from PIL import Image, ImageDraw, ImageFont

from dashboard.file_cache import cached, find_cached
from dashboard.outputs import open_output

log = logging.getLogger(__name__)

KIND = "thumbnails"

EDGE_MIN_PX, EDGE_MAX_PX, EDGE_DEFAULT_PX = 16, 1024, 256
# The pipeline writes previews of 2048 x 2048 pixels and about 1 MB. Decoding takes 4 bytes a
# pixel, some more for each line, and some time for each chunk of the file: within these limits one
# hostile picture takes 100 MB and less than a second. What is larger than usual waits for its turn.
PICTURE_MAX_BYTES = 32 << 20
PICTURE_MAX_PIXELS, PICTURE_MAX_EDGE_PX = 4096 * 4096, 16_384
PICTURE_MAX_CHUNKS = 10_000
USUAL_PIXELS = 2048 * 2048
STRIP_PX = 256
WEBP_QUALITY = 82
PLACEHOLDER_TEXT = "Preview cannot be shown"

PNG_HEADER = struct.Struct(">8sI4sII")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Length and name; then the content and a checksum.
PNG_CHUNK, PNG_CHECKSUM_BYTES = struct.Struct(">I4s"), 4

_one_at_a_time = threading.Lock()


class UnreadablePictureError(Exception):
    """The file is no PNG, a broken one, or one that is too large to decode."""


def find_thumbnail(job_id: str, model: str, name: str, edge_px: int) -> bytes | None:
    """Return the thumbnail if it is kept, without decoding anything. Raises as `thumbnail`."""
    file, key = _open(job_id, model, name, edge_px)
    file.close()
    return find_cached(KIND, key)


def thumbnail(job_id: str, model: str, name: str, edge_px: int) -> tuple[bytes, bool]:
    """Return a WebP picture at most `edge_px` wide and high, and whether it shows the preview.

    Raises FileNotFoundError if the job has no such file, ResultsUnreadableError if the file
    may not be read.
    """
    file, key = _open(job_id, model, name, edge_px)
    with file:
        try:
            return cached(KIND, key, lambda: shrink(file, edge_px)), True
        except UnreadablePictureError as exc:
            log.warning("preview %s/%s of job %s: %s", model, name, job_id, exc)
            return placeholder(edge_px), False


def _open(job_id: str, model: str, name: str, edge_px: int) -> tuple[BinaryIO, tuple[object, ...]]:
    file, found = open_output(job_id, model, name)
    size, mtime = found.st_size, found.st_mtime_ns
    return file, (job_id, model, name, size, mtime, edge_px, WEBP_QUALITY)


def shrink(file: BinaryIO, edge_px: int) -> bytes:
    """Decode a PNG and encode it small, as WebP. Raises UnreadablePictureError."""
    pixels = _check_header(file)
    _check_chunks(file)
    try:
        with _one_at_a_time if pixels > USUAL_PIXELS else nullcontext():
            small = _decode_small(file, edge_px)
    except Exception as exc:
        raise UnreadablePictureError(f"cannot be decoded ({type(exc).__name__})") from exc
    return _webp(small)


def _decode_small(file: BinaryIO, edge_px: int) -> Image.Image:
    with Image.open(file, formats=["PNG"]) as picture:
        small = _in_strips(picture, edge_px) if picture.mode in {"LA", "RGBA"} else picture
        small.thumbnail((edge_px, edge_px), Image.Resampling.BICUBIC, reducing_gap=2)
        return small.convert("RGBA" if small.has_transparency_data else "RGB")


def _in_strips(picture: Image.Image, edge_px: int) -> Image.Image:
    """Average blocks of pixels until a picture is not far from its size.

    Of one with an alpha channel Pillow makes a copy for that, so a strip at a time.
    """
    factor = 2 * max(picture.size) // (3 * edge_px)
    if factor < 2:
        return picture
    width, height = (-(-side // factor) for side in picture.size)
    small = Image.new(picture.mode, (width, height))
    step = max(STRIP_PX // factor, 1) * factor
    for top in range(0, picture.height, step):
        bottom = min(top + step, picture.height)
        strip = picture.crop((0, top, picture.width, bottom))
        small.paste(strip.reduce(factor), (0, top // factor))
    return small


def _check_header(file: BinaryIO) -> int:
    """Judge by the size and the first bytes, before anything is decoded; return the pixels."""
    if file.seek(0, os.SEEK_END) > PICTURE_MAX_BYTES:
        raise UnreadablePictureError("too many bytes")
    file.seek(0)
    header = file.read(PNG_HEADER.size)
    if len(header) < PNG_HEADER.size:
        raise UnreadablePictureError("too short")
    signature, _, chunk, width, height = PNG_HEADER.unpack(header)
    if signature != PNG_SIGNATURE or chunk != b"IHDR":
        raise UnreadablePictureError("not a PNG")
    if width * height > PICTURE_MAX_PIXELS or max(width, height) > PICTURE_MAX_EDGE_PX:
        raise UnreadablePictureError("too many pixels")
    return int(width * height)


def _check_chunks(file: BinaryIO) -> None:
    """Count the chunks, each of which takes its time, however little is in it."""
    file.seek(len(PNG_SIGNATURE))
    for _ in range(PICTURE_MAX_CHUNKS):
        start = file.read(PNG_CHUNK.size)
        if len(start) < PNG_CHUNK.size:
            break
        length, _ = PNG_CHUNK.unpack(start)
        file.seek(length + PNG_CHECKSUM_BYTES, os.SEEK_CUR)
    else:
        raise UnreadablePictureError("too many chunks")
    file.seek(0)


@cache
def placeholder(edge_px: int) -> bytes:
    """A picture that says that there is nothing to see, readable on light and dark."""
    picture = Image.new("RGBA", (edge_px, edge_px), (0, 0, 0, 0))
    font = ImageFont.load_default(max(edge_px // 15, 8))
    ImageDraw.Draw(picture).text(
        (edge_px / 2, edge_px / 2),
        PLACEHOLDER_TEXT,
        fill=(120, 128, 150, 255),
        font=font,
        anchor="mm",
    )
    return _webp(picture)


def _webp(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "WEBP", quality=WEBP_QUALITY, method=2)
    return buffer.getvalue()
