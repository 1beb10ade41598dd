"""gmmpi.GaussianMixture: scikit-learn's class, fitted by the program.

Of scikit-learn only what is public is used: its parameters, `sample`, and checks that each version offers in its own way.
"""

import contextlib
import copy
import os

import numpy as np
import sklearn.exceptions
import sklearn.mixture
from sklearn.utils.validation import check_is_fitted

from .arrays import finite_rows, is_frame, numbers, rows
from .columns import names_of
from .data import Table
from .fitted import FittedMixture, RowMethods, set_fit_attributes
from .fitting import INIT_PARAMS, run_fit
from .incomplete import checked, filled
from .mixture import Mixture, as_mixture
from .noisy import split
from .program import BAD_DATA, MPIRUN, USAGE, GmmpiError, GmmpiValueError

try:
    from sklearn.utils.validation import validate_data
except ImportError:  # before scikit-learn 1.6
    def validate_data(estimator, X, **how):
        return estimator._validate_data(X, **how)


class GmmpiNotFittedError(GmmpiValueError, sklearn.exceptions.NotFittedError):
    """scikit-learn's error for a model that is used before it is fitted, as a GmmpiError."""


@contextlib.contextmanager
def as_gmmpi_errors(exit_code, about=""):
    """scikit-learn's ValueErrors as GmmpiErrors, in one line that begins with `about`."""
    try:
        yield
    except GmmpiError:
        raise
    except sklearn.exceptions.NotFittedError as error:
        raise GmmpiNotFittedError(one_line(error), exit_code) from None
    except ValueError as error:
        raise GmmpiError(about + one_line(error), exit_code) from None


def one_line(error):
    return " ".join(str(error).split())


