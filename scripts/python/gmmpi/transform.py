"""Affine transforms of rows, as model files store them: standardised columns, principal components (docs/maths/transforms.md)."""

from dataclasses import dataclass

import numpy as np

from .arrays import rows
from .mixture import NearestMean, Noise


@dataclass(frozen=True)
class Transform:
    """y = P (x - center) / scale: center (d), scale (m), components P (m, d) with orthonormal rows, or None: the identity."""

    center: np.ndarray
    scale: np.ndarray
    components: np.ndarray = None

    @property
    def loses(self):
        """Whether there are fewer components than columns, so that x has no density."""
        return len(self.scale) < len(self.center)

    def apply(self, X):
        """Rows (N, d) to rows (N, m)."""
        centred = np.asarray(rows(X), dtype=np.float64) - self.center
        return (centred if self.components is None else centred @ self.components.T) / self.scale

    def invert(self, Y):
        """Rows (N, m) to rows (N, d): the nearest point of the subspace."""
        scaled = np.asarray(rows(Y, "Y"), dtype=np.float64) * self.scale
        return self.center + (scaled if self.components is None else scaled @ self.components)

    def with_inputs(self, places):
        """The transform of rows whose column j is column places[j] of these."""
        if self.components is None:
            return Transform(self.center[places], self.scale[places])
        return Transform(self.center[places], self.scale, self.components[:, places])

    def noise_before(self, noise):
        """The noise of x where `noise` is that of y."""
        sides = None if noise.log_sides is None or self.components is not None else noise.log_sides + np.log(self.scale)
        return Noise(noise.weight, noise.log_volume + np.log(self.scale).sum(), sides)

    def before(self, mixture):
        """The mixture of x where `mixture` is that of y; its covariances may need another layout."""
        if self.loses:
            raise ValueError("a mixture of fewer principal components than columns has no density of the columns")
        if self.components is None:
            layout, matrices = mixture.layout.scaled(mixture.matrices, self.scale)
        else:
            layout, matrices = mixture.layout.mapped(mixture.matrices, self.scale[:, None] * self.components, mixture.n_components)
        noise = mixture.noise and self.noise_before(mixture.noise)
        nearest = mixture.nearest and NearestMean(self)  # distances are those of y, where k-means ran
        return mixture.with_matrices(layout.name, self.invert(mixture.means), matrices, noise=noise, nearest=nearest)


def read_transform(file):
    """The Transform of an open HDF5 file's group /transform, or None."""
    if "transform" not in file:
        return None
    group = file["transform"]
    return Transform(group["center"][...], group["scale"][...], group["components"][...] if "components" in group else None)
