"""Measure the packager against others, side by side: speed, size and memory.

    python benchmarks/packing.py [--sizes typical,heavy,huge] [--rounds 3]

Builds jobs of noisy meshes and photographic textures in a temporary directory, then runs every
way in turn, each run in a process of its own, so that a busy machine slows all of them alike.
Speed and size are ratios to `zipfile` with zlib level 6, medians over the rounds; memory is the
peak above what the process had before and above the ZIP it holds.
"""

import argparse
import functools
import importlib
import importlib.util
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "packaging"))

from result_packager import (
    create_result_zip,
    list_members,
    stream_result_zip,
)

Array = NDArray[Any]
MB = 1_000_000

# Columns and rows of each mesh's grid, edge of the texture and of the previews, in pixels.
SIZES = {
    "typical": (160, 100, 1024, 256),
    "heavy": (600, 400, 4096, 512),
    "huge": (1900, 1150, 4096, 1024),
}

WARMING = (160, 100, 256, 64)

# ---- jobs ------------------------------------------------------------------------------------


def photograph(edge: int, random: np.random.Generator) -> Array:
    """Make an image with detail at every scale, as a photographed surface has: edge x edge RGB."""
    image = np.zeros((edge, edge, 3), np.float32)
    for octave in range(3, edge.bit_length()):
        cells = 1 << octave
        noise = random.normal(size=(cells, cells, 3)).astype(np.float32)
        image += np.kron(noise, np.ones((edge // cells, edge // cells, 1))) * 0.6**octave
    return np.interp(image, (image.min(), image.max()), (0, 255)).astype(np.uint8)


def write_png(path: Path, pixels: Array) -> None:
    """Write RGB pixels with the filter "Up" on every row."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + width * 3), np.uint8)
    flat = pixels.reshape(height, -1)
    rows[:, 0] = 2
    rows[:, 1:] = np.diff(flat, axis=0, prepend=np.zeros_like(flat[:1]))

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", crc)

    header = struct.pack(">2L5B", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(rows.tobytes(), 6)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def mesh(columns: int, rows: int, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """Make a bumpy, noisy, closed-looking grid: vertices, texture coordinates, faces."""
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    radius = 1 + 0.15 * np.sin(9 * u) * np.cos(7 * v) + random.normal(size=u.shape) * 0.002
    angle, height = 2 * np.pi * u, np.pi * v
    ring = radius * np.sin(height)
    points = np.stack([ring * np.cos(angle), ring * np.sin(angle), radius * np.cos(height)], -1)
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    below = corner + columns
    faces = np.stack([corner, below, corner + 1, corner + 1, below, below + 1], -1)
    return points.reshape(-1, 3), np.stack([u, v], -1).reshape(-1, 2), faces.reshape(-1, 3)


def write_obj(path: Path, points: Array, coordinates: Array, faces: Array) -> None:
    """Write Wavefront OBJ with the number of digits that trimesh writes."""
    pairs = np.repeat(faces + 1, 2, axis=1)
    with path.open("w") as file:
        file.write("mtllib mesh.mtl\nusemtl material_0\n")
        for form, numbers in (
            ("v %.8f %.8f %.8f\n", points),
            ("vt %.8f %.8f\n", coordinates),
            ("f %d/%d %d/%d %d/%d\n", pairs),
        ):
            for part in np.array_split(numbers, 1 + len(numbers) // 50_000):
                file.write(form * len(part) % tuple(part.ravel().tolist()))


def write_ply(path: Path, points: Array, faces: Array) -> None:
    """Write binary PLY: float vertices, triangles with a count before each."""
    triangles = np.empty(len(faces), np.dtype([("count", "u1"), ("corners", "<i4", 3)]))
    triangles["count"], triangles["corners"] = 3, faces
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(points)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    path.write_bytes(header.encode() + points.astype("<f4").tobytes() + triangles.tobytes())


def write_glb(path: Path, arrays: Iterable[Array], texture: bytes) -> None:
    """Write the chunks of a binary glTF; the JSON names the buffers only roughly."""
    body = b"".join(array.tobytes() for array in arrays) + texture
    body += b"\0" * (-len(body) % 4)
    described = json.dumps({"asset": {"version": "2.0"}, "buffers": [{"byteLength": len(body)}]})
    head = described.encode() + b" " * (-len(described) % 4)
    total = 12 + 8 + len(head) + 8 + len(body)
    with path.open("wb") as file:
        file.write(struct.pack("<4s2L", b"glTF", 2, total))
        file.write(struct.pack("<L4s", len(head), b"JSON") + head)
        file.write(struct.pack("<L4s", len(body), b"BIN\0") + body)


def build_job(output: Path, columns: int, rows: int, texture_edge: int, preview_edge: int) -> None:
    """Write one finished job: both models, each as its pipeline stage leaves it."""
    random = np.random.default_rng(columns)
    for model in ("reconviagen", "nvdiffrec"):
        folder = output / model
        (folder / "previews").mkdir(parents=True)
        points, coordinates, faces = mesh(columns, rows, random)
        write_png(folder / "mesh.png", photograph(texture_edge, random))
        write_ply(folder / "mesh.ply", points, faces)
        texture = (folder / "mesh.png").read_bytes()
        arrays = (faces.astype("<u4"), points.astype("<f4"), coordinates.astype("<f4"))
        write_glb(folder / "mesh.glb", arrays, texture)
        if model == "reconviagen":
            (folder / "mesh.png").unlink()
        else:
            write_obj(folder / "mesh.obj", points, coordinates, faces)
            (folder / "mesh.mtl").write_text("newmtl material_0\nmap_Kd mesh.png\n")
        for number in range(6):
            picture = photograph(preview_edge, random)
            write_png(folder / "previews" / f"textured_{number:02}.png", picture)
        (folder / "quality.json").write_text(json.dumps({"metrics": {"psnr": 27.1}}, indent=2))


# ---- ways to pack ----------------------------------------------------------------------------


def with_zipfile(method: int) -> Callable[[Path], int]:
    def pack(output: Path) -> int:
        archive = BytesIO()
        with zipfile.ZipFile(archive, "w", method, compresslevel=6) as zipped:
            for member in list_members(output):
                zipped.write(output / member.model / member.name, member.arcname)
        return archive.tell()

    return pack


def with_zipstream(output: Path) -> int:
    library = importlib.import_module("zipstream")
    zipped = library.ZipStream(compress_type=zipfile.ZIP_DEFLATED, compress_level=6)
    for member in list_members(output):
        zipped.add_path(output / member.model / member.name, member.arcname)
    return sum(map(len, zipped))


def with_stream_zip(output: Path) -> int:
    library = importlib.import_module("stream_zip")

    def content(path: Path) -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(1 << 16):
                yield piece

    now = datetime.now(UTC)
    members = (
        (m.arcname, now, 0o100644, library.ZIP_32, content(output / m.model / m.name))
        for m in list_members(output)
    )
    deflater = functools.partial(zlib.compressobj, 6, wbits=-15)
    return sum(map(len, library.stream_zip(members, get_compressobj=deflater)))


PYTHON_WAYS: dict[str, Callable[[Path], int]] = {
    "zipfile, zlib 6": with_zipfile(zipfile.ZIP_DEFLATED),
    "zipfile, stored": with_zipfile(zipfile.ZIP_STORED),
    "create_result_zip": lambda output: len(create_result_zip("job", output).getbuffer()),
    "stream_result_zip": lambda output: sum(map(len, stream_result_zip("job", output))),
    "zipstream-ng": with_zipstream,
    "stream-zip": with_stream_zip,
}
HOLDS_ZIP = {"zipfile, zlib 6", "zipfile, stored", "create_result_zip"}
TOOL_WAYS = {
    "zip -6": ["zip", "-6", "-q", "-r"],
    "7z -mx1": ["7z", "a", "-tzip", "-mx1", "-bso0", "-bsp0"],
}
NEEDED_MODULE = {"zipstream-ng": "zipstream", "stream-zip": "stream_zip"}
BASELINE = "zipfile, zlib 6"

# ---- measuring -------------------------------------------------------------------------------

Run = dict[str, float]


def status_bytes(field: str) -> int:
    """Read one memory figure of this process from the kernel (Linux only, else 0)."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def measure_here(way: str, output: Path) -> Run:
    """Time one way in this process, once warm: a server packs many jobs, and only its first one
    waits some 25 ms for libraries and threads.
    """
    PYTHON_WAYS[way](output.parent / "warming")
    before = status_bytes("VmRSS")
    started = time.perf_counter()
    size = PYTHON_WAYS[way](output)
    seconds = time.perf_counter() - started
    above = status_bytes("VmHWM") - before - (size if way in HOLDS_ZIP else 0)
    return {"seconds": seconds, "size": size, "memory": max(above, 0)}


def measure_tool(way: str, output: Path) -> Run:
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        archive = Path(folder) / "job.zip"
        started = time.perf_counter()
        subprocess.run([*TOOL_WAYS[way], str(archive), "."], cwd=output, check=True)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "size": archive.stat().st_size}


def measure(way: str, output: Path) -> Run:
    if way in TOOL_WAYS:
        return measure_tool(way, output)
    command = [sys.executable, __file__, "--measure", way, str(output)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    run: Run = json.loads(done.stdout)
    return run


def present_ways() -> list[str]:
    """List the ways whose tool or library is here; say which are left out."""
    ways = []
    for way in [*PYTHON_WAYS, *TOOL_WAYS]:
        module, tool = NEEDED_MODULE.get(way), TOOL_WAYS.get(way, [None])[0]
        if (module and not importlib.util.find_spec(module)) or (tool and not shutil.which(tool)):
            print(f"left out: {way} (not installed)")
        else:
            ways.append(way)
    return ways


def report(runs: dict[str, list[Run]]) -> None:
    print(f"  {'way':20} {'speed':>8} {'size':>8} {'memory above the ZIP':>22}")
    for way, measured in runs.items():
        pairs = list(zip(measured, runs[BASELINE], strict=True))
        speed = statistics.median(base["seconds"] / run["seconds"] for run, base in pairs)
        size = statistics.median(run["size"] / base["size"] for run, base in pairs)
        peak = max(run.get("memory", -1) for run in measured)
        memory = f"{peak / MB:.0f} MB" if peak >= 0 else "not measured"
        print(f"  {way:20} {speed:7.2f}x {size:8.4f} {memory:>22}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", default=",".join(SIZES), help="of " + ", ".join(SIZES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "OUTPUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure_here(options.measure[0], Path(options.measure[1]))))
        return
    ways = present_ways()
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, {options.rounds} rounds")
    for size in options.sizes.split(","):
        with tempfile.TemporaryDirectory(prefix="packing-") as folder:
            output = Path(folder) / "output"
            build_job(output, *SIZES[size])
            build_job(output.parent / "warming", *WARMING)
            total = sum(member.size_bytes for member in list_members(output))
            print(f"\n{size}: {total / MB:.0f} MB in {len(list_members(output))} files", flush=True)
            runs: dict[str, list[Run]] = {way: [] for way in ways}
            for _ in range(options.rounds):
                for way in ways:
                    runs[way].append(measure(way, output))
            report(runs)


if __name__ == "__main__":
    main()
