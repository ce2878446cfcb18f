"""Previews as small pictures inside the report itself."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dashboard.outputs import ModelOutput
from dashboard.thumbnails import placeholder, thumbnail
from dashboard.wording import OTHER_PREVIEWS, PREVIEW_TITLES
from result_packager import Member, ResultsUnreadableError

# The page's own sizes, so that what was looked at there is kept already.
COVER_EDGE_PX, GALLERY_EDGE_PX = 1024, 256
# The pipeline renders six of a kind; this only keeps an odd job from taking minutes.
MAX_PICTURES = 12


@dataclass(frozen=True)
class Picture:
    """A picture as a data: address."""

    address: str
    alt: str


@dataclass(frozen=True)
class Gallery:
    """Previews of one kind; `left_out` counts those that the report has no room for."""

    title: str
    pictures: tuple[Picture, ...]
    left_out: int


def read_cover(job_id: str, model: ModelOutput) -> Picture | None:
    """The picture that stands for a model: its first textured preview, or else its first."""
    first = next(iter(model.previews("textured") or model.previews()), None)
    return _picture(job_id, first, COVER_EDGE_PX) if first else None


def read_galleries(job_id: str, model: ModelOutput) -> tuple[Gallery, ...]:
    """All previews by kind; kinds without any have no gallery."""
    return tuple(
        Gallery(
            title,
            tuple(_picture(job_id, each, GALLERY_EDGE_PX) for each in previews[:MAX_PICTURES]),
            max(len(previews) - MAX_PICTURES, 0),
        )
        for title, previews in _by_kind(model)
        if previews
    )


def _by_kind(model: ModelOutput) -> Iterator[tuple[str, Sequence[Member]]]:
    rest = list(model.previews())
    for kind, title in PREVIEW_TITLES.items():
        found = model.previews(kind)
        rest = [preview for preview in rest if preview not in found]
        yield title, found
    yield OTHER_PREVIEWS, rest


def _picture(job_id: str, preview: Member, edge_px: int) -> Picture:
    name = preview.name.removeprefix("previews/")
    try:
        content, _ = thumbnail(job_id, preview.model, name, edge_px)
    except (FileNotFoundError, ResultsUnreadableError):
        content = placeholder(edge_px)
    address = f"data:image/webp;base64,{b64encode(content).decode()}"
    return Picture(address, f"{preview.model}, {name}")
