"""One member, opened by its name."""

import errno
import os
from pathlib import Path
from typing import BinaryIO

from result_packager.directories import entered, open_regular
from result_packager.errors import is_absence, readable
from result_packager.members import archive_name, is_member_name, is_plain_name


def open_member(output_dir: Path, model: str, name: str) -> BinaryIO:
    """Open one member for reading, `name` being relative to the model's directory as on disk.

    Raises FileNotFoundError for whatever `list_members` would not list.
    """
    arcname = archive_name(model, name)
    absent = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), arcname)
    if not (is_plain_name(model) and is_member_name(name)):
        raise absent
    try:
        with readable(arcname), entered(output_dir) as root:
            return os.fdopen(open_regular(root, model, *name.split("/")), "rb")
    except OSError as error:
        if is_absence(error):
            raise absent from None
        raise