class GaussianMixture(RowMethods, sklearn.mixture.GaussianMixture):
    """A drop-in for sklearn.mixture.GaussianMixture whose fit runs the program gmmpi.

    Parameters, defaults, attributes and methods are scikit-learn's, and further: reg_covar="auto" (as gmmpi.fit);
    init_params may be a model or a model file's path; random_state may be a numpy Generator; fit takes sample_weight and errors, as the
    methods for rows do, and denoise tells true values (see gmmpi.fit, gmmpi.denoise); ranks,
    threads, program and mpirun say how the program is run (see gmmpi.fit). missing: "error"; "drop": rows that lack values are left out
    of the fit; "em": fits and scores go by the values that rows have. random_state=None is seed 0. Fitted models also have
    `history_` (log-likelihood of each iteration, n_iter_ + 1 numbers) and `digest_`, and `nearest_`: None, or how a k-means
    model assigns rows. Errors are GmmpiErrors.
    """

    def __init__(self, n_components=1, *, covariance_type="full", tol=1e-3, reg_covar=1e-6, max_iter=100, n_init=1,
                 init_params="kmeans", weights_init=None, means_init=None, precisions_init=None, random_state=None,
                 warm_start=False, verbose=0, verbose_interval=10, ranks=1, threads=None, program=None,
                 mpirun=MPIRUN, missing="error"):
        super().__init__(n_components=n_components, covariance_type=covariance_type, tol=tol, reg_covar=reg_covar,
                         max_iter=max_iter, n_init=n_init, init_params=init_params, weights_init=weights_init,
                         means_init=means_init, precisions_init=precisions_init, random_state=random_state,
                         warm_start=warm_start, verbose=verbose, verbose_interval=verbose_interval)
        self.ranks = ranks
        self.threads = threads
        self.program = program
        self.mpirun = mpirun
        self.missing = missing

    def fit(self, X, y=None, sample_weight=None, *, errors=None):
        """Fits to X (N, d) with the program. y is ignored, as in scikit-learn. Raises GmmpiError.

        With warm_start it goes on from the model of the last fit, if that has the same n_components, covariance_type and columns.
        """
        X, errors = split(X, errors)
        names = names_of(X)
        X = self._checked(X if checked(self.missing) == "error" else filled(X))
        start = self._warm_start(X, names)
        given = {} if start else {"weights": self.weights_init, "means": self.means_init, "precisions": self.precisions_init}
        options = {name: getattr(self, name)
                   for name in ("covariance_type", "tol", "reg_covar", "max_iter", "threads", "missing")}
        model = run_fit(X, self.n_components, names=names, init_params=start or self.init_params, given=given,
                        random_state=self.random_state, sample_weight=sample_weight, output=None,
                        how={"ranks": self.ranks, "program": self.program, "mpirun": self.mpirun,
                             "verbose": self.verbose > 0},
                        options={**options, "errors": errors, "n_init": 1 if start else self.n_init})
        return set_names(self._set(model), names or model.feature_names)

    def fit_predict(self, X, y=None, sample_weight=None, *, errors=None):
        """fit(X), then predict(X)."""
        return self.fit(X, y, sample_weight, errors=errors).predict(X, errors=errors)

    def sample(self, n_samples=1):
        """Rows (n_samples, d) and their components (n_samples), drawn by scikit-learn with random_state."""
        with as_gmmpi_errors(USAGE):
            drawing = copy.copy(self)
            if isinstance(self.random_state, np.random.Generator):  # which scikit-learn does not take
                drawing.random_state = np.random.RandomState(self.random_state.bit_generator)
            return super(GaussianMixture, drawing).sample(n_samples)

    def _checked(self, X):
        """X, which is a table of numbers with at least two rows and n_components ones, as far as Python can tell."""
        if isinstance(X, (str, os.PathLike)):
            return X  # which the program reads
        X = X.X if isinstance(X, Table) else X
        X = X if is_frame(X) else rows(X)
        n_rows, d = X.shape
        if n_rows < 2:
            raise GmmpiError(f"X: {n_rows} sample(s) (shape={X.shape}) while a minimum of 2 is required; give more rows", BAD_DATA)
        if isinstance(self.n_components, (int, np.integer)) and n_rows < self.n_components:
            raise GmmpiError(f"X: Expected n_samples >= n_components, but there are {n_rows} rows and n_components is "
                             f"{self.n_components}; give more rows, or fewer components", BAD_DATA)
        self._check_start(d)
        return X

    def _check_start(self, d):
        """scikit-learn's own check of what is given of the start, if this version has one; the program's comes later."""
        given = [name for name in ("weights_init", "means_init", "precisions_init") if getattr(self, name) is not None]
        for name in given:
            numbers(getattr(self, name), name)
        with as_gmmpi_errors(USAGE, f"{', '.join(given)}: "), contextlib.suppress(AttributeError, TypeError):
            copy.copy(self)._check_parameters(np.empty((1, d)))

    def _warm_start(self, X, names):
        """This model, to go on from, or None. Columns may come in another order if X has their names."""
        if not self.warm_start or getattr(self, "_fitted_type", None) != self.covariance_type:
            return None
        mixture = as_mixture(self)
        same = self.n_components == mixture.n_components and getattr(X, "shape", mixture.means.shape)[1] == mixture.n_features
        own = names_of(self)
        return self if same and (names is None or own is None or sorted(names) == sorted(own)) else None

    @classmethod
    def _from_file(cls, model, feature_names=None):
        """The fitted estimator of a ModelFile; a FittedMixture if it is no scikit-learn mixture."""
        mixture = model.mixture
        if type(mixture) is not Mixture or mixture.noise is not None or (model.transform and model.transform.loses):
            estimator = FittedMixture(model)
        else:
            known = {name: model.options[name] for name in ("tol", "reg_covar", "max_iter", "n_init") if name in model.options}
            methods = {value: name for name, value in INIT_PARAMS.items()}
            estimator = cls(mixture.n_components, covariance_type=mixture.layout.name, random_state=model.attributes.get("seed"),
                            init_params=methods.get(model.options.get("init"), "kmeans"),
                            missing=model.options.get("missing", "error"), **known)
            estimator._set(model)
        return set_names(estimator, feature_names)

    def _set(self, model):
        """Sets scikit-learn's attributes, whose names end in an underscore, from a ModelFile."""
        mixture = model.mixture
        for name in ("weights", "means", "covariances", "precisions_cholesky"):
            setattr(self, name + "_", getattr(mixture, name))
        self.precisions_ = mixture.layout.precisions(mixture.precisions_cholesky)
        self.nearest_ = mixture.nearest
        self.n_features_in_ = mixture.n_features
        self._fitted_type, self._layout = self.covariance_type, mixture.layout.name
        set_fit_attributes(self, model)
        return self

    def _mixture(self):
        """The Mixture of the attributes, whoever set them."""
        with as_gmmpi_errors(USAGE):
            check_is_fitted(self)
        return as_mixture(self)

    def _rows(self, X):
        """X in double precision, checked, also by scikit-learn's rules for names and the number of columns."""
        with_gaps = self.missing == "em"
        found = finite_rows(filled(X) if with_gaps else X, with_gaps=with_gaps)
        first = np.nan_to_num(found[:1])
        with as_gmmpi_errors(BAD_DATA):
            validate_data(self, type(X)(first, columns=X.columns) if is_frame(X) else first, reset=False)
        return found

    def _estimate_log_prob(self, X, xp=None):
        """As scikit-learn's (xp: from 1.8 on), with x - mu taken first: an offset of all data costs no digits."""
        return as_mixture(self).log_prob(X)

    def _estimate_log_weights(self, xp=None):
        """As scikit-learn's, without its warning: a component of weight 0 is one that nothing belongs to."""
        with np.errstate(divide="ignore"):
            return np.log(self.weights_)


def set_names(estimator, names):
    """Sets or removes feature_names_in_, by scikit-learn's rule: names are text."""
    if names is not None and all(isinstance(name, str) for name in names):
        estimator.feature_names_in_ = np.asarray(names, dtype=object)
    elif hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    return estimator
