"""What the worker does to a finished job whose plan asks for gaps."""

import shutil
from collections.abc import Callable
from pathlib import Path

from dashboard.demo.plan import Outcome

UNKNOWN_MODEL = "gaussian-field_v2"


def apply_aftermath(outcome: Outcome, output: Path) -> None:
    """Damage the output directory as the plan asks; most plans ask for nothing."""
    if outcome in AFTERMATHS:
        AFTERMATHS[outcome](output)


def _remove_output(output: Path) -> None:
    shutil.rmtree(output)


def _remove_meshes(output: Path) -> None:
    for name in ("mesh.glb", "mesh.obj"):
        (output / "nvdiffrec" / name).unlink()


def _scatter_damage(output: Path) -> None:
    """Cut quality.json short, fill one preview with other bytes, rename a model."""
    quality = output / "reconviagen" / "quality.json"
    quality.write_text(quality.read_text()[:140])
    (output / "reconviagen" / "previews" / "textured_02.png").write_bytes(b"not a picture\n" * 40)
    (output / "nvdiffrec").rename(output / UNKNOWN_MODEL)


def _remove_previews(output: Path) -> None:
    for model in output.iterdir():
        shutil.rmtree(model / "previews")
        (model / "quality.json").unlink()


AFTERMATHS: dict[Outcome, Callable[[Path], None]] = {
    Outcome.EXPIRED: _remove_output,
    Outcome.INCOMPLETE: _remove_meshes,
    Outcome.ODD: _scatter_damage,
    Outcome.BARE: _remove_previews,
}
