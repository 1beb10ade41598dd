"""Model files (docs/file-formats.md): read them, and save scikit-learn models as such."""

import os
from dataclasses import dataclass, field

import h5py
import numpy as np

from . import program
from .bernoulli import BernoulliMixture
from .columns import names_of
from .mixture import FiniteMixture, Mixture, NearestMean, Noise, as_mixture
from .student import StudentMixture
from .transform import Transform, read_transform

PARAMETERS = ("weights", "means", "covariances")
HISTORIES = ("log_likelihood", "classification_log_likelihood", "inertia", "running_log_likelihood", "log_posterior", "elbo", "kl")


@dataclass(frozen=True)
class ModelFile:
    """A mixture, and what its file says about the fit: attributes of /model and /options, datasets of /history.

    Of a selection also /grid: its attributes, and a list of one entry per candidate for each dataset.
    The mixture is a Mixture (Gaussian components), a StudentMixture or a BernoulliMixture. It is in the units of the data, whatever the fit did to the columns first; but if it projected them to fewer
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
    nearest = NearestMean() if attributes.get("assignment") == "nearest" else None
    if attributes.get("family", "gaussian") == "bernoulli":
        return BernoulliMixture(model["weights"][...], model["means"][...], nearest)
    kind = str(attributes.get("covariance_type"))
    factors = model["precisions_cholesky"][...] if "precisions_cholesky" in model else None
    noise = None
    if "noise_weight" in attributes:
        noise = Noise(float(attributes["noise_weight"]), float(attributes["noise_log_volume"]))
    sharing = str(attributes.get("dof_sharing", "each"))
    free = None
    if "scale" in model and "n_parameters" in attributes:  # of a structure with fewer parameters than its arrays
        K, d = model["means"].shape
        free = int(attributes["n_parameters"]) - (K - 1 + K * d) - (0 if noise is None else 2)
        if "dof" in model:
            free -= {"each": K, "shared": 1}.get(sharing, 0)
    if attributes.get("family") == "student":
        return StudentMixture(kind, model["weights"][...], model["means"][...], None, factors, noise, nearest, free,
                              model["scales"][...], model["dof"][...], sharing)
    return Mixture(kind, *(model[name][...] for name in PARAMETERS), factors, noise, nearest, free)


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
            gaussian = isinstance(mixture, Mixture)
            group.attrs.update({"covariance_type": mixture.covariance_type} if gaussian else {"family": "bernoulli"})
            names = [*PARAMETERS, "precisions_cholesky"] if gaussian else ["weights", "means"]
            if isinstance(mixture, StudentMixture):
                group.attrs.update({"family": "student", "dof_sharing": mixture.dof_sharing})
                names[names.index("covariances")] = "scales"
                names.append("dof")
            if mixture.nearest is not None:
                group.attrs["assignment"] = "nearest"
            for name in names:
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
