"""What a fitted model does with rows, by the names of scikit-learn's methods."""

import numpy as np

from .arrays import finite_rows, is_frame
from .denoising import denoise
from .incomplete import filled
from .noisy import by_patterns, checked, split
from .program import BAD_DATA, USAGE, GmmpiError


class RowMethods:
    """predict, score and so on of a class that has `_mixture()` (a FiniteMixture) and `_rows(X)` (checked, in its coordinates).

    errors: standard deviations (N, d) or covariances (N, d, d) of what was measured, or names of columns of X that hold the
    former; then all numbers are those of the measured rows. X may be as in fit.
    """

    def predict(self, X, *, errors=None):
        """The most responsible component of each row (N), of a k-means model the nearest mean, the lowest number on a tie; -1 for
        rows of the noise, and for those that have no value."""
        labels = self._of_rows(X, errors, lambda mixture, rows: mixture.labels(rows))
        return np.where(np.isnan(labels), -1, labels).astype(np.int64)

    def predict_proba(self, X, *, errors=None):
        """p(k | x_n), (N, K); with noise (N, K + 1), the noise last. Of a k-means model 1 for the nearest mean, else 0."""
        return self._of_rows(X, errors, lambda mixture, rows: mixture.posterior(rows))

    def score_samples(self, X, *, errors=None):
        """ln p(x_n), (N), of what rows have; NaN for those that have nothing."""
        return self._of_rows(X, errors, lambda mixture, rows: mixture.log_density(rows))

    def score(self, X, y=None, *, errors=None):
        """The mean of ln p(x_n). y is ignored."""
        return np.nanmean(self.score_samples(X, errors=errors))

    def bic(self, X, *, errors=None):
        """-2 ln p(X) + p ln N of p free parameters; the lower the better."""
        log_density = self.score_samples(X, errors=errors)
        return -2 * np.nansum(log_density) + self._mixture().n_parameters * np.log(np.isfinite(log_density).sum())

    def aic(self, X, *, errors=None):
        """-2 ln p(X) + 2 p of p free parameters; the lower the better."""
        return -2 * np.nansum(self.score_samples(X, errors=errors)) + 2 * self._mixture().n_parameters

    def denoise(self, X, errors, *, return_std=False):
        """The true values of rows: mean (N, d) and covariance (N, d, d), or with return_std standard deviations (N, d); see
        gmmpi.denoise, which runs the program."""
        how = {name: getattr(self, name) for name in ("ranks", "threads", "program", "mpirun") if hasattr(self, name)}
        return denoise(X, self, errors, return_std=return_std, **how)

    def _of_rows(self, X, errors, what):
        """what(mixture, rows), by the columns that rows have and their errors."""
        X, errors = split(X, errors)
        rows = self._rows(X)
        if errors is not None:
            if getattr(self, "transform_", None) is not None:
                raise GmmpiError("errors: are those of the columns as they are, and the model is one of principal components; leave "
                                 "them out", USAGE)
            errors = checked(errors, rows)
        return by_patterns(self._mixture(), rows, what, errors)


class FittedMixture(RowMethods):
    """A fitted model that is no scikit-learn GaussianMixture: components of Student's t or Bernoulli ones, a noise component, or fewer principal
    components than columns. It has scikit-learn's methods for rows, with the program's numbers, and its attributes:
    weights_, means_, converged_, n_iter_, lower_bound_, lower_bounds_, n_features_in_, and history_, digest_ and nearest_ as
    gmmpi.GaussianMixture; those with covariances also covariances_ and precisions_cholesky_, Student's also scales_ and dof_.

    missing: "error", or "em", with which rows may lack values (that of the fit). `mixture_` is the mixture, `transform_` what is done to rows first or None. With principal components, ln p and BIC are of
    those, as in the program. Rows are drawn by gmmpi.run("sample", path, ...).
    """

    def __init__(self, model):
        self.mixture_ = model.mixture
        self.nearest_ = self.mixture_.nearest
        self.transform_ = model.transform if model.transform is not None and model.transform.loses else None
        for name in ("weights", "means", "covariances", "precisions_cholesky", "scales", "dof"):
            if hasattr(self.mixture_, name):
                setattr(self, name + "_", getattr(self.mixture_, name))
        self.covariance_type = self.mixture_.covariance_type
        self.n_components = self.mixture_.n_components
        self.missing = model.options.get("missing", "error")
        self.n_features_in_ = self.mixture_.n_features if self.transform_ is None else len(self.transform_.center)
        set_fit_attributes(self, model)

    def __repr__(self):
        return f"FittedMixture(n_components={self.n_components}, covariance_type={self.covariance_type!r})"

    def score_samples(self, X, *, errors=None):
        """ln p(x_n), (N); of principal components as they are before whitening."""
        density = super().score_samples(X, errors=errors)
        return density if self.transform_ is None else density - np.log(self.transform_.scale).sum()

    def _mixture(self):
        return self.mixture_

    def _rows(self, X):
        names = getattr(self, "feature_names_in_", None)
        if names is not None and is_frame(X) and list(X.columns) != list(names):
            raise GmmpiError(f"X: has the columns {', '.join(map(str, X.columns))}, the model {', '.join(names)}; give the model's columns "
                             "in its order, X[model.feature_names_in_]", BAD_DATA)
        with_gaps = self.missing == "em"
        rows = finite_rows(filled(X) if with_gaps else X, with_gaps=with_gaps)
        if rows.shape[1] != self.n_features_in_:
            raise GmmpiError(f"X: has {rows.shape[1]} columns, the model has {self.n_features_in_}; give rows of the same columns",
                             BAD_DATA)
        if self.transform_ is not None and np.isnan(rows).any():
            raise GmmpiError("X: has missing values, and principal components need complete rows; leave such rows out", BAD_DATA)
        return rows if self.transform_ is None else self.transform_.apply(rows)


def set_fit_attributes(estimator, model):
    """What a ModelFile says about the fit, as attributes."""
    attributes, history = model.attributes, model.history.get("log_likelihood")
    estimator.converged_ = bool(attributes.get("converged", False))
    estimator.n_iter_ = int(attributes.get("n_iter", 0))
    estimator.lower_bound_ = float(attributes.get("lower_bound", -np.inf))
    estimator.history_ = history
    if history is not None and "total_weight" in attributes:
        estimator.lower_bounds_ = history[1:] / attributes["total_weight"]
    elif hasattr(estimator, "lower_bounds_"):
        del estimator.lower_bounds_
    estimator.digest_ = attributes.get("digest")
