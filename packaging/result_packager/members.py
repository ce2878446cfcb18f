"""What is a member of an archive, by its name: the one place that decides it."""

from dataclasses import dataclass

PREVIEWS = "previews"
MATERIALS = "mesh.mtl"
TEXTURE_ON_DISK = "mesh.png"
TEXTURE_IN_ARCHIVE = "texture.png"
REQUIRED_ONE_OF = ("mesh.glb", "mesh.obj")
MODEL_FILES = frozenset({*REQUIRED_ONE_OF, "mesh.ply", MATERIALS, TEXTURE_ON_DISK, "quality.json"})

# Separators, and what Windows refuses in a file name: an unzipper there would fail or rename.
_FORBIDDEN = frozenset('\\/:*?"<>|')


@dataclass(frozen=True, slots=True)
class Member:
    """One file that belongs into the archive.

    `name` is relative to the model's directory and as on disk ("mesh.png"), `arcname` is the name
    in the archive ("reconviagen/texture.png"). Size and date are those of the listing, not later.
    """

    model: str
    name: str
    arcname: str
    size_bytes: int
    mtime_ns: int


def is_plain_name(name: str) -> bool:
    """Say whether a single file or directory name means the same to every unzipper and terminal."""
    if not name or name[0] == "." or name[-1] in ". " or ".." in name:
        return False
    # isprintable() is false for control characters, direction overrides and lone surrogates,
    # and a name whose bytes are not UTF-8 reaches Python as lone surrogates.
    return name.isprintable() and _FORBIDDEN.isdisjoint(name)


def is_member_name(name: str) -> bool:
    """Say whether `name`, relative to a model's directory, is one of the contract's files."""
    folder, slash, preview = name.partition("/")
    if not slash:
        return name in MODEL_FILES
    return folder == PREVIEWS and preview.endswith(".png") and is_plain_name(preview)


def archive_name(model: str, name: str) -> str:
    """Name a model's file as it is called in the archive."""
    return f"{model}/{TEXTURE_IN_ARCHIVE if name == TEXTURE_ON_DISK else name}"
