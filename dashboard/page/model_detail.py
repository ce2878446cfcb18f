"""What each model made of a job: previews, quality beside the other's, mesh, files."""

import streamlit as st

from dashboard.jobs import Job
from dashboard.mesh_counts import UnreadableMeshError
from dashboard.mesh_surface import Surface
from dashboard.meshes import mesh_file, read_counts, read_surface
from dashboard.outputs import ModelOutput, StorageUnavailableError, read_quality_text
from dashboard.page.address import go_to_comparison
from dashboard.page.pieces import (
    LARGE_EDGE_PX,
    STRIP_EDGE_PX,
    enlargeable,
    facts,
    figures,
    file_list,
    picture,
)
from dashboard.page.quality_panel import show_comparison, show_quality
from dashboard.page.wording import model_label
from dashboard.wording import (
    OTHER_PREVIEWS,
    PREVIEW_TITLES,
    counts_figures,
    model_text,
    no_counts_text,
    no_mesh_text,
    no_previews_text,
    no_surface_text,
    size_text,
    surface_figures,
)

SURFACE_POLL_S = 1.0


def show_models(job: Job) -> None:
    """Show one model at a time; with several, a switch above says how they compare."""
    models = job.outputs.models
    labels = [model_label(model.name, position) for position, model in enumerate(models)]
    chosen = 0
    if len(models) > 1:
        with st.container(horizontal=True, vertical_alignment="center", key="models-bar"):
            picked = st.segmented_control(
                "Model",
                range(len(models)),
                format_func=labels.__getitem__,
                default=0,
                required=True,
                key=f"model-{job.job_id}",
                label_visibility="collapsed",
            )
            show_comparison(models, may_come=job.is_under_way)
            st.space("stretch")
            _compare_button(job.job_id)
        chosen = picked if picked in range(len(models)) else 0
    model = models[chosen]
    if labels[chosen] != model_text(model.name):
        facts(f"Model directory: {model.name}", quiet=True)
    _show_model(job, model, models, labels)


def _compare_button(job_id: str) -> None:
    label = "Compare models"
    icon = ":material/compare:"
    st.button(label, icon=icon, key="compare", on_click=go_to_comparison, args=(job_id,))


def _show_model(
    job: Job, model: ModelOutput, models: tuple[ModelOutput, ...], labels: list[str]
) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _large_picture(job, model)
    with right:
        show_quality(model, models, labels, may_come=job.is_under_way)
    for kind, title in PREVIEW_TITLES.items():
        _strip(job, model, kind, title)
    _other_previews(job.job_id, model)
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Files", anchor=False)
        sizes = {file.name: size_text(file.size_bytes) for file in model.files}
        file_list(job.job_id, model, sizes)
    with right:
        _mesh(job.job_id, model)
        _raw_quality(job.job_id, model)


def _large_picture(job: Job, model: ModelOutput) -> None:
    previews = model.previews("textured") or model.previews()
    if not previews:
        instead = ": turn its mesh in 3D instead" if mesh_file(model) else ""
        left = no_previews_text(may_come=job.is_under_way)
        st.html(picture(f"{left}{instead}", "large"))
        return
    st.html(enlargeable(job.job_id, previews[0], "large", LARGE_EDGE_PX, "large"))


def _strip(job: Job, model: ModelOutput, kind: str, title: str) -> None:
    previews = model.previews(kind)
    st.subheader(title, anchor=False)
    if not previews:
        facts(f"{no_previews_text(kind, may_come=job.is_under_way)}.", quiet=True)
        return
    cells = [
        enlargeable(job.job_id, preview, f"{kind}-{position}", STRIP_EDGE_PX)
        for position, preview in enumerate(previews)
    ]
    st.html(f'<div class="strip">{"".join(f"<div>{cell}</div>" for cell in cells)}</div>')


def _other_previews(job_id: str, model: ModelOutput) -> None:
    known = {*model.previews("textured"), *model.previews("wireframe")}
    others = [preview for preview in model.previews() if preview not in known]
    if others:
        st.subheader(OTHER_PREVIEWS, anchor=False)
        cells = [
            enlargeable(job_id, preview, f"other-{position}", STRIP_EDGE_PX)
            for position, preview in enumerate(others)
        ]
        st.html(f'<div class="strip">{"".join(f"<div>{cell}</div>" for cell in cells)}</div>')


def _mesh(job_id: str, model: ModelOutput) -> None:
    st.subheader("Mesh", anchor=False)
    name = mesh_file(model)
    if name is None:
        facts(no_mesh_text(), quiet=True)
        return
    try:
        counts = read_counts(job_id, model.name, name)
    except UnreadableMeshError as exc:
        facts(no_counts_text(name, exc), quiet=True)
        return
    figures(counts_figures(counts, name))
    surface = _surface(job_id, model.name, name)
    every = SURFACE_POLL_S if surface is None else None
    st.fragment(_show_surface, run_every=every)(job_id, model.name, name, polls=surface is None)


def _surface(job_id: str, model: str, name: str) -> Surface | str | None:
    """What is measured in the background: None until it is there, or why it never will be."""
    try:
        return read_surface(job_id, model, name)
    except UnreadableMeshError as exc:
        return no_surface_text(exc)


def _show_surface(job_id: str, model: str, name: str, *, polls: bool) -> None:
    """Show the measured surface, and stop asking when it is known."""
    try:
        surface = _surface(job_id, model, name)
    except StorageUnavailableError:
        st.rerun()
    if surface is None:
        facts("Measuring the surface …", quiet=True)
        return
    if polls:
        st.rerun()
    if isinstance(surface, str):
        facts(surface, quiet=True)
        return
    figures(surface_figures(surface))


def _raw_quality(job_id: str, model: ModelOutput) -> None:
    if not model.file("quality.json"):
        return
    with st.expander("quality.json as the pipeline wrote it"):
        st.code(read_quality_text(job_id, model.name), language="json", wrap_lines=True)
