"""How close a reconstruction comes: measured between renders, judged by the thresholds."""

from dataclasses import asdict, dataclass

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dashboard.demo.render import View
from dashboard.demo.surfaces import Floats

BACKDROP = 0.5  # mid-grey: neither a light nor a dark object disappears against it
PSNR_CEILING = 100.0  # dB, instead of infinity for equal pictures: JSON has no infinity


@dataclass(frozen=True)
class Thresholds:
    """The contract's limits, PSNR in dB."""

    psnr_normal: float = 25.0
    psnr_warning: float = 20.0
    ssim_normal: float = 0.85
    ssim_warning: float = 0.75


@dataclass(frozen=True)
class Metrics:
    """Means over all views; depths in object units over the pixels that both renders meet."""

    psnr: float
    ssim: float
    depth_mae: float
    depth_rmse: float


def measure(references: list[View], copies: list[View]) -> Metrics:
    """Compare renders of the same cameras.

    PSNR is 10 log10(1 / mean squared error) over RGB on mid-grey; SSIM is that of Wang et al.,
    "Image Quality Assessment: From Error Visibility to Structural Similarity" (IEEE TIP 2004),
    on luminance. Both are scikit-image's.
    """
    pairs = list(zip(references, copies, strict=True))
    gaps = np.concatenate([_depth_gaps(a.depth, b.depth) for a, b in pairs])
    return Metrics(
        psnr=float(np.mean([_psnr(_picture(a), _picture(b)) for a, b in pairs])),
        ssim=float(np.mean([_ssim(_picture(a), _picture(b)) for a, b in pairs])),
        depth_mae=float(np.abs(gaps).mean()),
        depth_rmse=float(np.sqrt((gaps**2).mean())),
    )


def _picture(view: View) -> Floats:
    solid: Floats = view.colour[..., :3] + BACKDROP * (1 - view.colour[..., 3:])
    return solid


def _psnr(reference: Floats, copy: Floats) -> float:
    if np.array_equal(reference, copy):
        return PSNR_CEILING
    return min(float(peak_signal_noise_ratio(reference, copy, data_range=1)), PSNR_CEILING)  # type: ignore[no-untyped-call]


def _ssim(reference: Floats, copy: Floats) -> float:
    luminance = [picture @ np.array([0.2126, 0.7152, 0.0722]) for picture in (reference, copy)]
    return float(structural_similarity(*luminance, data_range=1))  # type: ignore[no-untyped-call]


def _depth_gaps(reference: Floats, copy: Floats) -> Floats:
    both = np.isfinite(reference) & np.isfinite(copy)
    gaps: Floats = copy[both].astype(np.float64) - reference[both]
    return gaps if len(gaps) else np.zeros(1)


def judge(metrics: Metrics, limits: Thresholds) -> str:
    """Name the quality status: both measures must reach a level."""
    if metrics.psnr >= limits.psnr_normal and metrics.ssim >= limits.ssim_normal:
        return "normal"
    if metrics.psnr >= limits.psnr_warning and metrics.ssim >= limits.ssim_warning:
        return "warning"
    return "failure"


def summarise(status: str, metrics: Metrics) -> str:
    """Say it in one line, as the pipeline does."""
    figures = f"PSNR {metrics.psnr:.1f} dB, SSIM {metrics.ssim:.2f}"
    return f"Reconstruction quality: {status.capitalize()} ({figures})"


def quality_report(
    job_id: str, model: str, metrics: Metrics, metadata: dict[str, object]
) -> dict[str, object]:
    """Put together what quality.json says."""
    limits = Thresholds()
    status = judge(metrics, limits)
    return {
        "job_id": job_id,
        "model": model,
        "status": status,
        "summary": summarise(status, metrics),
        "metrics": asdict(metrics),
        "thresholds": asdict(limits),
        "metadata": metadata,
    }
