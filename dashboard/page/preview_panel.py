"""Two models' previews, paired by angle: one pair large, all of them small to choose from."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from dashboard.errors import JobStatus
from dashboard.page.address import change_address
from dashboard.page.comparison_address import BESIDE, BLINK, SWIPE, ComparisonAddress
from dashboard.page.pieces import LARGE_EDGE_PX, STRIP_EDGE_PX, facts, image, picture, picture_url
from dashboard.page.sides import Side, Sides
from dashboard.page.stage import StageSide, show_stage
from dashboard.page.wording import NO_PICTURE, plain
from dashboard.preview_pairs import KINDS, OTHER, TEXTURED, WIREFRAME, Pair, pair_previews

KIND_LABELS = {TEXTURED: "Textured", WIREFRAME: "Wireframe", OTHER: "Other"}
WAY_LABELS = {
    SWIPE: ":material/compare: Swipe",
    BLINK: ":material/flip: Blink",
    BESIDE: ":material/view_column_2: Beside",
}
# Most pairs that are shown small at once; a job has six, and nobody chooses among hundreds.
PAIRS_MAX = 60


def show_previews(address: ComparisonAddress, sides: Sides) -> None:
    """Show the pair that the address names, and all pairs of its kind."""
    left, right = (
        [preview.name for preview in side.model.previews()] if side.model else [] for side in sides
    )
    pairs = pair_previews(left, right)
    _switches(address, [kind for kind in KINDS if any(pair.kind == kind for pair in pairs)])
    pairs = tuple(pair for pair in pairs if pair.kind == address.kind)
    if not pairs:
        st.html(picture(f"Neither side has {address.kind} previews", "large"))
        return
    chosen = next((pair for pair in pairs if pair.angle == address.angle), pairs[0])
    first, second = (_on_stage(chosen, position, side) for position, side in enumerate(sides))
    show_stage(address.way, first, second)
    _strip(pairs[:PAIRS_MAX], chosen, sides)
    if len(pairs) > PAIRS_MAX:
        facts(f"The first {PAIRS_MAX} of {len(pairs)} pairs.", quiet=True)


def _switches(address: ComparisonAddress, kinds: Sequence[str]) -> None:
    # Both of the pipeline's kinds always: that one is missing is worth to see.
    kinds = [kind for kind in KINDS if kind in {TEXTURED, WIREFRAME, address.kind, *kinds}]
    with st.container(horizontal=True, vertical_alignment="center", key="switches"):
        _switch("Pictures", "kind", address.kind, {kind: KIND_LABELS[kind] for kind in kinds})
        st.space("stretch")
        _switch("Compare by", "way", address.way, WAY_LABELS)


def _switch(label: str, parameter: str, value: str, labels: dict[str, str]) -> None:
    """Show one parameter of the address as a switch; the first option is not written there."""
    st.session_state[parameter] = value
    st.segmented_control(
        label,
        list(labels),
        format_func=labels.__getitem__,
        key=parameter,
        required=True,
        label_visibility="collapsed",
        on_change=_switched,
        args=(parameter, next(iter(labels))),
    )


def _switched(parameter: str, default: str) -> None:
    value = st.session_state[parameter]
    change_address({parameter: "" if value == default else value})


def _on_stage(pair: Pair, position: int, side: Side) -> StageSide:
    url = _url(pair, position, side, LARGE_EDGE_PX)
    return {"name": side.name, "src": url, "alt": _alt(pair, side), "gap": _gap(pair, side, url)}


def _url(pair: Pair, position: int, side: Side, edge_px: int) -> str:
    name = pair.names[position]
    preview = side.model.file(name) if side.model and name else None
    return picture_url(side.job.job_id, preview, edge_px) if preview else ""


def _alt(pair: Pair, side: Side) -> str:
    return f"{side.letter}, {side.name}: {pair.kind} preview {pair.angle}"


def _gap(pair: Pair, side: Side, url: str) -> str:
    """Say why there is no picture; nothing where there is one."""
    if url:
        return ""
    if side.model is None:
        return NO_PICTURE.get(side.job.status or JobStatus.UNKNOWN, "No model to show")
    return f"{side.name} has no {pair.kind} preview {pair.angle}"


def _strip(pairs: Sequence[Pair], chosen: Pair, sides: Sides) -> None:
    with st.grid(6, min_column_width=96, gap="small", key="pairs"):
        for number, pair in enumerate(pairs):
            state = "chosen" if pair is chosen else "other"
            with st.container(key=f"pair-{state}-{number}", gap="xsmall"):
                _small(pair, sides)
                _choice(pair, number, is_chosen=pair is chosen)


def _small(pair: Pair, sides: Sides) -> None:
    cells = []
    for position, side in enumerate(sides):
        url = _url(pair, position, side, STRIP_EDGE_PX)
        cells.append(picture(image(url, _alt(pair, side)) if url else escape("None")))
    st.html(f'<div class="pair">{"".join(cells)}</div>')


def _choice(pair: Pair, number: int, *, is_chosen: bool) -> None:
    name = f"Angle {plain(pair.angle)}" if pair.kind != OTHER else f"Picture {number + 1}"
    label = f"{name} · shown" if is_chosen else name
    args = ({"angle": pair.angle},)
    key = f"angle-{number}"
    st.button(label, key=key, type="tertiary", on_click=change_address, args=args, width="stretch")
