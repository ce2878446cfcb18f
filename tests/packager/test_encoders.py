"""How small and how lean: the size the contract allows, with every set of libraries."""

import os
import random
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import BytesIO
from math import cos, sin
from pathlib import Path

import pytest

from result_packager import (
    archive,
    create_result_zip,
    encoders,
    list_members,
    planning,
    stream_result_zip,
)
from result_packager.outputs import OpenedOutputs


def zlib_size(output: Path) -> int:
    """Measure the archive that zipfile makes with zlib level 6."""
    held = BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as zipped:
        for member in list_members(output):
            zipped.write(output / member.model / member.name, member.arcname)
    return held.tell()


def grid(edge: int, noise: float) -> tuple[list[tuple[float, ...]], list[tuple[int, ...]]]:
    """Make a bumpy surface: vertices and triangles."""
    numbers = random.Random(edge)
    points = [
        (x / edge, y / edge, sin(x / 9) * cos(y / 7) / 5 + numbers.gauss(0, noise))
        for y in range(edge)
        for x in range(edge)
    ]
    corners = [y * edge + x for y in range(edge - 1) for x in range(edge - 1)]
    faces = [
        triangle
        for c in corners
        for triangle in ((c, c + edge, c + 1), (c + 1, c + edge, c + edge + 1))
    ]
    return points, faces


def as_obj(points, faces) -> bytes:
    lines = ["v {:.8f} {:.8f} {:.8f}".format(*point) for point in points]
    lines += ["f {} {} {}".format(*(corner + 1 for corner in face)) for face in faces]
    return "\n".join(lines).encode()


def as_binary(points, faces) -> bytes:
    packed = [struct.pack("<3f", *point) for point in points]
    return b"".join(packed + [struct.pack("<3I", *face) for face in faces])


def meshes(edge: int, noise: float) -> dict[str, bytes]:
    points, faces = grid(edge, noise)
    return {"m/mesh.obj": as_obj(points, faces), "m/mesh.glb": as_binary(points, faces)}


@pytest.mark.parametrize("noise", [0, 1e-3], ids=["smooth", "noisy"])
@pytest.mark.parametrize("edge", [4, 40, 150])
@pytest.mark.parametrize("held", [["m/mesh.obj"], ["m/mesh.glb"], ["m/mesh.obj", "m/mesh.glb"]])
def test_meshes_pack_to_at_most_1_02_of_zlib(write_job, noise, edge, held):
    made = meshes(edge, noise)
    output = write_job({name: made[name] for name in held})
    assert len(create_result_zip("j0b", output).getvalue()) <= 1.02 * zlib_size(output)


@pytest.mark.parametrize(
    "files",
    [
        {"m/mesh.glb": b"glTF"},
        {"m/mesh.obj": b"v 1.0 2.0 3.0\n" * 200_000},
        {"m/mesh.glb": bytes(2_500_000)},
        {"m/mesh.glb": b"", "m/mesh.png": bytes(1_000_000), "m/quality.json": b"{}"},
        {"m/mesh.glb": random.Random(1).randbytes(2_500_000)},
        {f"m/{name}": b"" for name in ("mesh.glb", "mesh.obj", "mesh.mtl", "quality.json")},
    ],
    ids=["tiny", "repeated", "zeros", "PNG not packed", "random", "empty"],
)
def test_odd_contents_pack_to_at_most_1_02_of_zlib(write_job, files):
    output = write_job(files)
    assert len(create_result_zip("j0b", output).getvalue()) <= 1.02 * zlib_size(output)


def test_the_whole_job_packs_to_at_most_1_02_of_zlib(finished_job):
    assert len(create_result_zip("j0b", finished_job).getvalue()) <= 1.02 * zlib_size(finished_job)


@pytest.mark.parametrize("encoder", encoders.ENCODERS, ids=lambda encoder: encoder.name)
@pytest.mark.parametrize("data", [b"", b"a", os.urandom(70_000), b"v 0.5 1.5\n" * 9000])
def test_pieces_of_every_encoder_join_to_one_stream(encoder, data):
    joined = (
        encoders.deflate(data, encoder, last=False)
        + encoders.deflate(data[::-1], encoders.REFERENCE, last=False)
        + encoders.deflate(data, encoder)
    )
    reader = zlib.decompressobj(-15)
    assert reader.decompress(joined) + reader.flush() == data + data[::-1] + data
    assert reader.eof
    assert reader.unused_data == b""


def test_the_reference_is_the_last_and_slowest():
    assert encoders.ENCODERS[-1] is encoders.REFERENCE
    costs = [encoder.cost for encoder in encoders.ENCODERS]
    assert costs == sorted(costs)


def test_each_member_gets_the_fastest_encoder_that_the_jobs_size_allows(write_job):
    made = meshes(150, 1e-3)
    previews = {f"m/previews/{n}.png": random.Random(n).randbytes(3_000_000) for n in range(3)}
    chosen = {}
    for name, files in {"meshes": made, "with previews": made | previews}.items():
        opened = OpenedOutputs("j0b", write_job(files | {"m/quality.json": b"{}"}, job=name))
        with closing(opened), ThreadPoolExecutor(1) as pool:
            plan = planning.plan_encoders(opened, opened.members, pool)
        chosen[name] = {member.name: choice.of_piece(0) for member, choice in plan.items()}
    assert chosen["meshes"]["quality.json"] is encoders.REFERENCE
    assert chosen["with previews"]["previews/0.png"] is encoders.ENCODERS[0]
    # What the previews do not use of the allowed size is spent on the speed of the OBJ.
    costs = {name: encoder["mesh.obj"].cost for name, encoder in chosen.items()}
    assert costs["with previews"] < costs["meshes"]


@pytest.mark.parametrize("absent", [["isal_zlib"], ["zlib_ng"], ["isal_zlib", "zlib_ng"]])
def test_without_a_library_the_others_serve(finished_job, archived, read_back, monkeypatch, absent):
    for library in absent:
        monkeypatch.setattr(encoders, library, None)
    monkeypatch.setattr(planning, "ENCODERS", encoders.available_encoders())
    held = create_result_zip("j0b", finished_job).getvalue()
    assert read_back(held) == archived
    assert len(held) <= 1.02 * zlib_size(finished_job)


def test_it_imports_and_packs_with_the_standard_library_alone(small_job):
    script = """
import sys
sys.modules["isal"] = sys.modules["zlib_ng"] = None
import zipfile, pathlib, result_packager
held = result_packager.create_result_zip("j0b", pathlib.Path(sys.argv[1]))
print(zipfile.ZipFile(held).namelist())
"""
    home = Path(archive.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", script, str(small_job)],
        env={**os.environ, "PYTHONPATH": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['reconviagen/mesh.glb', 'reconviagen/quality.json']\n"


def test_a_stream_holds_a_few_pieces_at_a_time(write_job, monkeypatch):
    """Counted, not timed: what is in memory between two chunks, with the most workers."""
    output = write_job({"m/mesh.glb": os.urandom(40 << 20)})
    monkeypatch.setattr(archive, "worker_count", lambda: 8)
    tracemalloc.start()
    try:
        for _ in stream_result_zip("j0b", output):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20
