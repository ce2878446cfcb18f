"""The work of one job, told step by step: reference, then for each model copy, files, quality."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dashboard.demo.aftermath import apply_aftermath
from dashboard.demo.camera import VIEWS, camera_of
from dashboard.demo.degrade import RECIPES, reconstruct
from dashboard.demo.export import export_meshes, save_picture
from dashboard.demo.ground import GroundShadow
from dashboard.demo.measure import measure, quality_report
from dashboard.demo.objects import ReferenceObject, make_object
from dashboard.demo.plan import Outcome, Plan
from dashboard.demo.render import Renderer, View
from dashboard.demo.seeds import seeded_random
from dashboard.demo.surfaces import Floats
from dashboard.demo.textured_mesh import TEXTURE_EDGE_PX, reference_mesh
from dashboard.demo.textures import paint_texture

MODELS = {"both": ("reconviagen", "nvdiffrec"), "reconviagen": ("reconviagen",),
          "nvdiffrec": ("nvdiffrec",)}  # fmt: skip
WITH_OBJ = {"nvdiffrec"}  # as in the real pipeline; reconviagen leaves GLB and PLY
REFERENCE_SHARE = 24  # per cent of the progress bar, before the first model


class ReconstructionError(Exception):
    """The reconstruction cannot go on; its message is for the analyst."""


@dataclass(frozen=True)
class Reference:
    """What both models work from, and what they are measured against."""

    thing: ReferenceObject
    texture: Floats
    views: list[View]


# Called before each step with: progress in per cent, what is done now, index of the model.
Report = Callable[[float, str, int], None]


def render_px() -> int:
    """The edge of previews in pixels; tests make it small."""
    return int(os.environ.get("DEMO_RENDER_PX", "768"))


def texture_px() -> int:
    """The edge of textures in pixels: no more than small pictures can show."""
    return TEXTURE_EDGE_PX if render_px() >= 512 else TEXTURE_EDGE_PX // 4


def run_job(
    job_id: str, model_type: str, job_dir: Path, plan: Plan, report: Report
) -> dict[str, object]:
    """Do the whole job below `job_dir/output` and give the task's return value.

    Raises ReconstructionError when the plan says so, as late as a real model would.
    """
    models = MODELS[model_type]
    output = job_dir / "output"
    output.mkdir(parents=True, exist_ok=True)
    reference = _make_reference(job_id, plan, report)
    statuses: dict[str, str] = {}
    for index, model in enumerate(models):
        last = index == len(models) - 1
        if last and plan.outcome is Outcome.RETURNS_CANCELLED:
            shutil.rmtree(job_dir)
            return {"status": "cancelled", "job_id": job_id}
        if last and plan.outcome is Outcome.RETURNS_FAILED:
            return _not_converged(job_id, model)
        span = (100 - REFERENCE_SHARE) / len(models)
        start = REFERENCE_SHARE + index * span

        def at(share: float, step: str, start: float = start, span: float = span,
               index: int = index) -> None:  # fmt: skip
            report(start + share * span, step, index)

        statuses[model] = _run_model(
            job_id, model, reference=reference, folder=output / model, plan=plan, at=at,
            broken=last and plan.outcome is Outcome.RAISES,
        )  # fmt: skip
    apply_aftermath(plan.outcome, output)
    return {"status": "completed", "job_id": job_id, "models": list(models), "quality": statuses}


def _not_converged(job_id: str, model: str) -> dict[str, object]:
    return {
        "status": "failed",
        "job_id": job_id,
        "model": model,
        "error": f"{model} did not converge: the loss stopped falling at iteration 412 of 2000",
        "error_code": "MODEL_DID_NOT_CONVERGE",
        "details": {"iteration": 412, "iterations": 2000, "loss": 0.3871},
    }


def _make_reference(job_id: str, plan: Plan, report: Report) -> Reference:
    report(0, "Making the reference object", 0)
    thing = make_object(job_id, plan.kind)
    report(2, "Painting the reference object", 0)
    texture = paint_texture(thing, seeded_random(job_id, "paint"), texture_px())
    report(7, "Lighting the reference object", 0)
    renderer = Renderer(reference_mesh(thing, texture))
    views = []
    for view in range(VIEWS):
        report(9 + 2.5 * view, f"Rendering reference view {view + 1} of {VIEWS}", 0)
        views.append(renderer.textured(camera_of(view, render_px())))
    return Reference(thing, texture, views)


def _run_model(
    job_id: str, model: str, *, reference: Reference, folder: Path, plan: Plan,
    at: Callable[[float, str], None], broken: bool,
) -> str:  # fmt: skip
    """Make, export, picture and measure one model's copy; gives its quality status."""
    began = time.monotonic()
    at(0.0, "Fitting the surface")
    recipe = RECIPES[model].worse(plan.severity.get(model, 1.0))
    mesh = reconstruct(reference.thing, reference.texture, recipe, seeded_random(job_id, model))
    at(0.1, "Exporting meshes")
    export_meshes(mesh, folder, with_obj=model in WITH_OBJ)
    at(0.2, "Lighting the copy")
    renderer = Renderer(mesh)
    views = []
    for view, copy in _previews(renderer, folder / "previews", at):
        views.append(copy)
        if broken and view == 2:
            raise ReconstructionError(f"{model}: ran out of memory while rendering preview 4 of 6")
    at(0.9, "Measuring quality")
    metadata = {
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "input_file": "sample.json",
        "processing_duration_sec": round(time.monotonic() - began, 2),
        "image_resolution": [render_px(), render_px()],
        "num_views": VIEWS,
    }
    report = quality_report(job_id, model, measure(reference.views, views), metadata)
    (folder / "quality.json").write_text(json.dumps(report, indent=2) + "\n")
    return str(report["status"])


def _previews(
    renderer: Renderer, folder: Path, at: Callable[[float, str], None]
) -> Iterator[tuple[int, View]]:
    """Render and save both pictures of every view; gives the textured ones for measuring."""
    shadow = GroundShadow(renderer.mesh.vertices)
    for view in range(VIEWS):
        at(0.25 + 0.65 * view / VIEWS, f"Rendering preview {view + 1} of {VIEWS}")
        camera = camera_of(view, render_px())
        textured = renderer.textured(camera)
        save_picture(_standing(textured.colour, shadow.under(camera)),
                     folder / f"textured_{view:02}.png")  # fmt: skip
        save_picture(renderer.wireframe(camera), folder / f"wireframe_{view:02}.png")
        yield view, textured


def _standing(colour: Floats, shadow: Floats) -> Floats:
    """Put a picture (h, w, 4) over a black shadow (h, w)."""
    whole = colour.copy()
    whole[..., 3] += (1 - colour[..., 3]) * shadow
    return whole
