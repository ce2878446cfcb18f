"""What lies in a job's output directory: its members, its models and what had to be left out."""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from result_packager.directories import entered, entries
from result_packager.errors import is_absence, readable
from result_packager.members import (
    MODEL_FILES,
    PREVIEWS,
    REQUIRED_ONE_OF,
    Member,
    archive_name,
    is_member_name,
    is_plain_name,
)

FileId = tuple[int, int]  # device and inode: the same file, whatever its name


@dataclass(slots=True)
class Listing:
    """One look at an output directory.

    `files` maps each member to the file that it was; `skipped` names, escaped for a log, what
    would be a member but for its name or kind; `entry_removed` says that something was taken out
    of a directory after its newest entry was written, as by a cleanup that may still be at work;
    `touched_ns` is when a directory last gained or lost an entry.
    """

    files: dict[Member, FileId] = field(default_factory=dict)
    models: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    entry_removed: bool = False
    touched_ns: int = 0

    @property
    def members(self) -> list[Member]:
        """All members, sorted by their name in the archive."""
        return sorted(self.files, key=lambda member: member.arcname)

    @property
    def missing_items(self) -> list[str]:
        """Name what a complete job has and this one has not."""
        if not self.models:
            return ["a model directory"]
        held = {member.arcname for member in self.files}
        return [
            f"{model}/{' or '.join(REQUIRED_ONE_OF)}"
            for model in sorted(self.models)
            if not any(archive_name(model, name) in held for name in REQUIRED_ONE_OF)
        ]


def list_members(output_dir: Path) -> list[Member]:
    """List what an archive of `output_dir` would hold, sorted by name in the archive.

    Works on incomplete outputs too: it returns what there is, nothing if there is no directory.
    Raises ResultsUnreadableError where permissions or the disk forbid a look.
    """
    try:
        with readable("the output directory"), entered(output_dir) as root:
            return list_outputs(root).members
    except OSError as error:
        if is_absence(error):
            return []
        raise


def list_outputs(root: int) -> Listing:
    """Look at every model directory below the open output directory."""
    listing = Listing()
    for model, status in _look(root, listing):
        if stat.S_ISREG(status.st_mode):
            continue  # a note beside the models is nobody's member
        if not is_plain_name(model):
            listing.skipped.append(f"{model!a} (odd name)")
        elif not stat.S_ISDIR(status.st_mode):
            listing.skipped.append(f"{model!a} (not a directory)")
        else:
            _list_model(root, model, listing)
    return listing


def _list_model(root: int, model: str, listing: Listing) -> None:
    try:
        with readable(model), entered(model, root) as directory:
            listing.models.append(model)
            for name, status in _look(directory, listing):
                if name == PREVIEWS and stat.S_ISDIR(status.st_mode):
                    _list_previews(directory, model, listing)
                elif name == PREVIEWS:
                    listing.skipped.append(f"{f'{model}/{name}'!a} (not a directory)")
                elif name in MODEL_FILES:
                    _note(model, name, status, listing)
    except OSError as error:
        if not is_absence(error):
            raise
        listing.entry_removed = True


def _list_previews(directory: int, model: str, listing: Listing) -> None:
    with readable(f"{model}/{PREVIEWS}"), entered(PREVIEWS, directory) as previews:
        for name, status in _look(previews, listing):
            if name.endswith(".png"):
                _note(model, f"{PREVIEWS}/{name}", status, listing)


def _note(model: str, name: str, status: os.stat_result, listing: Listing) -> None:
    if not stat.S_ISREG(status.st_mode):
        listing.skipped.append(f"{f'{model}/{name}'!a} (not a regular file)")
    elif not is_member_name(name):
        listing.skipped.append(f"{f'{model}/{name}'!a} (odd name)")
    else:
        arcname = archive_name(model, name)
        member = Member(model, name, arcname, status.st_size, status.st_mtime_ns)
        listing.files[member] = (status.st_dev, status.st_ino)


def _look(directory: int, listing: Listing) -> list[tuple[str, os.stat_result]]:
    """List a directory, and note whether an entry went after the newest of the others came.

    Taking an entry out renews the directory's mtime; putting one in renews that entry's ctime
    too. The mtime is asked for last, so that a removal during the listing shows.
    """
    found = entries(directory)
    newest = max((status.st_ctime_ns for _, status in found), default=0)
    touched = os.fstat(directory).st_mtime_ns
    listing.touched_ns = max(listing.touched_ns, touched)
    listing.entry_removed |= touched > newest
    return found
