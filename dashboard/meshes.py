"""Facts about a job's meshes: counts at once, the surface measured once in the background."""

import json
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, BinaryIO

from dashboard.file_cache import cached, find_cached
from dashboard.mesh_counts import MeshCounts, UnreadableMeshError, count_mesh
from dashboard.mesh_process import run_on_mesh
from dashboard.mesh_surface import Surface
from dashboard.outputs import ModelOutput, open_output
from result_packager import ResultsUnreadableError

# PLY first: it alone keeps one vertex where a texture seam makes GLB and OBJ store two.
MESH_FILES = ("mesh.ply", "mesh.glb", "mesh.obj")
MEASURED_MAX_BYTES = 400 << 20
MEASURE_TIMEOUT_S = 60
REMEMBERED_MAX = 500

COUNTS, SURFACES = "mesh-counts", "mesh-surfaces"
# Job, model, file name, size in bytes, mtime in ns.
Key = tuple[str, str, str, int, int]

# One at a time: measuring keeps a core busy and may take gigabytes.
_measuring = ThreadPoolExecutor(max_workers=1, thread_name_prefix="meshes")
_measured: dict[Key, Future[bytes]] = {}
_lock = threading.Lock()


def mesh_file(model: ModelOutput) -> str | None:
    """Name the file that the facts of a model are read from."""
    return next((name for name in MESH_FILES if model.file(name)), None)


def read_counts(job_id: str, model: str, name: str) -> MeshCounts:
    """Count a mesh's vertices and faces without loading it. Raises UnreadableMeshError."""
    file, key = _open(job_id, model, name)
    with file:
        return MeshCounts(**_answer(cached(COUNTS, key, lambda: _count(file, key))))


def read_surface(job_id: str, model: str, name: str) -> Surface | None:
    """Measure a mesh's surface, once; None while that is under way. Raises UnreadableMeshError."""
    file, key = _open(job_id, model, name)
    file.close()
    kept = find_cached(SURFACES, key)
    if kept is None:
        measured = _measure_later(key)
        if not measured.done():
            return None
        kept = measured.result()
    answer = _answer(kept)
    return Surface(answer["is_watertight"], tuple(answer["extents"]))


def _open(job_id: str, model: str, name: str) -> tuple[BinaryIO, Key]:
    try:
        file, found = open_output(job_id, model, name)
    except FileNotFoundError as exc:
        raise UnreadableMeshError("it has been removed") from exc
    except ResultsUnreadableError as exc:
        raise UnreadableMeshError("it may not be read") from exc
    return file, (job_id, model, name, found.st_size, found.st_mtime_ns)


def _answer(kept: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(kept)
    if "problem" in answer:
        raise UnreadableMeshError(answer["problem"])
    return answer


def _problem(text: str) -> bytes:
    return json.dumps({"problem": text}).encode()


def _type_of(key: Key) -> str:
    return key[2].rpartition(".")[2]


def _count(file: BinaryIO, key: Key) -> bytes:
    try:
        return json.dumps(asdict(count_mesh(file, _type_of(key), key[3]))).encode()
    except UnreadableMeshError as exc:
        return _problem(str(exc))


def _measure_later(key: Key) -> Future[bytes]:
    with _lock:
        if key not in _measured:
            _measured[key] = _measuring.submit(_measure_and_keep, key)
        if len(_measured) > REMEMBERED_MAX:
            _measured.pop(next(iter(_measured)))
        return _measured[key]


def _measure_and_keep(key: Key) -> bytes:
    """Keep what the file itself gives; what the machine could not do today it may do tomorrow."""
    try:
        return cached(SURFACES, key, lambda: _measure(key))
    except UnreadableMeshError as exc:
        return _problem(str(exc))
    except Exception:  # the storage went, for one: who asks again has it tried again
        with _lock:
            _measured.pop(key, None)
        raise


def _measure(key: Key) -> bytes:
    """Measure in a process of its own, which may run out of time or memory without harm.

    Raises UnreadableMeshError for what lies at the machine and not at the file.
    """
    if key[3] > MEASURED_MAX_BYTES:
        return _problem(f"it is larger than {MEASURED_MAX_BYTES >> 20} MB")
    with _open(*key[:3])[0] as file:
        return run_on_mesh(
            "dashboard.mesh_surface", _type_of(key), mesh=file, timeout_s=MEASURE_TIMEOUT_S
        )
