"""A model's mesh as one GLB for the browser: its own, or one that is made of its OBJ or PLY."""

import json
import logging
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO, NamedTuple

from dashboard.drawable import Drawable, read_drawable
from dashboard.file_cache import keep, open_cached
from dashboard.glb import GLB_HEADER, with_head, write_head
from dashboard.mesh_counts import UnreadableMeshError
from dashboard.mesh_process import run_on_mesh
from dashboard.outputs import open_output
from dashboard.settings import read_settings
from result_packager import ResultsUnreadableError

log = logging.getLogger(__name__)

# By preference, each with what it may refer to: a texture comes with GLB and OBJ only.
VIEW_FILES = {"mesh.glb": (), "mesh.obj": ("mesh.mtl", "mesh.png"), "mesh.ply": ()}
CONVERSION_TIMEOUT_S = 60
REMEMBERED_MAX = 500

VIEWS, VIEWS_KEPT_BYTES = "mesh-views", 2 << 30
PROBLEM_MAX_BYTES = 10_000
# A change in how views are made must not find those of before.
FORMAT = 1

# One at a time: converting keeps a core busy and may take gigabytes.
_converting = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mesh-views")
_lock = threading.Lock()


class Stamp(NamedTuple):
    """One file as it was: another size or mtime, and it is another file."""

    name: str
    size_bytes: int
    mtime_ns: int


class Key(NamedTuple):
    """All that a view is made of; the mesh comes first."""

    format: int
    job_id: str
    model: str
    files: tuple[Stamp, ...]
    most_mb: int  # a view that would be larger is kept as a refusal


@dataclass(frozen=True)
class MeshView:
    """A GLB to be drawn, open; `version` changes with the files that it is made of."""

    file: BinaryIO
    size_bytes: int
    version: str
    drawable: Drawable


# Conversions that are under way or came to nothing; the others are in the cache.
_conversions: dict[Key, Future[None]] = {}
# The last one that the cache did not take: a full disk costs time, and never the view.
_unkept: dict[Key, bytes] = {}


def open_view(job_id: str, model: str, *, wait: bool = False) -> MeshView | None:
    """Open a model's view; None while it is being made, unless that is waited for.

    Raises UnreadableMeshError for a mesh that is not drawn, FileNotFoundError if there is none, or
    else as `open_output` does.
    """
    key = _key(job_id, model)
    _check_size(sum(stamp.size_bytes for stamp in key.files), key)
    if key.files[0].name == "mesh.glb":
        view = _view(open_output(job_id, model, "mesh.glb")[0], key)
        if view.drawable.has_texture or not view.drawable.has_colors:
            return view
        view.file.close()
    made = _open_made(key, wait=wait)
    return _view(made, key) if made else None


def _key(job_id: str, model: str) -> Key:
    for mesh, companions in VIEW_FILES.items():
        stamps = [stamp for name in (mesh, *companions) if (stamp := _stamp(job_id, model, name))]
        if stamps and stamps[0].name == mesh:
            return Key(FORMAT, job_id, model, tuple(stamps), read_settings().viewer_max_mb)
    raise FileNotFoundError(f"no mesh of model {model} of job {job_id}")


def _stamp(job_id: str, model: str, name: str) -> Stamp | None:
    try:
        file, found = open_output(job_id, model, name)
    except FileNotFoundError:
        return None
    file.close()
    return Stamp(name, found.st_size, found.st_mtime_ns)


def _check_size(size_bytes: int, key: Key) -> None:
    if size_bytes > key.most_mb * 1_000_000:
        raise UnreadableMeshError(f"it is larger than {key.most_mb} MB")


def _view(file: BinaryIO, key: Key) -> MeshView:
    """Put the checked head in place of the file's own, so that the browser reads no other."""
    with ExitStack() as stack:
        stack.callback(file.close)
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        _check_size(size_bytes, key)
        head, drawable = read_drawable(file, size_bytes)
        rest_bytes = size_bytes - head.end
        written = write_head(head.scene, rest_bytes)
        version = sha256(repr(tuple(key)).encode()).hexdigest()[:32]
        stack.pop_all()
        content = with_head(written, file, head.end)
        return MeshView(content, len(written) + rest_bytes, version, drawable)


def _open_made(key: Key, *, wait: bool) -> BinaryIO | None:
    file = _open_kept(key)
    if file is None:
        conversion = _convert_later(key)
        if not (wait or conversion.done()):
            return None
        conversion.result()
        file = _open_kept(key)
    if file is not None and file.read(1) == b"{":  # not a GLB but the reason why there is none
        with file:
            raise UnreadableMeshError(json.loads(b"{" + file.read())["problem"])
    if file is not None:
        file.seek(0)
    return file


def _open_kept(key: Key) -> BinaryIO | None:
    file = open_cached(VIEWS, key)
    if file is not None and _is_whole(file):
        return file
    if file is not None:
        file.close()
    with _lock:
        return BytesIO(_unkept[key]) if key in _unkept else None


def _is_whole(file: BinaryIO) -> bool:
    """Tell whether a kept file ends where it says; a crash or a full disk may have cut it off."""
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(GLB_HEADER.size)
    file.seek(0)
    if start.startswith(b"{"):
        return size_bytes < PROBLEM_MAX_BYTES and file.read().endswith(b"}") and file.seek(0) == 0
    return len(start) == GLB_HEADER.size and GLB_HEADER.unpack(start)[2] == size_bytes


def _convert_later(key: Key) -> Future[None]:
    with _lock:
        if key not in _conversions:
            _conversions[key] = _converting.submit(_convert_and_keep, key)
        if len(_conversions) > REMEMBERED_MAX:
            _conversions.pop(next(iter(_conversions)))
        return _conversions[key]


def _convert_and_keep(key: Key) -> None:
    """Keep what the files themselves give; what the machine could not do is remembered only."""
    try:
        content = _convert(key)
    except UnreadableMeshError:
        raise
    except Exception:  # the storage went, for one: who asks again has it tried again
        with _lock:
            _conversions.pop(key, None)
        raise
    try:
        keep(VIEWS, key, content, limit_bytes=VIEWS_KEPT_BYTES)
    except OSError as exc:
        log.warning("cannot keep %s in the cache: %s", VIEWS, exc.strerror)
        with _lock:
            _unkept.clear()
            _unkept[key] = content
    with _lock:
        _conversions.pop(key, None)


def _convert(key: Key) -> bytes:
    try:
        with ExitStack() as stack:
            mesh, *others = [
                stack.enter_context(open_output(key.job_id, key.model, stamp.name)[0])
                for stamp in key.files
            ]
            named = zip(key.files[1:], others, strict=True)
            return run_on_mesh(
                "dashboard.mesh_conversion",
                key.files[0].name.rpartition(".")[2],
                *(f"{stamp.name}={file.fileno()}" for stamp, file in named),
                mesh=mesh,
                others=others,
                timeout_s=CONVERSION_TIMEOUT_S,
            )
    except (FileNotFoundError, ResultsUnreadableError) as exc:
        raise UnreadableMeshError("it has been removed, or may not be read") from exc
