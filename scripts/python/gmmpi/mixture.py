"""Mixtures as numpy arrays: densities, responsibilities, marginals. Equations: docs/maths.md."""

from dataclasses import dataclass, replace

import numpy as np

from .arrays import numbers, rows
from .layouts import LAYOUTS, MATRICES, layout_of
from .program import BAD_DATA, GmmpiError


def check_parameters(mixture, matrices):
    """Makes arrays of a mixture's parameters; `matrices` names what is shaped by the covariance type. ValueError: shapes disagree."""
    for name in ("weights", "means", matrices, "precisions_cholesky"):
        value = getattr(mixture, name)
        object.__setattr__(mixture, name, None if value is None else np.asarray(numbers(value, name), dtype=np.float64))
    kind, found = mixture.covariance_type, getattr(mixture, matrices)
    if not kind or kind == "None":
        raise ValueError(f"covariance_type {kind!r} is none of {', '.join(LAYOUTS)}, nor mclust's letters")
    if mixture.means.ndim != 2 or mixture.weights.shape != (mixture.means.shape[0],):
        raise ValueError(f"weights {mixture.weights.shape} do not fit means {mixture.means.shape}")
    shape = mixture.layout.shape(*mixture.means.shape)
    if found.shape != shape:
        raise ValueError(f"{matrices} {found.shape} of type {kind} should be {shape}")


@dataclass(frozen=True)
class Noise:
    """A component of constant density weight / V beside the others, which have the rest of the weight."""

    weight: float
    log_volume: float
    log_sides: np.ndarray = None  # (d), of the box that it is drawn from; None: not known

    def of_columns(self, columns):
        """The noise of these columns alone: their sides, and a share of what makes V another volume than the box's."""
        if self.log_sides is None:
            raise GmmpiError("X: rows lack values, and the model does not say how wide its noise is in each column; give complete rows",
                             BAD_DATA)
        own = self.log_sides[columns]
        return Noise(self.weight, own.sum() + (self.log_volume - self.log_sides.sum()) * len(own) / len(self.log_sides), own)

    @property
    def log_joint(self):
        with np.errstate(divide="ignore"):
            return np.log(self.weight) - self.log_volume


@dataclass(frozen=True)
class NearestMean:
    """How a k-means model assigns rows: each to the nearest mean, after `transform` (a gmmpi.transform.Transform, or None)."""

    transform: object = None

    def labels(self, X, means):
        """The numbers (N) of the means (K, d) nearest to rows X (N, d), the lowest on a tie."""
        Y, centers = rows_of(X, means.shape[1]), means
        if self.transform is not None:
            Y, centers = self.transform.apply(Y), self.transform.apply(means)
        return np.argmin([np.einsum("nj,nj->n", y, y) for y in (Y - center for center in centers)], axis=0)


class FiniteMixture:
    """What a mixture of any components has: subclasses give weights (K), means (K, d), log_prob and component_variances."""

    noise = None
    nearest = None

    @property
    def n_components(self):
        return self.means.shape[0]

    @property
    def n_features(self):
        return self.means.shape[1]

    def log_joint(self, X):
        """ln pi_k p(x_n | k), (N, K)."""
        with np.errstate(divide="ignore"):  # a weight of 0 is a component that nothing belongs to
            return self.log_prob(X) + np.log(self.weights)

    def all_joint(self, X):
        """As log_joint; where there is noise (N, K + 1), with its own last."""
        joint = self.log_joint(X)
        return joint if self.noise is None else np.column_stack([joint, np.full(len(joint), self.noise.log_joint)])

    def log_density(self, X):
        """ln p(x_n), (N) (Bishop 9.7), by log-sum-exp."""
        return log_sum_exp(self.all_joint(X))

    def responsibilities(self, X):
        """p(k | x_n), (N, K) (Bishop 9.23); what a row lacks of 1 is the noise's."""
        return self.posterior(X)[:, :self.n_components]

    def posterior(self, X):
        """As responsibilities; where there is noise (N, K + 1), with its share last. Of a k-means model 1 or 0 (Bishop 9.2)."""
        if self.nearest is not None:
            return np.eye(self.n_components)[self.labels(X)]
        joint = self.all_joint(X)
        return np.exp(joint - log_sum_exp(joint)[:, None])

    def labels(self, X):
        """The most responsible component (N), of a k-means model the nearest mean, the lowest number on a tie; -1 for rows of the
        noise."""
        if self.nearest is not None:
            return self.nearest.labels(X, self.means)
        best = self.all_joint(X).argmax(axis=1)
        return np.where(best == self.n_components, -1, best)

    @property
    def n_parameters(self):
        """Free parameters; the noise counts as two, its weight and its volume."""
        K, d = self.means.shape
        return K - 1 + K * d + self.n_covariance_parameters + (0 if self.noise is None else 2)

    def moments(self):
        """Mean (d) and variances (d) of the whole mixture (Bishop exercise 9.12)."""
        mean = self.weights @ self.means
        return mean, self.weights @ (self.component_variances() + (self.means - mean) ** 2)


