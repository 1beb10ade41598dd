"""The cases that benchmarks run: sizes, work, data with the overlap of the case, and a start near the truth."""

from typing import NamedTuple

import h5py
import numpy as np


class Case(NamedTuple):
    kind: str  # covariance type
    n_rows: int
    d: int
    K: int

    def scaled(self, scale):
        """With fewer rows, but enough of them for K components."""
        return self._replace(n_rows=max(int(self.n_rows * scale), min(self.n_rows, self.fewest_rows())))

    def fewest_rows(self):
        return 5 * self.K * (self.d + 4)

    def flops(self):
        """Of one dense iteration: triangular products in the E-step, symmetric updates in the M-step."""
        N, d, K = self.n_rows, self.d, self.K
        return {"full": 2 * N * K * d * d, "tied": 2 * N * d * d + 4 * N * K * d, "diag": 8 * N * K * d,
                "spherical": 4 * N * K * d}[self.kind]

    def bytes(self):
        """Read from memory in one iteration: the data, once."""
        return 8 * self.n_rows * self.d

    def n_moments(self):
        """Sums of one iteration: counts, first moments, second moments."""
        triangle = self.d * (self.d + 1) // 2
        second = {"full": self.K * triangle, "tied": triangle, "diag": self.K * self.d, "spherical": self.K * self.d}
        return self.K + self.K * self.d + second[self.kind]

    def block_rows(self):
        """Rows of a block of the global grid (include/gmmpi/data/block_grid.hpp)."""
        return min(max(self.n_rows // 64 // 64 * 64, 64), 2048)


SIX = {
    "full-1e6x2-k8": Case("full", 1_000_000, 2, 8),
    "full-5e5x16-k16": Case("full", 500_000, 16, 16),
    "full-2e5x64-k32": Case("full", 200_000, 64, 32),
    "diag-1e6x32-k64": Case("diag", 1_000_000, 32, 64),
    "tied-5e5x16-k16": Case("tied", 500_000, 16, 16),
    "spherical-1e6x16-k32": Case("spherical", 1_000_000, 16, 32),
}
CASES = SIX | {
    "full-4e5x32-k32": Case("full", 400_000, 32, 32),
    "full-1e5x128-k16": Case("full", 100_000, 128, 16),
}


def title(name):
    """"full-2e5x64-k32" as "full, 200,000 x 64, K = 32"."""
    case = CASES[name]
    return f"{case.kind}, {case.n_rows:,} x {case.d}, K = {case.K}"


def random_mixture(rng, kind, d, K):
    """Weights, means and (K, d, d) covariances; means lie about four standard deviations apart."""
    means = rng.normal(size=(K, d)) * 4 / np.sqrt(2 * d)
    if kind in ("full", "tied"):
        A = rng.normal(size=(K, d, 2 * d)) / np.sqrt(2 * d)
        covariances = A @ A.transpose(0, 2, 1) + 0.2 * np.eye(d)
    else:
        variances = rng.uniform(0.5, 1.5, size=(K, d if kind == "diag" else 1))
        covariances = variances[:, :, None] * np.eye(d)
    if kind == "tied":
        covariances = np.tile(covariances[0], (K, 1, 1))
    weights = rng.uniform(0.5, 1.5, size=K)
    return weights / weights.sum(), means, covariances


def draw(rng, n_rows, weights, means, covariances):
    """(N, d) rows of the mixture, in random order of components."""
    rows = rng.normal(size=(n_rows, means.shape[1]))
    label = rng.choice(len(weights), size=n_rows, p=weights)
    for k in range(len(weights)):
        mine = label == k
        rows[mine] = rows[mine] @ np.linalg.cholesky(covariances[k]).T + means[k]
    return rows


def compact(kind, covariances):
    """(K, d, d) covariances in the shape of a model file."""
    if kind == "full":
        return covariances
    if kind == "tied":
        return covariances[0]
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    return variances if kind == "diag" else variances.mean(axis=1)


def write_inputs(folder, case, raw_kinds=()):
    """data.h5 and start.h5; for programs without HDF5 data.bin (raw doubles, row-major) and start.<kind>.bin
    (weights, means, covariances) of each of those covariance types."""
    kind, n_rows, d, K = case
    rng = np.random.default_rng(20240229)
    weights, means, covariances = random_mixture(rng, kind, d, K)
    rows = draw(rng, n_rows, weights, means, covariances)
    weights = np.full(K, 1 / K)
    means = means + 0.3 * rng.normal(size=means.shape)
    covariances = 1.5 * covariances
    with h5py.File(folder / "data.h5", "w") as file:
        file["X"] = rows
    with h5py.File(folder / "start.h5", "w") as file:
        model = file.create_group("model")
        model.attrs["covariance_type"] = kind
        model["weights"], model["means"] = weights, means
        model["covariances"] = compact(kind, covariances)
    if raw_kinds:
        rows.tofile(folder / "data.bin")
    for name in raw_kinds:
        with open(folder / f"start.{name}.bin", "wb") as file:
            for array in (weights, means, compact(name, covariances)):
                np.ascontiguousarray(array).tofile(file)
