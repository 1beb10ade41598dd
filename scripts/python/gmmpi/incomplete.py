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


def by_patterns(mixture, X, what):
    """what(mixture, rows) for rows X (N, d), by patterns of the columns that rows have: (N, ...), NaN for rows that have none."""
    gaps = np.isnan(X)
    if not gaps.any():
        return what(mixture, X)
    patterns, of_row = np.unique(gaps, axis=0, return_inverse=True)
    out = None
    for number, pattern in enumerate(patterns):
        rows, columns = np.flatnonzero(of_row.ravel() == number), np.flatnonzero(~pattern)
        if len(columns) == 0:
            continue
        part = mixture if len(columns) == len(pattern) else observed_part(mixture, columns)
        values = np.asarray(what(part, X[np.ix_(rows, columns)]))
        if out is None:
            out = np.full((len(X), *values.shape[1:]), np.nan)
        out[rows] = values
    if out is None:
        raise GmmpiError("X: no row has any value; give rows with some", USAGE)
    return out
