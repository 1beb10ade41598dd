"""What a picture is given: data and models in any form, columns by name or number."""

import os
from dataclasses import dataclass, replace

import numpy as np

from ..columns import places_of, reordered
from ..data import Table, as_table, column_names, column_number, read_data
from ..mixture import Mixture, as_mixture
from ..model_io import ModelFile, read_history, read_model
from ..program import BAD_DATA, USAGE, GmmpiError

MOST_ROWS = 5000  # points drawn; more hide each other
LARGEST = 1e140


@dataclass(frozen=True)
class NamedModel:
    """A model with the name that its panel or legend entry gets."""

    name: str
    file: ModelFile

    @property
    def mixture(self):
        return self.file.mixture

    @property
    def names(self):
        """Of the mixture's columns; None where it has none, as of principal components."""
        transform = self.file.transform
        return None if transform is not None and transform.loses else self.file.feature_names

    def describe(self):
        """"2 components, full covariance"."""
        K = self.mixture.n_components
        return f"{K} component{'s' if K > 1 else ''}, {self.mixture.kind}"


def open_model(model, name=None, noise=False, any_family=False):
    """A NamedModel from a path, a gmmpi.ModelFile, a gmmpi.Mixture or a fitted scikit-learn mixture.

    noise, any_family: whether the picture heeds a uniform noise component, and shows components without covariances; else such
    models are refused.
    """
    opened = named_model(model, name)
    if opened.mixture is None:
        return opened  # a checkpoint
    if not any_family and not isinstance(opened.mixture, Mixture):
        raise GmmpiError(f"{opened.name}: is a {opened.mixture.kind} mixture, which this picture does not show; draw parameters, history, criteria "
                         "or digits", BAD_DATA)
    if opened.mixture.noise is not None and not noise:
        raise GmmpiError(f"{opened.name}: has a uniform noise component, which this picture does not show; draw scatter, space, "
                         "history or criteria, or fit without noise", BAD_DATA)
    return opened


def named_model(model, name):
    if isinstance(model, NamedModel):
        return model if name is None else replace(model, name=name)
    if isinstance(model, (str, os.PathLike)):
        return NamedModel(name or model_name(model), read_model(os.fspath(model)))
    file = model if isinstance(model, ModelFile) else ModelFile(
        as_mixture(model), fitted_attributes(model), history=fitted_history(model),
        transform=getattr(model, "transform_", None), feature_names=fitted_names(model))
    return NamedModel(name or "model", file)


def fitted_attributes(model):
    return {name: getattr(model, name + "_") for name in ("n_iter", "converged") if hasattr(model, name + "_")}


def fitted_history(model):
    history = getattr(model, "history_", None)
    return {} if history is None else {"log_likelihood": history}


def fitted_names(model):
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else list(names)


def open_models(models, names=None, **heeded):
    """A list of NamedModels from one model or a list of them; `names` in the same order; `heeded`: as in open_model.

    Their columns are in the order of the first model that has names.
    """
    return same_columns(opened_each(models, names, **heeded))


def opened_each(models, names, **heeded):
    """As open_models, each with its own columns."""
    models = list(models) if isinstance(models, (list, tuple)) else [models]
    names = list(names or [])
    if names and len(names) != len(models):
        raise GmmpiError(f"names: {len(names)} names for {len(models)} models; give one each", USAGE)
    return [open_model(model, name, **heeded) for model, name in zip(models, names or [None] * len(models))]


def first_with_names(models):
    return next((model for model in models if model.names), None)


def same_columns(models):
    """The NamedModels with their columns in the order of the first that has names (see places_of)."""
    first = first_with_names(models)
    return models if first is None else [in_order_of(first, model) for model in models]


def in_order_of(first, model):
    places = places_of(first.names, model.names, first.name, model.name, "draw models of the same columns")
    if places is None:
        return model
    return replace(model, file=replace(model.file, mixture=reordered(model.mixture, places), feature_names=list(first.names)))


def open_histories(models, names=None):
    """As open_models, for pictures that look at histories alone: a path may also be that of a checkpoint."""
    models = list(models) if isinstance(models, (list, tuple)) else [models]
    opened = [NamedModel(model_name(model), read_history(model)) if isinstance(model, (str, os.PathLike)) else model
              for model in models]
    return opened_each(opened, names, noise=True, any_family=True)


