"""The meshes of a job, turned in the browser: on a click, every model's beside the others."""

import math
from typing import Any

import pydeck
import streamlit as st

from dashboard.drawable import Drawable
from dashboard.jobs import Job
from dashboard.mesh_counts import UnreadableMeshError
from dashboard.mesh_views import VIEW_FILES, open_view
from dashboard.outputs import ModelOutput, StorageUnavailableError
from dashboard.page.pieces import base_url, facts, file_link
from dashboard.urls import view_url
from dashboard.wording import model_text
from result_packager import ResultsUnreadableError

POLL_S = 1.0
HEIGHT_PX = 440
# A mesh's diagonal on the screen; the narrowest phone is hardly wider.
DIAGONAL_PX = 400
CAMERA = {"rotation_x": 20, "rotation_orbit": 30}
# Each view takes two of the about sixteen WebGL contexts that a browser keeps.
VIEWS_MAX = 4
SHADINGS = {"Flat": "flat", "Lit": "pbr"}


def show_meshes(job: Job) -> None:
    """Offer to turn the job's meshes in 3D; nothing of them is read before that is wanted."""
    models = [model for model in job.outputs.models if _mesh_file(model)]
    key = f"turned-{job.job_id}"
    if not models:
        return
    if not st.session_state.get(key):
        st.button("Turn it in 3D", icon=":material/3d_rotation:", on_click=_turn, args=(key, True))
        return
    with st.container(key="meshes"):
        shading = _bar(key)
        with st.grid(min(len(models), 2), min_column_width=320):
            for model in models[:VIEWS_MAX]:
                with st.container(gap="xsmall"):
                    _mesh(job.job_id, model, shading)
        facts(_hint(len(models)), quiet=True)


def _turn(key: str, wanted: bool) -> None:
    st.session_state[key] = wanted


def _bar(key: str) -> str:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("In 3D", anchor=False, width="content")
        picked = st.segmented_control(
            "Shading",
            list(SHADINGS),
            default="Flat",
            required=True,
            key=f"shading-{key}",
            label_visibility="collapsed",
        )
        st.space("stretch")
        st.button("Close 3D", icon=":material/close:", on_click=_turn, args=(key, False))
    return SHADINGS.get(str(picked), "flat")


def _hint(count: int) -> str:
    told = (
        "Drag to turn, scroll or pinch for closer, drag with the right button to move; "
        "or take the arrow keys to move, with Shift to turn, and + and - for closer and farther. "
        "A frame that stays empty means that the browser has no WebGL."
    )
    return told if count <= VIEWS_MAX else f"The first {VIEWS_MAX} of {count} models. {told}"


def _mesh(job_id: str, model: ModelOutput, shading: str) -> None:
    facts(model_text(model.name))
    is_being_made = _look(job_id, model.name) is None
    every = POLL_S if is_being_made else None
    st.fragment(_show, run_every=every)(job_id, model, shading, polls=is_being_made)


def _show(job_id: str, model: ModelOutput, shading: str, *, polls: bool) -> None:
    """Show one view, and stop asking when it is made."""
    try:
        found = _look(job_id, model.name)
    except StorageUnavailableError:
        st.rerun()
    if found is None:
        facts("Converting the mesh, once …", quiet=True)
        st.skeleton(height=HEIGHT_PX)
        return
    if polls:
        st.rerun()
    name = _mesh_file(model)
    if isinstance(found, str):
        with st.container(border=True, gap="xsmall"):
            facts(f"{name} is not shown in 3D: {found}.")
            file_link(job_id, model, name, f"Download {name} instead")
        return
    version, drawable = found
    url = view_url(base_url(), job_id, model.name, version=version)
    st.pydeck_chart(
        _deck(url, drawable, shading),
        height=HEIGHT_PX,
        key=f"view-{job_id}-{model.name}",
        alt=f"Mesh of {model_text(model.name)}, to be turned",
    )
    if not drawable.has_texture:
        facts("It has no texture, so it is always shown lit.", quiet=True)


def _look(job_id: str, model: str) -> tuple[str, Drawable] | str | None:
    """Version and measures of a view, None while it is being made, or why there is none."""
    try:
        view = open_view(job_id, model)
    except UnreadableMeshError as exc:
        return str(exc)
    except FileNotFoundError:
        return "it has been removed"
    except ResultsUnreadableError:
        return "it may not be read"
    if view is None:
        return None
    view.file.close()
    return view.version, view.drawable


def _mesh_file(model: ModelOutput) -> str:
    return next((name for name in VIEW_FILES if model.file(name)), "")


def _deck(url: str, drawable: Drawable, shading: str) -> pydeck.Deck:
    """Draw the mesh scaled to a diagonal of 1 about the origin: the camera is always the same."""
    scale = 1 / drawable.diagonal
    place = {
        "position": [0, 0, 0],
        "scale": [scale] * 3,
        "shift": [-scale * each for each in drawable.centre],
    }
    text: Any = pydeck.types.String
    lighting = shading if drawable.has_texture else SHADINGS["Lit"]
    layer = pydeck.Layer(
        "ScenegraphLayer",
        id=f"mesh-{lighting}",  # a layer takes its lighting when it is made
        data=[place],
        scenegraph=text(url),
        coordinate_system=text("cartesian"),
        get_position="position",
        get_scale="scale",
        get_translation="shift",
        _lighting=text(lighting),
    )
    zoom = math.log2(DIAGONAL_PX)
    return pydeck.Deck(
        [layer],
        views=[pydeck.View(type="OrbitView", controller=True, orbit_axis="Y")],
        map_provider=None,
        tooltip=False,
        initial_view_state=pydeck.ViewState(
            target=[0, 0, 0], zoom=zoom, latitude=0, longitude=0, **CAMERA
        ),
    )
