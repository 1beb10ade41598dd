"""gmmpi.fit and gmmpi.load: what returns a fitted scikit-learn mixture. scikit-learn is imported when they are called."""

from .columns import names_of
from .fitting import run_fit
from .model_io import read_model
from .noisy import split
from .program import MPIRUN


def fit(X, n_components=1, *, covariance_type=None, tol=None, reg_covar=None, max_iter=None, n_init=None,
        init_params=None, weights_init=None, means_init=None, precisions_init=None, random_state=None,
        sample_weight=None, errors=None, ranks=1, threads=None, output=None, program=None, mpirun=MPIRUN, verbose=False,
        **options):
    """Fits a mixture with the program and returns it, a fitted scikit-learn GaussianMixture (gmmpi.GaussianMixture), or
    what scikit-learn's class cannot be (noise=True, family="student", pca=...) as a gmmpi.FittedMixture.

    X: array (N, d), pandas DataFrame, gmmpi.Table, or the path of data that the program reads where they are,
    "file.h5[:/dataset]". The parameters are scikit-learn's; None means the program's default (`gmmpi fit --help`), which
    for tol, max_iter and reg_covar is not scikit-learn's. init_params may also be a model, or a model file's path.
    random_state: a number, which is the seed, or a numpy Generator or RandomState, which draws one. sample_weight, labels: (N),
    or a path. errors: standard deviations (N, d) or covariances (N, d, d) of what was measured, a path, or names of columns of X
    that hold standard deviations; the mixture is then that of the true values.
    ranks, threads, mpirun: processes, threads of each, and how to start them (see gmmpi.run). output: keep the model file
    there; checkpoints stand beside it, and the same call goes on after a stop. Further options are the program's, such as
    checkpoint_every="5min", on_collapse="fail", force=True.

    Raises GmmpiError with the program's message; warns (scikit-learn's ConvergenceWarning) as the program does.
    """
    from .estimator import GaussianMixture

    asked = {"covariance_type": covariance_type, "tol": tol, "reg_covar": reg_covar, "max_iter": max_iter, "n_init": n_init,
             "threads": threads, **options}
    how = {"ranks": ranks, "program": program, "mpirun": mpirun, "verbose": verbose}
    given = {"weights": weights_init, "means": means_init, "precisions": precisions_init}
    X, errors = split(X, errors)
    names = names_of(X)
    model = run_fit(X, n_components, names=names, init_params=init_params, given=given, random_state=random_state,
                    sample_weight=sample_weight, output=output, how=how, options={**asked, "errors": errors})
    return GaussianMixture._from_file(model, names or model.feature_names)


def load(path):
    """A fitted gmmpi.GaussianMixture, which is a scikit-learn GaussianMixture, from the model file at `path`.

    predict, score_samples, sample, bic and so on work; `history_` has the log-likelihood of each iteration and
    `digest_` the digest where the file has them. `feature_names_in_` are the file's names of columns: as in scikit-learn, a
    DataFrame with others, or in another order, is refused. It takes rows in the units of the data, as the program does. A model with a noise
    component, of other than Gaussian components, or of fewer principal components than columns is no scikit-learn GaussianMixture; it becomes a
    gmmpi.FittedMixture, which has the same methods, except sample. Raises GmmpiError.
    """
    from .estimator import GaussianMixture

    model = read_model(path)
    return GaussianMixture._from_file(model, model.feature_names)
