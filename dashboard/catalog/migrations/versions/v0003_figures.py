"""An index of all figures: the page of all quality reads them without the files' JSON."""

from alembic import op

revision = "0003"
down_revision = "0001"


def upgrade() -> None:
    """Make the index."""
    op.create_index(
        "model_outputs_figures",
        "model_outputs",
        ["job_id", "model", "quality_status", "psnr", "ssim", "depth_mae", "depth_rmse"],
    )
