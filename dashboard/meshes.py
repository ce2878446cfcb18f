"""Facts about a job's meshes: measured once in a process of their own, then kept."""

import json
import os
import subprocess
import sys

from dashboard.file_cache import cached
from dashboard.mesh_facts import MeshFacts, UnreadableMeshError
from dashboard.outputs import ModelOutput, open_output

# PLY first: it alone keeps one vertex where a texture seam makes GLB and OBJ store two.
MESH_FILES = ("mesh.ply", "mesh.glb", "mesh.obj")
MESH_MAX_BYTES = 400 << 20
MEASURE_TIMEOUT_S = 60


def mesh_file(model: ModelOutput) -> str | None:
    """Name the file that the facts of a model are read from."""
    return next((name for name in MESH_FILES if model.file(name)), None)


def read_mesh_facts(job_id: str, model: str, name: str) -> MeshFacts:
    """Measure one mesh of a job; the second time the answer comes from the cache.

    Raises UnreadableMeshError, its text saying why, for what cannot be measured.
    """
    try:
        file, found = open_output(job_id, model, name)
    except FileNotFoundError as exc:
        raise UnreadableMeshError("it has been removed") from exc
    with file:
        key = (job_id, model, name, found.st_size, found.st_mtime_ns)
        answer = json.loads(cached("meshes", key, lambda: _measure(file.fileno(), name, found)))
    if "problem" in answer:
        raise UnreadableMeshError(answer["problem"])
    return MeshFacts(**answer | {"extents": tuple(answer["extents"])})


def _measure(descriptor: int, name: str, found: os.stat_result) -> bytes:
    if found.st_size > MESH_MAX_BYTES:
        return _problem(f"it is larger than {MESH_MAX_BYTES >> 20} MB")
    command = [sys.executable, "-m", "dashboard.mesh_facts", name.rpartition(".")[2]]
    try:
        done = subprocess.run(  # noqa: S603  our own module, and a type out of MESH_FILES
            command,
            stdin=descriptor,
            capture_output=True,
            timeout=MEASURE_TIMEOUT_S,
            check=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except subprocess.TimeoutExpired:
        return _problem(f"it took more than {MEASURE_TIMEOUT_S} s")
    except subprocess.CalledProcessError:
        return _problem("it cannot be read in the memory that is allowed")
    return done.stdout


def _problem(text: str) -> bytes:
    return json.dumps({"problem": text}).encode()