def model_name(path):
    return file_name(path).removesuffix(".h5").removesuffix(".model")


def open_data(data, models=(), labels=None, most_rows=MOST_ROWS, seed=0):
    """As open_table, without the rows that cannot be drawn."""
    return drawable(open_table(data, models, labels, most_rows, seed))


def open_table(data, models=(), labels=None, most_rows=MOST_ROWS, seed=0, without=()):
    """A Table from a path, an array, a DataFrame or a Table, with the columns that the models have.

    They are found by their names where both have names. A column `label` or `labels` that the models do not know becomes
    the labels. labels: see gmmpi.read_data, or an array. without: names of columns that are left out.
    """
    if most_rows is not None and most_rows < 1:
        raise GmmpiError(f"rows {most_rows}: must be at least 1", USAGE)
    first = first_with_names(models)
    is_path = isinstance(data, (str, os.PathLike))
    table = None if is_path else as_table(data)
    names = column_names(data) if is_path else table.feature_names
    own_labels = label_column(names, first) if labels is None else labels
    columns = None
    if names and (first is not None or without):
        there = [name for name in names if name not in (own_labels, *without)]
        wanted = None if first is None else first.names
        places = places_of(wanted, there, first and first.name, file_name(data) if is_path else table.name, "rename them")
        columns = [there[j] for j in places] if places is not None else there if without else None
    if is_path:
        table = read_data(data, labels=own_labels, columns=columns, most_rows=most_rows, seed=seed)
    else:
        if labels is not None:
            table = replace(table, labels=np.asarray(labels))
        elif own_labels is not None:
            table = table.without_column(own_labels)
        if columns is not None:
            table = replace(table.with_columns(columns), labels=table.labels)
        table = table.subsample(most_rows, seed)
    if not len(table.X):
        raise GmmpiError(f"{table.name}: has no rows to draw; give some", BAD_DATA)
    for model in models:
        table = fitting_columns(table, model)
    return table


@dataclass(frozen=True)
class Shown(Table):
    """A Table without the rows that hold no finite number somewhere, which cannot be drawn."""

    n_missing: int = 0

    def responsibilities(self, mixture):
        """p(k | x_n), (N, K)."""
        return mixture.responsibilities(self.X)

    def log_density(self, mixture):
        """ln p(x_n), (N)."""
        return mixture.log_density(self.X)


def drawable(table):
    """The Shown of a Table. GmmpiError 65 where nothing is left, or a number is beyond what densities bear."""
    finite = np.isfinite(table.X).all(axis=1)
    if not finite.any():
        raise GmmpiError(f"{table.name}: has no rows of finite numbers; give some to draw", BAD_DATA)
    if np.abs(table.X[finite]).max() > LARGEST:
        raise GmmpiError(f"{table.name}: holds numbers beyond {LARGEST:g}, which cannot be drawn; give the columns larger units",
                         BAD_DATA)
    return Shown(**vars(table if finite.all() else table.take(finite)), n_missing=int((~finite).sum()))


def file_name(path):
    return os.path.basename(os.fspath(path))


def label_column(names, model):
    """The column `label` or `labels` that a table has and the model does not know; None: there is none."""
    if not names or model is None:
        return None
    return next((name for name in names if name in ("label", "labels") and name not in model.names), None)


def fitting_columns(table, model):
    d = model.mixture.n_features
    if table.X.shape[1] == d + 1:
        for name in ("label", "labels"):
            if name in table.names:
                return table.without_column(name)
    if table.X.shape[1] != d:
        raise GmmpiError(f"{table.name} has {table.X.shape[1]} columns and {model.name} {d}; give data of the same columns",
                         BAD_DATA)
    return table


def choose_columns(table, columns, n):
    """Numbers of n columns, from names or numbers; the first n by default. A list, or text with commas."""
    names = table.names
    if len(names) < n:
        raise GmmpiError(f"{table.name} has {len(names)} of the {n} columns that are drawn; draw it with density, or history",
                         BAD_DATA)
    if columns is None:
        chosen = list(range(n))
    else:
        asked = columns.split(",") if isinstance(columns, str) else columns
        chosen = [column_number(names, column) for column in asked]
    if len(chosen) != n:
        raise GmmpiError(f"columns: {n} are needed, not {len(chosen)}; choose among {', '.join(names[:20])}", USAGE)
    return chosen
