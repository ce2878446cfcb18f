"""Pictures that are none, are broken, or are made to take memory and time.

What must be observed: a thumbnail, or the placeholder, within a second of a processor's time and
with less than 150 MB more of memory, however many are asked for at once; the server answers
meanwhile, and the page shows.
"""

import io
import struct
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from dashboard.thumbnails import thumbnail
from tests.pages import open_page

GRAY, RGB, PALETTE, RGBA = 0, 2, 3, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, RGBA: 4}
MB = 1_000_000


def zeros(count: int) -> bytes:
    """About so many zeros as zlib packs them, a thousandth as long; made without packing all."""
    block = bytes(MB)
    packer = zlib.compressobj(9)
    first = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    blocks = count // MB + 1
    checksum = (blocks * MB % 65521) << 16 | 1
    return first + again * (blocks - 1) + b"\3\0" + checksum.to_bytes(4, "big")


def chunk(name: bytes, content: bytes = b"") -> bytes:
    body = name + content
    return len(content).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def png(
    width: int,
    height: int,
    kind: int = RGBA,
    depth: int = 8,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A black picture, with chunks before and behind its pixels."""
    pixels = zeros((width * CHANNELS[kind] * depth // 8 + 1) * height)
    start = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = [chunk(b"IHDR", start), before, chunk(b"IDAT", pixels), after, chunk(b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def saved(form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(buffer, form, **options)
    return buffer.getvalue()


BOMB = zeros(1000 * MB)
FRAMES = [Image.new("RGB", (300, 200), (n, 0, 0)) for n in range(20)]
BROKEN: dict[str, bytes] = {
    "600 MB of pixels": png(12_500, 12_000),
    "one pixel wide": png(1, 12_000_000),
    "one pixel high": png(12_000_000, 1),
    "truncated": saved("PNG")[:150],
    "header alone": png(16, 16)[:33],
    "zTXt bomb": png(64, 64, before=chunk(b"zTXt", b"a\0\0" + BOMB)),
    "iTXt bomb": png(64, 64, before=chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB)),
    "iCCP bomb": png(64, 64, before=chunk(b"iCCP", b"a\0\0" + BOMB)),
    "zTXt bomb behind": png(64, 64, after=chunk(b"zTXt", b"a\0\0" + BOMB)),
    "broken profile": png(64, 64, after=chunk(b"iCCP", b"ab\0")),
    "a million chunks": png(64, 64, before=chunk(b"prVt") * 1_000_000),
    "a million texts": png(64, 64, after=chunk(b"tEXt", b"a\0b") * 1_000_000),
    "a million empty IDAT": png(64, 64, before=chunk(b"IDAT") * 1_000_000),
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\n",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "JPEG": saved("JPEG"),
    "empty": b"",
    "text": b"no picture",
}
SHOWN: dict[str, bytes] = {
    "the largest": png(4096, 4096),
    "the largest, 16 bits": png(4096, 4096, depth=16),
    "the largest, RGB": png(4096, 4096, RGB),
    "gray": png(2048, 2048, GRAY),
    "APNG": saved("PNG", save_all=True, append_images=FRAMES),
    "more pixels than it says": png(64, 64, after=chunk(b"IDAT", BOMB)),
}
# Of a processor: the machine may be busy with others meanwhile.
SECOND = 1.0


@pytest.fixture
def put(finished_job: str, storage: Path) -> Callable[..., str]:
    """Write a preview of a ready job; returns its thumbnail's path."""

    def write(content: bytes, name: str = "textured_00.png") -> str:
        (storage / finished_job / "output/reconviagen/previews" / name).write_bytes(content)
        return f"/jobs/{finished_job}/thumbnails/reconviagen/{name}"

    return write


@pytest.fixture
def grown() -> Callable[[], float]:
    """How many MB the process has taken at most beyond what it had at the start, as Linux tells."""
    status, references = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not status.exists():
        pytest.skip("only Linux tells")

    def peak() -> float:
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1000

    references.write_text("5")  # begin the peak anew
    before = peak()
    return lambda: peak() - before


@pytest.mark.parametrize("name", [*BROKEN, *SHOWN])
def test_every_picture_is_a_thumbnail_or_a_placeholder_soon(
    http: TestClient, put: Callable[..., str], grown: Callable[[], float], name: str
) -> None:
    content = (BROKEN | SHOWN)[name]
    path = put(content)
    used = time.process_time()
    response = http.get(f"{path}?edge=256")
    assert time.process_time() - used < SECOND
    assert grown() < 150
    assert (response.status_code, response.headers["content-type"]) == (200, "image/webp")
    with Image.open(io.BytesIO(response.content)) as picture:
        assert max(picture.size) <= 256
    _, genuine = thumbnail("abcd1234", "reconviagen", "textured_00.png", 256)
    assert genuine == (name in SHOWN)
    if not genuine:
        assert response.headers["cache-control"] == "private, no-cache"


def test_a_huge_file_is_not_read(http: TestClient, put: Callable[..., str], storage: Path) -> None:
    path = put(png(64, 64))
    with next(storage.glob("*/output/*/previews/textured_00.png")).open("r+b") as file:
        file.truncate(1000 * MB)
    used = time.process_time()
    assert http.get(path).status_code == 200
    assert time.process_time() - used < SECOND


def test_all_of_them_at_once_and_the_page(
    http: TestClient, finished_job: str, put: Callable[..., str], grown: Callable[[], float]
) -> None:
    contents = [*BROKEN.values(), *SHOWN.values()]
    paths = [put(content, f"textured_{n:02}.png") for n, content in enumerate(contents)]
    with ThreadPoolExecutor(len(paths)) as threads:
        answers = [threads.submit(http.get, path) for path in paths]
        assert http.get("/health").status_code == 200
        assert {answer.result().status_code for answer in answers} == {200}
    assert grown() < 150
    open_page(job=finished_job)
