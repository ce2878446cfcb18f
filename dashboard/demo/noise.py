"""Solid noise: smooth random values at points in space, without seams on any surface."""

import numpy as np
from scipy import fft, ndimage

from dashboard.demo.surfaces import Floats

EDGE_VOXELS = 96


class SolidNoise:
    """A periodic random volume, made by shaping the spectrum of white noise.

    `slope` is the fall of the amplitude with frequency: 1 is grainy, 3 is cloudy.
    Values have mean 0 and standard deviation 1.
    """

    def __init__(self, random: np.random.Generator, slope: float) -> None:
        edge = EDGE_VOXELS
        spectrum = fft.rfftn(random.standard_normal((edge, edge, edge), dtype=np.float32))
        along = fft.fftfreq(edge) * edge
        half = fft.rfftfreq(edge) * edge
        frequency = np.sqrt(
            along[:, None, None] ** 2 + along[None, :, None] ** 2 + half[None, None, :] ** 2
        )
        frequency[0, 0, 0] = np.inf  # no constant term: the mean is 0
        volume = fft.irfftn(spectrum * frequency**-slope, s=(edge, edge, edge))
        self._volume = (volume / volume.std()).astype(np.float32)

    def at(self, points: Floats, period: float = 2.0) -> Floats:
        """Sample at points (..., 3); the pattern repeats every `period` object units."""
        voxels = np.moveaxis(points, -1, 0) * (EDGE_VOXELS / period)
        sampled: Floats = ndimage.map_coordinates(self._volume, voxels, order=1, mode="grid-wrap")
        return sampled
