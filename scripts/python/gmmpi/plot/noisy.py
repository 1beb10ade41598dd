"""Rows that were measured with errors, in a picture of points: each with the ellipse of its error."""

import os
from dataclasses import dataclass, replace

import h5py
import numpy as np
from matplotlib.collections import EllipseCollection
from matplotlib.lines import Line2D

from ..arrays import is_frame, numbers
from ..columns import name_list, names_of
from ..data import HDF5, column_names, drawn_rows, read_data, split_spec
from ..noisy import by_patterns, checked, matrices, shaped, split
from ..program import BAD_DATA, MISSING, GmmpiError
from . import geometry, inputs, style

MOST_ELLIPSES = 150  # more hide the points


@dataclass(frozen=True)
class Noisy(inputs.Shown):
    """A Shown with the errors of its rows: standard deviations (N, d) or covariances (N, d, d)."""

    errors: np.ndarray = None

    def responsibilities(self, mixture):
        return by_patterns(mixture, self.X, lambda known, rows: known.responsibilities(rows), self.errors)

    def log_density(self, mixture):
        return by_patterns(mixture, self.X, lambda known, rows: known.log_density(rows), self.errors)

    def take(self, rows):
        return replace(super().take(rows), errors=self.errors[rows])


def open_noisy(data, errors, models, labels, most_rows):
    """The Noisy of a table and its errors: columns of the table, an array, or the path of a file. Raises GmmpiError."""
    columns = ()
    if isinstance(data, (str, os.PathLike)):
        columns = error_columns(data, errors)
        table = inputs.open_table(data, models, labels, most_rows, without=columns)
    else:
        data, errors = split(data, errors)
        table = inputs.open_table(data, models, labels, most_rows)
        require_order(data, table)
    if columns:
        found = read_data(data, columns=columns, most_rows=most_rows).X
    elif isinstance(errors, (str, os.PathLike)):
        found = read_errors(errors, table, most_rows)
    else:
        found = drawn(shaped(errors, (table.n_rows, table.X.shape[1])), most_rows)
    finite = np.isfinite(table.X).all(axis=1)
    shown = inputs.drawable(table)
    return Noisy(**vars(shown), errors=checked(found[finite], shown.X))


def require_order(data, table):
    """GmmpiError 65 where the columns of a frame, and so its errors, were put in another order."""
    names = names_of(data) if is_frame(data) else None
    if names is not None and [name for name in names if name in table.names] != table.names:
        raise GmmpiError(f"errors: the columns of data are {name_list(names)}, those of the model {name_list(table.names)}; give data and "
                         "errors in the order of the model", BAD_DATA)


def error_columns(data, errors):
    """The names of the columns of a file that hold the errors; none where `errors` is a file, or an array."""
    names = column_names(data)
    if isinstance(errors, str) and not os.path.exists(errors):
        errors = errors.split(",")
    if names is None or not isinstance(errors, (list, tuple)) or not all(isinstance(name, (str, int)) for name in errors):
        return []
    places = {**{str(j): name for j, name in enumerate(names)}, **{name: name for name in names}}
    if all(str(name) in places for name in errors):
        return [places[str(name)] for name in errors]
    if len(errors) == 1:
        return []  # a file that is not there
    unknown = [name for name in errors if str(name) not in places]
    raise GmmpiError(f"errors: {name_list(unknown)} is no column of {data}; list its columns ({name_list(names)}), or give one file",
                     MISSING)


def drawn(values, most_rows):
    """Of what belongs to all rows that of those that read_data draws."""
    return values if most_rows is None or len(values) <= most_rows else values[drawn_rows(len(values), most_rows, 0)]


def read_errors(source, table, most_rows):
    """Errors from file.h5[:/dataset] (default /errors), file.npy or file.csv, of the rows of the Table."""
    path, dataset = split_spec(source)
    if not os.path.exists(path):
        raise GmmpiError(f"errors {source}: neither columns of the data nor a file; check the name", MISSING)
    shape = (table.n_rows, table.X.shape[1])
    try:
        if path.endswith(HDF5) or h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return drawn(shaped(file[dataset or "/errors"][...], shape), most_rows)
        values = np.load(path, mmap_mode="r") if path.endswith(".npy") else read_data(path).X
        if values.shape == (shape[0], shape[1] ** 2):
            values = values.reshape(-1, shape[1], shape[1])
        return drawn(shaped(numbers(values, "errors"), shape), most_rows)
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, GmmpiError):
            raise
        raise GmmpiError(f"errors {source}: cannot be read ({error}); give file.npy, file.csv or file.h5[:/dataset]", BAD_DATA) from error


def rows_with_ellipses(table):
    """All rows, or MOST_ELLIPSES of them in even steps."""
    n = len(table.X)
    return np.arange(n) if n <= MOST_ELLIPSES else np.arange(MOST_ELLIPSES) * n // MOST_ELLIPSES


def mark_errors(ax, table, chosen):
    """Thin ellipses of one standard deviation, below the points."""
    rows = rows_with_ellipses(table)
    covariances = matrices(table.errors[rows])[:, chosen][:, :, chosen]
    widths, heights, angles = np.array([geometry.ellipse_parameters(covariance, 1.0) for covariance in covariances]).T
    ax.add_collection(EllipseCollection(widths, heights, angles, units="xy", offsets=table.X[rows][:, chosen], offset_transform=ax.transData,
                                        facecolors="none", edgecolors=style.FAINT, linewidths=0.5, alpha=0.45, zorder=0.9, gid="errors"),
                      autolim=False)


def errors_entry():
    """The legend's."""
    return Line2D([], [], linestyle="none", marker="o", markersize=9, markerfacecolor="none", markeredgecolor=style.FAINT,
                  markeredgewidth=0.5, label="error: one standard deviation")


def errors_note(table):
    """What the caption says."""
    n, all_rows = len(rows_with_ellipses(table)), len(table.X)
    return "" if n == all_rows else f"Ellipses of errors are those of {n} rows, in even steps through the {all_rows:,} that are drawn."
