"""Hands data and start to the program, runs it, and reads the model."""

import operator
import os
import pathlib
import tempfile
import warnings
from dataclasses import dataclass, field, replace

import numpy as np

from .arrays import is_frame, numbers, rows
from .columns import name_list, names_of, places_of, reordered
from .data import Table, column_names, save_npy
from .families import FAMILIES
from .incomplete import filled
from .layouts import MATRICES, layout_of
from .mixture import Mixture, as_mixture
from .model_io import add_names, read_model, save
from .noisy import shaped
from .program import BAD_DATA, USAGE, GmmpiError, run_worded
from .wording import Wording

# The program's options that have another name in scikit-learn.
PARAMETERS = {"init": "init_params", "seed": "random_state"}
PER_ROW = ("sample_weight", "labels")  # options that are one number per row, or a path
INIT_PARAMS = {"kmeans": "kmeans", "k-means++": "k-means++", "random": "random", "random_from_data": "random-from-data"}


@dataclass
class Call:
    """How the program is called for one fit: its words for messages, ranks and so on, options, and a folder for files."""

    folder: pathlib.Path
    how: dict  # ranks, program, mpirun, verbose
    options: dict
    files: dict = field(default_factory=dict)  # path: what Python calls what is in it

    def fit(self, data, output, **more):
        """Runs `gmmpi fit`; returns the Run."""
        return run_worded(Wording(PARAMETERS, self.files), "fit", (data,), {**self.options, "output": output, **more}, **self.how,
                          others=(*PARAMETERS.values(), *self.how, "output"))

    def located(self, values, name):
        """The path of data: as given, or of a file that is written for it."""
        if isinstance(values, (str, os.PathLike)):
            return os.fspath(values)
        path = self.named(f"{name}.npy", name)
        values = values.X if isinstance(values, Table) else values
        save_npy(path, values if is_frame(values) else (rows if name == "X" else numbers)(values, name), name)
        return path

    def located_errors(self, errors, X):
        """As located, of errors of X: an array's shape is checked where X is no path."""
        is_path = isinstance(errors, (str, os.PathLike))
        shape = np.shape(X.X if isinstance(X, Table) else X)
        return self.located(errors if is_path or len(shape) != 2 else shaped(errors, shape), "errors")

    def located_model(self, model):
        """The path of a model: as given, or of a file that is written for it."""
        if isinstance(model, (str, os.PathLike)):
            return os.fspath(model)
        path = self.named("model.h5", "model")
        save(model, path)
        return path

    def named(self, file, name):
        """The path of a file in the folder that messages call `name`."""
        path = str(self.folder / file)
        self.files[path] = name
        return path


def require_columns_of(model, X):
    """GmmpiError 65 unless X has the columns of the model, or is of no names."""
    is_path = isinstance(model, (str, os.PathLike))
    there, wanted = names_of(X), column_names(model) if is_path else names_of(model)
    if there is not None and wanted is not None and there != wanted:
        raise GmmpiError(f"X: has the columns {name_list(there)}, the model {name_list(wanted)}; give the model's columns in its order",
                         BAD_DATA)


def require_own_names(options):
    """GmmpiError 64 for an option that is called otherwise here."""
    for name, known in PARAMETERS.items():
        if name in options:
            raise GmmpiError(f"{name}: is called {known} here; give that", USAGE)


def run_fit(X, n_components, *, names, init_params, given, random_state, sample_weight, output, how, options):
    """The ModelFile of a fit; see gmmpi.fit. names: of the columns of X, or None. `given`: weights, means, precisions of the
    start, None where not given."""
    require_own_names(options)
    options = {"n_components": n_components, **options, "sample_weight": sample_weight, "seed": seed_of(random_state)}
    with tempfile.TemporaryDirectory(prefix="gmmpi-") as name:
        call = Call(pathlib.Path(name), how, options)
        data = call.located(filled(X) if options.get("missing") in ("drop", "em") else X, "X")
        for own in PER_ROW:
            if options.get(own) is not None:
                options[own] = call.located(options[own], own)
        if options.get("errors") is not None:
            options["errors"] = call.located_errors(options["errors"], X)
        options["init"] = start(in_order_of(names, init_params), given, data, call)
        target = os.fspath(output) if output is not None else str(call.folder / "model.h5")
        for message in call.fit(data, target).warnings:
            warnings.warn(message, warning_class(message), stacklevel=3)
        if names is not None and output is not None:
            add_names(target, names)
        return read_model(target)