@dataclass(frozen=True)
class Mixture(FiniteMixture):
    """Gaussian components: weights (K), means (K, d), covariances and precisions_cholesky as in scikit-learn for the
    covariance type (others have an array of one of these shapes, see layouts.py); noise or None; nearest: a NearestMean, of a k-means
    model, or None; covariance_parameters: how many numbers determine the covariances, where they are fewer than these arrays have.

    ValueError where shapes disagree, LinAlgError where a covariance is not positive definite.
    """

    covariance_type: str
    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    precisions_cholesky: np.ndarray = None
    noise: Noise = None
    nearest: NearestMean = None
    covariance_parameters: int = None

    family = "gaussian"  # of --family and of the attribute in model files
    file_arrays = ("weights", "means", "covariances", "precisions_cholesky")

    def __post_init__(self):
        check_parameters(self, "covariances")
        if self.precisions_cholesky is None:
            object.__setattr__(self, "precisions_cholesky", self.layout.precision_factors(self.covariances))

    @classmethod
    def of_file(cls, arrays, attributes):
        """The mixture of a model file's arrays and attributes."""
        return cls(covariances=arrays["covariances"][...], **parameters_of_file(arrays, attributes, 0))

    @property
    def file_attributes(self):
        """What tells a model file's reader its kind."""
        return {"covariance_type": self.covariance_type}

    @property
    def kind(self):
        """For titles."""
        return f"{self.covariance_type} covariance"

    @property
    def layout(self):
        """The layout of the covariances; as scikit-learn's type, the nearest one that does not constrain them more."""
        return layout_of(self.covariance_type, self.matrices, *self.means.shape)

    @property
    def matrices(self):
        """What precisions_cholesky belongs to and ellipses show, shaped by the covariance type: the covariances."""
        return self.covariances

    def with_matrices(self, covariance_type, means, matrices, **others):
        """The same mixture with other means and matrices, and what else is given."""
        return replace(self, covariance_type=covariance_type, means=means, covariances=matrices, precisions_cholesky=None, **others)

    @property
    def n_covariance_parameters(self):
        """Free parameters of the covariances: those that the file tells, else as many as the layout has."""
        if self.covariance_parameters is not None:
            return self.covariance_parameters
        return self.layout.n_parameters(*self.means.shape)

    def log_prob(self, X):
        """ln N(x_n | mu_k, Sigma_k), (N, K) (Bishop 2.43)."""
        log_det, squares = self.log_det_and_squares(X)
        return log_det - self.n_features / 2 * np.log(2 * np.pi) - squares / 2

    def log_det_and_squares(self, X):
        """ln det U_k (K) and squared Mahalanobis distances (N, K). x - mu is taken first, so an offset costs no digits."""
        X = rows_of(X, self.n_features)
        log_det, squares = np.empty(self.n_components), np.empty((len(X), self.n_components))
        layout = self.layout
        for k, mean in enumerate(self.means):
            y, log_det[k] = layout.whiten(X - mean, layout.of_component(self.precisions_cholesky, k))
            squares[:, k] = np.einsum("nj,nj->n", y, y)
        return log_det, squares

    def dense_covariances(self, columns=None):
        """(K, c, c): the matrices of the given columns (default: all), whatever the type."""
        return self.layout.dense(self.matrices, self.n_components, range(self.n_features) if columns is None else columns)

    def marginal(self, columns):
        """The mixture of the given columns alone, with a matrix for each component (Bishop 2.98)."""
        return self.with_matrices(MATRICES.name, self.means[:, columns], self.dense_covariances(columns), noise=None, nearest=None,
                                  covariance_parameters=None)

    def component_variances(self):
        """(K, d): the variances of each component, whatever the type."""
        return self.layout.variances(self.matrices, *self.means.shape)


