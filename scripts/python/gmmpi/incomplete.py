"""Rows that lack values (NaN): what a mixture says of them by the columns that they have (docs/maths/missing-values.md)."""

from dataclasses import replace

import numpy as np

from .program import USAGE, GmmpiError

CHOICES = ("error", "drop", "em")


def checked(missing):
    """One of CHOICES. Raises GmmpiError."""
    if missing not in CHOICES:
        raise GmmpiError(f"missing: {missing!r} is none of {', '.join(CHOICES)}; give one of them", USAGE)
    return missing


def filled(values):
    """A masked array as one of floats, NaN where it is masked; anything else as it is."""
    if isinstance(values, (list, tuple)) and any(np.ma.isMaskedArray(value) for value in values):
        values = np.ma.array(values)
    if not np.ma.isMaskedArray(values) or not np.ma.is_masked(values):
        return values
    kind = values.dtype if values.dtype.kind == "f" else np.float64
    return values.astype(kind).filled(np.nan)


def observed_part(mixture, columns):
    """The mixture of these columns alone, with its noise and its rule of labels: a share of the noise's volume by their sides."""
    part, noise, nearest = mixture.marginal(columns), mixture.noise, mixture.nearest
    if noise is not None:
        part = replace(part, noise=noise.of_columns(columns))
    if nearest is not None:
        transform = nearest.transform
        if transform is not None and transform.components is not None:
            raise GmmpiError("X: the model assigns rows to means of principal components, which needs complete rows; leave out those with "
                             "missing values", USAGE)
        part = replace(part, nearest=replace(nearest, transform=transform and transform.with_inputs(columns)))
    return part


def patterns_of(X):
    """(rows, columns) of each pattern of the columns that rows of X (N, d) have; without those that have none."""
    patterns, of_row = np.unique(np.isnan(X), axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if not pattern.all():
            yield np.flatnonzero(of_row.ravel() == number), np.flatnonzero(~pattern)
