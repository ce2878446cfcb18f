"""What the report says of each model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from dashboard.outputs import ModelOutput
from dashboard.quality import Quality
from dashboard.report.mesh import MeshReport, read_mesh
from dashboard.report.pictures import Gallery, Picture, read_cover, read_galleries
from dashboard.wording import (
    Look,
    model_text,
    no_quality_text,
    quality_look,
    size_text,
    thresholds_text,
)

# Pictures are decoded meanwhile, and a surface of usual size is measured within a second.
SURFACE_WAIT_S = 2.0


@dataclass(frozen=True)
class ModelReport:
    """One model, in words and pictures; `title` is how the model is called, `name` its folder."""

    name: str
    title: str
    look: Look
    quality: Quality | None
    notes: tuple[str, ...]
    mesh: MeshReport
    cover: Picture | None
    galleries: tuple[Gallery, ...]
    files: Mapping[str, str]
    size: str


def read_models(job_id: str, models: Sequence[ModelOutput]) -> list[ModelReport]:
    """Gather what is told of the models; what cannot be read is told as such."""
    for model in models:
        read_mesh(job_id, model)  # begins to measure, while the pictures are decoded
    pictures = [(read_cover(job_id, model), read_galleries(job_id, model)) for model in models]
    until = monotonic() + SURFACE_WAIT_S
    return [
        ModelReport(
            name=model.name,
            title=model_text(model.name),
            look=quality_look(model.quality.status if model.quality else None),
            quality=model.quality,
            notes=_notes(model),
            mesh=read_mesh(job_id, model, until),
            cover=cover,
            galleries=galleries,
            files={file.name: size_text(file.size_bytes) for file in model.files},
            size=size_text(model.size_bytes),
        )
        for model, (cover, galleries) in zip(models, pictures, strict=True)
    ]


def _notes(model: ModelOutput) -> tuple[str, ...]:
    if model.quality is None:
        return (no_quality_text(model.quality_problem),)
    summary = [model.quality.summary] if model.quality.summary else []
    return (*summary, thresholds_text(model.quality))
