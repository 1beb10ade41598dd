"""gmmpi.GaussianMixture: scikit-learn's class, fitted by the program."""

import numpy as np
import sklearn.mixture

from .data import as_table
from .fitting import INIT_PARAMS, run_fit
from .mixture import as_mixture
from .program import BAD_DATA, MPIRUN, GmmpiError


class GaussianMixture(sklearn.mixture.GaussianMixture):
    """A drop-in for sklearn.mixture.GaussianMixture whose fit runs the program gmmpi.

    Parameters, defaults, attributes and methods are scikit-learn's, and further: reg_covar="auto" (1e-6 of each column's
    variance); init_params may be a model or a model file's path; fit takes sample_weight; ranks, threads, program and mpirun
    say how the program is run (see gmmpi.fit). random_state=None is seed 0. Fitted models also have `history_`
    (log-likelihood of each iteration, n_iter_ + 1 numbers) and `digest_`.
    """

    def __init__(self, n_components=1, *, covariance_type="full", tol=1e-3, reg_covar=1e-6, max_iter=100, n_init=1,
                 init_params="kmeans", weights_init=None, means_init=None, precisions_init=None, random_state=None,
                 warm_start=False, verbose=0, verbose_interval=10, ranks=1, threads=None, program=None,
                 mpirun=MPIRUN):
        super().__init__(n_components=n_components, covariance_type=covariance_type, tol=tol, reg_covar=reg_covar,
                         max_iter=max_iter, n_init=n_init, init_params=init_params, weights_init=weights_init,
                         means_init=means_init, precisions_init=precisions_init, random_state=random_state,
                         warm_start=warm_start, verbose=verbose, verbose_interval=verbose_interval)
        self.ranks = ranks
        self.threads = threads
        self.program = program
        self.mpirun = mpirun

    def fit(self, X, y=None, sample_weight=None):
        """Fits to X (N, d) with the program. y is ignored, as in scikit-learn. Raises GmmpiError."""
        begun = self.warm_start and hasattr(self, "converged_")
        given = {} if begun else {"weights": self.weights_init, "means": self.means_init, "precisions": self.precisions_init}
        options = {name: getattr(self, name)
                   for name in ("covariance_type", "tol", "reg_covar", "max_iter", "threads")}
        model = run_fit(X, self.n_components, init_params=as_mixture(self) if begun else self.init_params, given=given,
                        random_state=self.random_state, sample_weight=sample_weight, output=None,
                        how={"ranks": self.ranks, "program": self.program, "mpirun": self.mpirun,
                             "verbose": self.verbose > 0},
                        options={**options, "n_init": 1 if begun else self.n_init})
        return self._fitted(model, getattr(X, "columns", None))

    def fit_predict(self, X, y=None, sample_weight=None):
        """fit(X), then predict(X)."""
        return self.fit(X, y, sample_weight).predict(as_table(X).X if not hasattr(X, "columns") else X)

    @classmethod
    def _from_file(cls, model, feature_names=None):
        """The fitted estimator of a ModelFile. GmmpiError if it has no density of the data's columns."""
        if model.transform is not None and model.transform.loses:
            raise GmmpiError(f"a mixture of {model.mixture.n_features} principal components is no scikit-learn mixture of "
                             f"{len(model.transform.center)} columns: use gmmpi score, predict and sample, or fit without pca",
                             BAD_DATA)
        if model.mixture.covariance_type == "bernoulli":
            raise GmmpiError("a mixture of Bernoulli components is no scikit-learn mixture: use gmmpi.read_model", BAD_DATA)
        if model.mixture.noise is not None:
            raise GmmpiError("a mixture with a uniform noise component is no scikit-learn mixture: use gmmpi score, predict and "
                             "sample, or gmmpi.read_model, or fit without noise", BAD_DATA)
        options, attributes = model.options, model.attributes
        known = {name: options[name] for name in ("tol", "reg_covar", "max_iter", "n_init") if name in options}
        methods = {value: name for name, value in INIT_PARAMS.items()}
        estimator = cls(model.mixture.n_components, covariance_type=model.mixture.covariance_type,
                        init_params=methods.get(options.get("init"), "kmeans"), random_state=attributes.get("seed"), **known)
        return estimator._fitted(model, feature_names)

    def _fitted(self, model, feature_names):
        """Sets scikit-learn's attributes, whose names end in an underscore."""
        mixture, attributes = model.mixture, model.attributes
        self._set_parameters((mixture.weights, mixture.means, mixture.covariances, mixture.precisions_cholesky))
        self.n_features_in_ = mixture.n_features
        self.converged_ = bool(attributes.get("converged", False))
        self.n_iter_ = int(attributes.get("n_iter", 0))
        self.lower_bound_ = float(attributes.get("lower_bound", -np.inf))
        self.history_ = model.history.get("log_likelihood")
        self.digest_ = attributes.get("digest")
        if feature_names is not None and all(isinstance(name, str) for name in feature_names):
            self.feature_names_in_ = np.asarray(feature_names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def _estimate_log_prob(self, X):
        """As scikit-learn's, with x - mu taken first: an offset of all data costs no digits."""
        return as_mixture(self).log_prob(X)
