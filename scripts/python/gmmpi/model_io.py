"""Model files (docs/file-formats.md): read them, and save scikit-learn models as such."""

import os
from dataclasses import dataclass, field

import h5py
import numpy as np

from . import program
from .columns import names_of
from .families import family_of
from .mixture import FiniteMixture, as_mixture
from .transform import Transform, read_transform

HISTORIES = ("log_likelihood", "classification_log_likelihood", "inertia", "running_log_likelihood", "log_posterior", "elbo", "kl")


@dataclass(frozen=True)
class ModelFile:
    """A mixture, and what its file says about the fit: attributes of /model and /options, datasets of /history.

    Of a selection also /grid: its attributes, and a list of one entry per candidate for each dataset.
    The mixture is of the class of its family (families.py), such as Mixture, of Gaussian components. It is in the units of the data, whatever the fit did to the columns first; but if it projected them to fewer
    principal components (transform.loses), the mixture is that of the components.
    """

    mixture: FiniteMixture
    attributes: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    history: dict = field(default_factory=dict)
    grid: dict = field(default_factory=dict)
    transform: Transform = None
    feature_names: list = None


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def attributes_of(group):
    return {name: text(value) for name, value in group.attrs.items()}


def read_grid(group):
    return attributes_of(group) | {name: [text(value) for value in data[...].tolist()] for name, data in group.items()}


def read_mixture(model, attributes):
    """The mixture of an open HDF5 file's group /model, in the units in which it was fitted."""
    return family_of(attributes.get("family")).of_file(model, attributes)


def read_model(path):
    """The ModelFile at `path`. Raises GmmpiError with the program's message if it is none."""
    try:
        with h5py.File(path, "r") as file:
            attributes = attributes_of(file["model"])
            mixture = read_mixture(file["model"], attributes)
            transform = read_transform(file)
            if transform is not None and not transform.loses:
                mixture = transform.before(mixture)
            options = attributes_of(file["options"]) if "options" in file else {}
            history = {name: data[...] for name, data in file["history"].items()} if "history" in file else {}
            grid = read_grid(file["grid"]) if "grid" in file else {}
            names = [text(name) for name in file["feature_names"][...]] if "feature_names" in file else None
    except (OSError, KeyError, ValueError, TypeError, np.linalg.LinAlgError) as error:
        program.run("info", path)  # its message is better
        raise program.GmmpiError(f"{path}: cannot be read as a model ({error}): give a file that gmmpi fit wrote",
                                 program.BAD_DATA) from error
    return ModelFile(mixture, attributes, options, history, grid, transform, names)


def add_names(path, names):
    """Writes the names of the columns into a model file that has none."""
    with h5py.File(path, "a") as file:
        if "feature_names" not in file:
            file["feature_names"] = names


def read_history(path):
    """The ModelFile at `path`; of a checkpoint one without a mixture, whose history is that of the restart in progress."""
    try:
        with h5py.File(path, "r") as file:
            if text(file.attrs.get("filetype")) == "gmmpi-checkpoint":
                history = {name: data[...] for name, data in file["state"].items() if name in HISTORIES and data.size}
                return ModelFile(None, options=attributes_of(file["options"]), history=history)
    except (OSError, KeyError):
        pass  # read_model says what is wrong
    return read_model(path)


def save(model, path):
    """Writes a fitted scikit-learn mixture (or a gmmpi.Mixture or BernoulliMixture) as a model file that every command reads.

    The names of its columns, feature_names_in_, are written as well. Use it as a start: gmmpi fit ... --init start.h5, or gmmpi.fit(X, init_params="start.h5"). An existing file is
    replaced. Raises GmmpiError 65 if the model is not fitted, 73 if the file cannot be written.
    """
    try:
        mixture = as_mixture(model)
    except TypeError as error:
        raise program.GmmpiError(f"{error}: give a fitted model, or a gmmpi.Mixture", program.BAD_DATA) from error
    if getattr(model, "transform_", None) is not None:
        raise program.GmmpiError("save: a mixture of principal components is written by gmmpi fit --pca alone; use its file", program.BAD_DATA)
    if mixture.noise is not None:
        raise program.GmmpiError("save: a mixture with noise is written by gmmpi fit --noise alone; use its file", program.BAD_DATA)
    if mixture.nearest is not None and mixture.nearest.transform is not None:
        raise program.GmmpiError("save: a k-means model of columns that the fit has transformed is written by gmmpi fit alone; "
                                 "use its file", program.BAD_DATA)
    own = f"{path}.{os.getpid()}.tmp"
    try:
        with h5py.File(own, "w") as file:
            group = file.create_group("model")
            group.attrs.update(mixture.file_attributes)
            if mixture.nearest is not None:
                group.attrs["assignment"] = "nearest"
            for name in mixture.file_arrays:
                group[name] = getattr(mixture, name)
            if names_of(model) is not None:
                file["feature_names"] = names_of(model)
            for name in ("converged", "n_iter", "lower_bound"):
                value = getattr(model, name + "_", None)
                if value is not None:
                    group.attrs[name] = value
        os.replace(own, path)
    except OSError as error:
        if os.path.exists(own):
            os.remove(own)
        raise program.GmmpiError(f"{path}: cannot be written ({error}): choose another place",
                                 program.CANNOT_CREATE) from error
