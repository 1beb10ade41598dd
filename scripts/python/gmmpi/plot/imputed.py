"""Rows with imputed entries, marked in a picture of points."""

import os
from dataclasses import dataclass, replace

import h5py
import numpy as np
from matplotlib.lines import Line2D

from ..data import read_data, split_spec
from ..noisy import by_patterns
from ..program import BAD_DATA, GmmpiError
from . import inputs, style


@dataclass(frozen=True)
class Imputed(inputs.Shown):
    """A Shown of completed rows: gaps (N, d), where entries were missing; deviations (N, d) of these, or None."""

    gaps: np.ndarray = None
    deviations: np.ndarray = None

    def responsibilities(self, mixture):
        """By what was observed; of rows without any value the weights."""
        observed = np.where(self.gaps, np.nan, self.X)
        found = by_patterns(mixture, observed, lambda part, rows: part.responsibilities(rows))
        return np.where(np.isnan(found), mixture.weights, found)

    def take(self, rows):
        return replace(super().take(rows), gaps=self.gaps[rows], deviations=None if self.deviations is None else self.deviations[rows])


def open_imputed(data, imputed, models, labels, most_rows):
    """The Imputed of a table with gaps and of the same rows without, either a path or an array. Raises GmmpiError."""
    lacking = inputs.open_table(data, models, labels, most_rows)
    completed = inputs.open_table(imputed, models, None, most_rows)
    if lacking.n_rows != completed.n_rows or lacking.X.shape != completed.X.shape:
        raise GmmpiError(f"imputed: has {completed.n_rows} rows and {completed.X.shape[1]} columns, {lacking.name} {lacking.n_rows} and "
                         f"{lacking.X.shape[1]}; give what gmmpi impute made of these data", BAD_DATA)
    gaps = np.isnan(lacking.X)
    if (lacking.X[~gaps] != completed.X[~gaps]).any():
        raise GmmpiError(f"imputed: has other values than {lacking.name} where none is missing; give what gmmpi impute made of these "
                         "data", BAD_DATA)
    table = replace(lacking, X=completed.X)
    return Imputed(**vars(inputs.drawable(table)), gaps=gaps, deviations=deviations_of(imputed, models, most_rows))


def deviations_of(imputed, models, most_rows):
    """/standard_deviation (N, d) of the rows that are drawn, in the columns of the table; None where the file has none."""
    if not isinstance(imputed, (str, os.PathLike)) or split_spec(imputed)[1] or not h5py.is_hdf5(imputed):
        return None
    with h5py.File(imputed, "r") as file:
        if "standard_deviation" not in file:
            return None
    table = read_data(f"{os.fspath(imputed)}:/standard_deviation", most_rows=most_rows)
    first = inputs.first_with_names(models)
    names = inputs.column_names(imputed)
    if first is None or names is None:
        return table.X
    places = inputs.places_of(first.names, names, first.name, "imputed", "rename them")
    return table.X if places is None else table.X[:, places]


def mark_imputed(ax, table, chosen):
    """A ring for each row that lacked one of the chosen columns, and a bar of one standard deviation to both sides."""
    gaps = table.gaps[:, chosen]
    rows = np.flatnonzero(gaps.any(axis=1))
    x, y = table.X[rows][:, chosen].T
    if table.deviations is not None:
        bars = np.where(gaps, np.where(np.isfinite(table.deviations[:, chosen]), table.deviations[:, chosen], 0.0), 0.0)[rows].T
        ax.errorbar(x, y, xerr=bars[0], yerr=bars[1], fmt="none", ecolor=style.FAINT, elinewidth=0.8, alpha=0.7, zorder=0.9)
    ax.scatter(x, y, s=34, facecolors="none", edgecolors=style.INK, linewidths=0.8, gid="imputed")


def imputed_entries(table):
    """The legend's."""
    bar = "" if table.deviations is None else " (bar: one standard deviation)"
    return [Line2D([], [], linestyle="none", marker="o", markerfacecolor="none", markeredgecolor=style.INK, label=f"imputed{bar}")]