def warning_class(message):
    if not message.startswith("not converged"):
        return UserWarning
    from sklearn.exceptions import ConvergenceWarning

    return ConvergenceWarning


def seed_of(random_state):
    """A seed from a number, from what numpy draws numbers with, or None: the program's default."""
    if random_state is None:
        return None
    try:
        return operator.index(random_state)
    except TypeError:
        pass
    for draw in ("integers", "randint"):  # numpy.random.Generator; numpy.random.RandomState, or numpy.random itself
        if hasattr(random_state, draw):
            return int(getattr(random_state, draw)(2**31))
    raise GmmpiError(f"random_state: {random_state!r} is no seed; give a whole number, a numpy.random.Generator or RandomState, or "
                     "None", USAGE)


def in_order_of(there, init_params):
    """What is given as init_params; of a model, or a model's path, with names of columns: a mixture with its columns in the order
    of those of the table, which are named `there`. Where the table is a path, the program sees to that."""
    is_path = isinstance(init_params, (str, os.PathLike))
    if there is None or init_params is None or (is_path and os.fspath(init_params) in INIT_PARAMS):
        return init_params
    file = read_model(os.fspath(init_params)) if is_path else None
    if is_path and file.transform is not None and file.transform.loses:
        return init_params
    wanted = file.feature_names if is_path else names_of(init_params)
    if wanted is not None and len(wanted) != len(there):
        raise GmmpiError(f"init_params has the columns {name_list(wanted)}, X {name_list(there)}: give a start of the columns of "
                         "X", BAD_DATA)
    places = places_of(there, wanted, "X", "init_params", "give a start of the columns of X")
    if places is None:
        return init_params
    return reordered(file.mixture if is_path else as_mixture(init_params), places)


def start(init_params, given, data, call):
    """What --init gets: a method's name, or the path of a model file."""
    if init_params is not None and not isinstance(init_params, (str, os.PathLike)):
        path = call.named("init.h5", "init_params")
        save(as_start(init_params), path)
        init_params = path
    init = None if init_params is None else INIT_PARAMS.get(os.fspath(init_params), os.fspath(init_params))
    if all(value is None for value in given.values()):
        return init
    path = call.named("start.h5", "weights_init, means_init and precisions_init")
    completed = complete(given, call.options, lambda: method_start(init, data, call))
    save(completed, path)
    return path


def as_start(model):
    """A model without how it assigns rows, which does not matter to a fit."""
    nearest = getattr(model, "nearest_", getattr(model, "nearest", None))
    return model if nearest is None else replace(as_mixture(model), nearest=None)


def method_start(init, data, call):
    """The mixture that the method `init` starts from: what the program has after no iteration."""
    path = call.folder / "method.h5"
    call.fit(data, path, init=init, max_iter=0, n_init=None)
    return read_model(path).mixture


def complete(given, options, rest):
    """The start from the given weights, means, precisions; as in scikit-learn, rest() tells what is not given."""
    given = {name: None if value is None else numbers(value, f"{name}_init").astype(np.float64) for name, value in given.items()}
    kind = FAMILIES.get(options.get("family"), Mixture)
    has_covariances = issubclass(kind, Mixture)
    if not has_covariances and given["precisions"] is not None:
        raise GmmpiError(f"precisions_init: components of family {kind.family} have none; leave it out", USAGE)
    base = None if all(value is not None for value in given.values()) else rest()
    weights = base.weights if given["weights"] is None else given["weights"]
    means = base.means if given["means"] is None else given["means"]
    try:
        if not has_covariances:
            return kind(weights, means)
        covariance_type = options["covariance_type"] or MATRICES.name
        if given["precisions"] is None:
            return Mixture(covariance_type, weights, means, base.matrices)
        layout = layout_of(covariance_type, given["precisions"], *np.shape(means))
        return Mixture(covariance_type, weights, means, layout.inverse(given["precisions"]))
    except (ValueError, np.linalg.LinAlgError) as error:
        raise GmmpiError(f"weights_init, means_init, precisions_init: {error}: check their shapes and signs",
                         BAD_DATA) from error
