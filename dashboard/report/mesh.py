"""A model's mesh in figures: counts at once, the surface if it is measured soon enough."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic, sleep

from dashboard.mesh_counts import UnreadableMeshError
from dashboard.mesh_surface import Surface
from dashboard.meshes import mesh_file, read_counts, read_surface
from dashboard.outputs import ModelOutput
from dashboard.wording import (
    counts_figures,
    no_counts_text,
    no_mesh_text,
    no_surface_text,
    surface_figures,
)

POLL_S = 0.05


@dataclass(frozen=True)
class MeshReport:
    """Figures by name, and in words what is missing among them."""

    figures: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None


def read_mesh(job_id: str, model: ModelOutput, until: float = 0.0) -> MeshReport:
    """Count a model's mesh, and wait for its surface until that moment of `time.monotonic`."""
    name = mesh_file(model)
    if name is None:
        return MeshReport(problem=no_mesh_text())
    try:
        counts = read_counts(job_id, model.name, name)
    except UnreadableMeshError as exc:
        return MeshReport(problem=no_counts_text(name, exc))
    figures = counts_figures(counts, name)
    try:
        surface = _await_surface(job_id, model.name, name, until)
    except UnreadableMeshError as exc:
        return MeshReport(figures, no_surface_text(exc))
    if surface is None:
        return MeshReport(figures, "The surface was still being measured.")
    return MeshReport(figures | surface_figures(surface))


def _await_surface(job_id: str, model: str, name: str, until: float) -> Surface | None:
    while (surface := read_surface(job_id, model, name)) is None and monotonic() < until:
        sleep(POLL_S)
    return surface
