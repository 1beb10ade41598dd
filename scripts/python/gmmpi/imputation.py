"""gmmpi.impute and a scikit-learn style imputer: missing entries from what a model expects of them. The program does the work."""

import os
import pathlib
import tempfile

import h5py
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .arrays import is_frame, rows
from .data import Table
from .denoising import in_shape_of
from .estimator import GaussianMixture, as_gmmpi_errors
from .fitting import PARAMETERS, Call, require_columns_of, require_own_names, seed_of
from .incomplete import filled
from .program import MPIRUN, USAGE, run_worded
from .wording import Wording


def impute(X, model, *, return_std=False, draws=None, random_state=None, ranks=1, threads=None, output=None, program=None,
           mpirun=MPIRUN, verbose=False, **options):
    """X with each missing entry (NaN, masked, pandas NA) replaced by its mean given the others of its row, under the model.

    X: array (N, d), masked array, pandas DataFrame, gmmpi.Table, or the path of data. model: a fitted model, or a model file's path.
    Returns an array (N, d); of a DataFrame a DataFrame. Observed entries stay what they are. With return_std=True also the standard
    deviations (N, d), 0 where observed; with draws=M also M completed tables (M, N, d), whose missing entries are drawn from what
    the model allows, for multiple imputation; random_state as in gmmpi.fit. output: keep the program's file there.
    ranks, threads, program, mpirun, verbose and further options: as in gmmpi.fit. Raises GmmpiError.
    """
    require_own_names(options)
    require_columns_of(model, X)
    how = {"ranks": ranks, "program": program, "mpirun": mpirun, "verbose": verbose}
    asked = {"standard_deviation": return_std, "draws": draws, "seed": seed_of(random_state), "threads": threads, **options}
    with tempfile.TemporaryDirectory(prefix="gmmpi-") as name:
        call = Call(pathlib.Path(name), how, asked)
        data = call.located(filled(X.X if isinstance(X, Table) else X), "X")
        target = os.fspath(output) if output is not None else str(call.folder / "imputed.h5")
        run_worded(Wording(PARAMETERS, call.files), "impute", (data, call.located_model(model)), {**asked, "output": target}, **how,
                   others=(*PARAMETERS.values(), *how, "output", "return_std"))
        with h5py.File(target, "r") as file:
            completed = file["X"][...]
            parts = [in_shape_of(X, completed)]
            if return_std:
                parts.append(file["standard_deviation"][...])
            if draws is not None:
                parts.append(np.array([file[f"draw{i}"][...] for i in range(draws)]))
    return parts[0] if len(parts) == 1 else tuple(parts)


class GaussianMixtureImputer(TransformerMixin, BaseEstimator):
    """Fills in missing values by a Gaussian mixture that is fitted to the incomplete rows by maximum likelihood (missing="em").

    transform gives each missing entry its mean given the others of its row; with sample_posterior=True a value drawn from what the
    mixture allows, by random_state. The other parameters are gmmpi.GaussianMixture's. Fitted, `mixture_` is that mixture.
    """

    def __init__(self, n_components=1, *, covariance_type="full", tol=1e-6, reg_covar="auto", max_iter=1000, n_init=1,
                 init_params="kmeans", sample_posterior=False, random_state=None, ranks=1, threads=None, program=None, mpirun=MPIRUN):
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.sample_posterior = sample_posterior
        self.random_state = random_state
        self.ranks = ranks
        self.threads = threads
        self.program = program
        self.mpirun = mpirun

    def fit(self, X, y=None):
        """Fits the mixture to X (N, d), NaN where values are missing. y is ignored. Raises GmmpiError."""
        own = self.get_params(deep=False)
        del own["sample_posterior"]
        self.mixture_ = GaussianMixture(missing="em", **own).fit(X)
        self.n_features_in_ = self.mixture_.n_features_in_
        if hasattr(self.mixture_, "feature_names_in_"):
            self.feature_names_in_ = self.mixture_.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def transform(self, X):
        """X (N, d) without missing values: a DataFrame if it is one, else an array. Raises GmmpiError."""
        with as_gmmpi_errors(USAGE):
            check_is_fitted(self)
        X = filled(X.X if isinstance(X, Table) else X)
        self.mixture_._rows(X if is_frame(X) else rows(X))  # its columns are the fit's
        drawn = {"draws": 1, "random_state": self.random_state} if self.sample_posterior else {}
        completed = impute(X, self.mixture_, ranks=self.ranks, threads=self.threads, program=self.program, mpirun=self.mpirun, **drawn)
        return in_shape_of(X, completed[1][0]) if self.sample_posterior else completed

    def get_feature_names_out(self, input_features=None):
        """The names of the columns of X."""
        with as_gmmpi_errors(USAGE):
            check_is_fitted(self)
        names = input_features if input_features is not None else getattr(self, "feature_names_in_", None)
        return np.asarray([f"x{j}" for j in range(self.n_features_in_)] if names is None else names, dtype=object)

    def _more_tags(self):
        return {"allow_nan": True}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
