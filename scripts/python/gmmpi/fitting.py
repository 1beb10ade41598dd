"""Hands data and start to the program, runs it, and reads the model."""

import os
import pathlib
import tempfile
import warnings

import numpy as np

from .data import as_table
from .mixture import Mixture
from .model_io import read_model, save
from .program import BAD_DATA, GmmpiError, run

INIT_PARAMS = {"kmeans": "kmeans", "k-means++": "k-means++", "random": "random", "random_from_data": "random-from-data"}


def run_fit(X, n_components, *, init_params, given, random_state, sample_weight, output, how, options):
    """The ModelFile of a fit; see gmmpi.fit. `given`: weights, means, precisions of the start, None where not given."""
    with tempfile.TemporaryDirectory(prefix="gmmpi-") as name:
        folder = pathlib.Path(name)
        options = {**options, "n_components": n_components, "seed": seed_of(random_state)}
        try:
            data = located(X, folder / "X.npy")
            if sample_weight is not None:
                options["sample_weight"] = located(sample_weight, folder / "sample_weight.npy")
            options["init"] = start(init_params, given, data, folder, how, options)
            target = os.fspath(output) if output is not None else str(folder / "model.h5")
            done = run("fit", data, output=target, **how, **options)
        except GmmpiError as error:  # a name in a temporary folder tells nobody anything
            raise GmmpiError(str(error).replace(f"{folder}/", ""), error.exit_code) from None
        for message in done.warnings:
            warnings.warn(message, warning_class(message), stacklevel=3)
        return read_model(target)


def warning_class(message):
    if not message.startswith("not converged"):
        return UserWarning
    from sklearn.exceptions import ConvergenceWarning

    return ConvergenceWarning


def seed_of(random_state):
    """A seed from what scikit-learn calls random_state; None: the program's default."""
    if hasattr(random_state, "randint"):
        return random_state.randint(2**31)
    return random_state


def located(values, path):
    """The path of data: as given, or of a file written to `path`."""
    if isinstance(values, (str, os.PathLike)):
        return os.fspath(values)
    np.save(path, as_table(values).X)
    return str(path)


def start(init_params, given, data, folder, how, options):
    """What --init gets: a method's name, or the path of a model file."""
    if init_params is not None and not isinstance(init_params, (str, os.PathLike)):
        save(init_params, folder / "init.h5")
        init_params = folder / "init.h5"
    init = None if init_params is None else INIT_PARAMS.get(os.fspath(init_params), os.fspath(init_params))
    if all(value is None for value in given.values()):
        return init
    completed = complete(given, options["covariance_type"], lambda: method_start(init, data, folder, how, options))
    save(completed, folder / "start.h5")
    return str(folder / "start.h5")


def method_start(init, data, folder, how, options):
    """The mixture that the method `init` starts from: what the program has after no iteration."""
    path = folder / "method.h5"
    run("fit", data, output=path, init=init, **how, **{**options, "max_iter": 0, "n_init": None})
    return read_model(path).mixture


def complete(given, covariance_type, rest):
    """The start from the given weights, means, precisions; as in scikit-learn, rest() tells what is not given."""
    base = None if all(value is not None for value in given.values()) else rest()
    weights = base.weights if given["weights"] is None else given["weights"]
    means = base.means if given["means"] is None else given["means"]
    try:
        if given["precisions"] is None:
            return Mixture(covariance_type, weights, means, base.covariances)
        precisions = np.asarray(given["precisions"], dtype=np.float64)
        dense = covariance_type in ("full", "tied")
        return Mixture(covariance_type, weights, means, np.linalg.inv(precisions) if dense else 1.0 / precisions)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise GmmpiError(f"weights_init, means_init, precisions_init: {error}: check their shapes and signs",
                                 BAD_DATA) from error