def noise_of(attributes, arrays):
    """The Noise that a model file's attributes tell of, or None."""
    if "noise_weight" not in attributes:
        return None
    if "noise_kind" in attributes:
        raise GmmpiError(f"noise of kind {attributes['noise_kind']} is unknown here; use the program that fitted it", BAD_DATA)
    sides = arrays["noise_maximum"][...] - arrays["noise_minimum"][...] if "noise_minimum" in arrays else None
    log_sides = None if sides is None else np.log(np.where(sides > 0, sides, 1.0))
    return Noise(float(attributes["noise_weight"]), float(attributes["noise_log_volume"]), log_sides)


def nearest_of(attributes):
    """The NearestMean of a k-means model's attributes, or None."""
    return NearestMean() if attributes.get("assignment") == "nearest" else None


def parameters_of_file(arrays, attributes, n_own):
    """What a Mixture is made of besides its matrices; n_own: free parameters other than weights, means and matrices."""
    weights, means, noise = arrays["weights"][...], arrays["means"][...], noise_of(attributes, arrays)
    free = None
    if "scale" in arrays and "n_parameters" in attributes:  # of a structure with fewer parameters than its arrays
        free = int(attributes["n_parameters"]) - (len(weights) - 1 + means.size) - (0 if noise is None else 2) - n_own
    factors = arrays["precisions_cholesky"][...] if "precisions_cholesky" in arrays else None
    return {"covariance_type": str(attributes.get("covariance_type")), "weights": weights, "means": means,
            "precisions_cholesky": factors, "noise": noise, "nearest": nearest_of(attributes), "covariance_parameters": free}


def rows_of(X, d):
    """X as rows (N, d) in double precision. GmmpiError 65 for what is no such table."""
    X = np.asarray(rows(X), dtype=np.float64)
    if X.shape[1] != d:
        raise GmmpiError(f"X: has {X.shape[1]} columns, the model has {d}; give rows of the same columns", BAD_DATA)
    return X


def log_sum_exp(a):
    """ln sum_k exp(a_nk), (N)."""
    top = a.max(axis=1)
    return top + np.log(np.exp(a - top[:, None]).sum(axis=1))


def as_mixture(model):
    """The mixture itself, or that of a fitted model. Raises a NotFittedError for one that is not, TypeError for anything else."""
    if isinstance(model, FiniteMixture):
        return model
    if hasattr(model, "mixture_"):
        return model.mixture_
    try:
        kind = model.covariance_type
        if kind not in LAYOUTS:
            kind = getattr(model, "_layout", kind)
        return Mixture(kind, model.weights_, model.means_, model.covariances_,
                       getattr(model, "precisions_cholesky_", None), nearest=getattr(model, "nearest_", None))
    except AttributeError as error:
        problem = f"{type(model).__name__}: not a fitted mixture ({error})"
        if not hasattr(model, "fit"):
            raise TypeError(problem) from error
        from .estimator import GmmpiNotFittedError  # the model has loaded scikit-learn already

        raise GmmpiNotFittedError(f"{problem}: call fit first", BAD_DATA) from None
