"""Mixtures of multivariate Student's t as numpy arrays. Equations: docs/maths.md."""

from dataclasses import dataclass, replace
from math import lgamma

import numpy as np

from .arrays import numbers
from .mixture import Mixture, check_parameters, parameters_of_file

# How many free parameters the degrees of freedom of K components are.
SHARINGS = {"each": lambda K: K, "shared": lambda K: 1, "fixed": lambda K: 0}


@dataclass(frozen=True)
class StudentMixture(Mixture):
    """Components of Student's t: weights (K), means (K, d), scales (scale matrices, shaped as covariances of the covariance
    type), dof (K). precisions_cholesky is that of the scales. dof_sharing: how a fit found dof: each, shared or fixed.

    covariances are dof / (dof - 2) scales, (K, ...) also for tied ones; infinite for dof of 2 or less. ValueError where shapes disagree,
    LinAlgError where a scale matrix is not positive definite.
    """

    scales: np.ndarray = None
    dof: np.ndarray = None
    dof_sharing: str = "each"

    family = "student"
    file_arrays = ("weights", "means", "scales", "precisions_cholesky", "dof")

    @classmethod
    def of_file(cls, arrays, attributes):
        sharing = str(attributes.get("dof_sharing", "each"))
        n_own = SHARINGS.get(sharing, SHARINGS["fixed"])(len(arrays["weights"]))
        return cls(covariances=None, scales=arrays["scales"][...], dof=arrays["dof"][...], dof_sharing=sharing,
                   **parameters_of_file(arrays, attributes, n_own))

    @property
    def file_attributes(self):
        return super().file_attributes | {"family": self.family, "dof_sharing": self.dof_sharing}

    @property
    def kind(self):
        return f"Student's t, {self.covariance_type} scale"

    def __post_init__(self):
        for name in ("scales", "dof"):
            object.__setattr__(self, name, np.asarray(numbers(getattr(self, name), name), dtype=np.float64))
        check_parameters(self, "scales")
        if self.dof.shape != self.weights.shape or not (self.dof > 0).all():
            raise ValueError(f"dof {self.dof} should be {self.weights.shape} positive numbers")
        if self.dof_sharing not in SHARINGS:
            raise ValueError(f"dof_sharing {self.dof_sharing!r} is none of {', '.join(SHARINGS)}")
        if self.precisions_cholesky is None:
            object.__setattr__(self, "precisions_cholesky", self.layout.precision_factors(self.scales))
        factor = self.variance_factors
        own = np.broadcast_to(self.scales, (self.n_components, *self.scales.shape)) if self.layout.is_shared else self.scales
        with np.errstate(invalid="ignore"):
            covariances = own * factor.reshape(-1, *[1] * (own.ndim - 1))
        object.__setattr__(self, "covariances", np.where(own == 0, 0.0, covariances))

    @property
    def variance_factors(self):
        """(K): what the scales are multiplied with in the covariances."""
        finite = self.dof > 2
        return np.where(finite, self.dof / np.where(finite, self.dof - 2, 1.0), np.inf)

    @property
    def matrices(self):
        return self.scales

    def with_matrices(self, covariance_type, means, matrices, **others):
        return replace(self, covariance_type=covariance_type, means=means, covariances=None, scales=matrices, precisions_cholesky=None,
                       **others)

    @property
    def n_parameters(self):
        return super().n_parameters + SHARINGS[self.dof_sharing](self.n_components)

    def log_prob(self, X):
        """ln t(x_n | mu_k, Sigma_k, nu_k), (N, K) (Bishop 2.162)."""
        log_det, squares = self.log_det_and_squares(X)
        d, nu = self.n_features, self.dof
        peak = np.array([lgamma((one + d) / 2) - lgamma(one / 2) for one in nu]) - d / 2 * np.log(nu * np.pi)
        return log_det + peak - (nu + d) / 2 * np.log1p(squares / nu)

    def component_variances(self):
        """(K, d): the variances of each component, whatever the type; infinite for dof of 2 or less."""
        return super().component_variances() * self.variance_factors[:, None]
