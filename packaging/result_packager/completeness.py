"""Whether a job's outputs are complete."""

from pathlib import Path

from result_packager.directories import entered
from result_packager.errors import is_absence, readable
from result_packager.listing import list_outputs


def validate_job_outputs(output_dir: Path) -> tuple[bool, list[str]]:
    """Say whether a ZIP could be made of `output_dir`, and name what is missing if not.

    Raises ResultsUnreadableError where permissions or the disk forbid a look: that is not missing.
    """
    try:
        with readable("the output directory"), entered(output_dir) as root:
            missing = list_outputs(root).missing_items
    except OSError as error:
        if not is_absence(error):
            raise
        missing = ["output directory"]
    return not missing, missing
