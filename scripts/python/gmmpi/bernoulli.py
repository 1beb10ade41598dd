"""Mixtures of independent binary columns (Bishop section 9.3.3) as numpy arrays. Equations: docs/maths.md."""

from dataclasses import dataclass

import numpy as np

from .arrays import numbers
from .mixture import FiniteMixture, NearestMean, nearest_of, rows_of
from .program import BAD_DATA, GmmpiError

LOG_OF_ZERO = -1417.0  # as in the program: finite, and far below what any possible row has


def log_probability(p):
    """ln p, where 0 (anything below the least normal number) counts as e^-1417."""
    possible = p >= np.finfo(np.float64).tiny
    return np.where(possible, np.log(np.where(possible, p, 1.0)), LOG_OF_ZERO)


@dataclass(frozen=True)
class BernoulliMixture(FiniteMixture):
    """Binary columns: weights (K), means (K, d), the probabilities of a 1; nearest as a Mixture's. ValueError: shapes
    disagree, or no probabilities."""

    weights: np.ndarray
    means: np.ndarray
    nearest: NearestMean = None

    family = "bernoulli"
    file_arrays = ("weights", "means")
    covariance_type = family  # as a selection's /grid says
    kind = "Bernoulli"
    n_covariance_parameters = 0

    def __post_init__(self):
        for name in ("weights", "means"):
            object.__setattr__(self, name, np.asarray(numbers(getattr(self, name), name), dtype=np.float64))
        if self.means.ndim != 2 or self.weights.shape != (self.means.shape[0],):
            raise ValueError(f"weights {self.weights.shape} do not fit means {self.means.shape}")
        if not ((self.means >= 0) & (self.means <= 1)).all():
            raise ValueError("a mean of a Bernoulli component is not in [0, 1]; it is a probability")

    @classmethod
    def of_file(cls, arrays, attributes):
        """The mixture of a model file's arrays and attributes."""
        return cls(arrays["weights"][...], arrays["means"][...], nearest_of(attributes))

    @property
    def file_attributes(self):
        """What tells a model file's reader its kind."""
        return {"family": self.family}

    def log_prob(self, X):
        """ln p(x_n | mu_k), (N, K) (Bishop 9.44). GmmpiError 65 for a number that is neither 0 nor 1."""
        X = rows_of(X, self.n_features)
        odd = np.argwhere((X != 0) & (X != 1))
        if len(odd):
            row, column = odd[0]
            raise GmmpiError(f"X: row {row}, column {column} is {X[row, column]:g}, but a Bernoulli mixture needs zeros and ones; "
                             "binarise the data", BAD_DATA)
        return X @ log_probability(self.means).T + (1 - X) @ log_probability(1 - self.means).T

    def component_variances(self):
        """(K, d): mu (1 - mu)."""
        return self.means * (1 - self.means)

    def marginal(self, columns):
        """The mixture of the given columns alone."""
        return BernoulliMixture(self.weights, self.means[:, columns])
