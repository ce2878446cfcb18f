"""Whether a job's outputs are complete."""

from pathlib import Path

from result_packager.directories import entered
from result_packager.errors import is_absence, readable
from result_packager.listing import list_outputs
from result_packager.members import Member


def survey_outputs(output_dir: Path) -> tuple[list[Member], list[str]]:
    """List the members of an archive of `output_dir`, and name what is missing, in one look.

    Raises ResultsUnreadableError where permissions or the disk forbid a look: that is not missing.
    """
    try:
        with readable("the output directory"), entered(output_dir) as root:
            listing = list_outputs(root)
            return listing.members, listing.missing_items
    except OSError as error:
        if not is_absence(error):
            raise
        return [], ["output directory"]


def validate_job_outputs(output_dir: Path) -> tuple[bool, list[str]]:
    """Say whether a ZIP could be made of `output_dir`, and name what is missing if not.

    Raises ResultsUnreadableError as `survey_outputs` does.
    """
    _, missing = survey_outputs(output_dir)
    return not missing, missing
