"""Rows that were measured with known errors: what is given as errors, and what a mixture says of such rows (docs/maths/incomplete.md)."""

import os
from dataclasses import dataclass, fields

import numpy as np

from .arrays import is_frame, numbers, place, refuse
from .columns import name_list, names_of, places_of
from .data import Table
from .incomplete import filled, observed_part, patterns_of
from .mixture import Mixture, rows_of
from .program import NUMERICAL, USAGE, GmmpiError

ROUNDING = 1e-6  # of covariances that were single: as the program's
CHUNK = 2**22  # numbers of matrices at a time


def split(X, errors):
    """X without its columns of errors, and these, where `errors` names columns of X; else both as they are.

    Where both are frames that have names in common, the columns of `errors` come in the order of those of X.
    """
    names = names_of(X) if is_frame(X) or isinstance(X, Table) else None
    if not are_columns(errors, names):
        return X, in_order(X, errors)
    wanted = [errors] if isinstance(errors, str) else list(errors)
    if names is None:
        if isinstance(X, (str, os.PathLike)):
            return X, ",".join(wanted)
        raise GmmpiError(f"errors: {name_list(wanted)} are names of columns, and X has none; give an array of errors", USAGE)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise GmmpiError(f"errors: X has no column {name_list(missing)} (its columns are {name_list(names)}); give others, or an array",
                         USAGE)
    rest = [name for name in names if name not in wanted]
    if isinstance(X, Table):
        return X.with_columns(rest), X.with_columns(wanted).X
    return X[rest], X[wanted].to_numpy(dtype=float, na_value=np.nan)


def are_columns(errors, names):
    """Whether these are names of columns, not numbers or a path."""
    if isinstance(errors, str):
        return names is not None and errors in names
    return isinstance(errors, (list, tuple)) and len(errors) > 0 and all(isinstance(name, str) for name in errors)


def in_order(X, errors):
    there, wanted = names_of(errors), names_of(X)
    if not is_frame(errors) or not set(there or ()) & set(wanted or ()):
        return errors
    places = places_of(wanted, there, "X", "errors", "name the columns of errors as those of X, or not at all")
    return errors if places is None else errors.iloc[:, places]


def shaped(errors, shape):
    """An array of standard deviations (N, d) or covariances (N, d, d) for rows of `shape` (N, d). GmmpiError 65 for other shapes."""
    array = numbers(filled(errors.X if isinstance(errors, Table) else errors), "errors")
    n, d = shape
    if d == 1 and array.shape == (n,):
        return array[:, None]
    if d == 1 and array.shape == (n, 1, 1) and (array >= 0).all():
        return np.sqrt(array[:, 0])
    if array.shape in ((n, d), (n, d, d)):
        return array
    refuse("errors", f"shape {array.shape} for X of shape {(n, d)}; give standard deviations {(n, d)}, or covariances {(n, d, d)}")


def checked(errors, X):
    """As shaped, of finite rows X (N, d) or ones with NaN: in double precision, 0 where X is missing. GmmpiError 65 for what is no
    standard deviation or covariance."""
    given = np.asarray(shaped(errors, X.shape), dtype=np.float64)
    observed = ~np.isnan(X)
    if given.ndim == 2:
        found = np.where(observed, given, 0.0)
        refuse_where(~np.isfinite(found), "is not finite; give what is not known as a missing value (NaN) of X, with missing='em'")
        refuse_where(found < 0, "is negative; give standard deviations")
        return found
    found = np.where(observed[:, :, None] & observed[:, None, :], given, 0.0)
    refuse_where(~np.isfinite(found), "is not finite; give what is not known as a missing value (NaN) of X, with missing='em'")
    mirrored = found.transpose(0, 2, 1)
    variances = np.einsum("nii->ni", found)
    refuse_where(variances < 0, "is negative; give variances")
    sizes = np.sqrt(variances)[:, :, None] * np.sqrt(variances)[:, None, :]
    refuse_where(np.abs(found - mirrored) > ROUNDING * sizes, "differs from its mirror image; give symmetric matrices")
    scaled = np.divide(found, sizes, out=np.zeros_like(found), where=sizes > 0)
    least = np.linalg.eigvalsh(scaled)[:, 0] if len(scaled) else np.zeros(0)
    refuse_where((least < -X.shape[1] * ROUNDING) | ((found != 0) & (sizes == 0)).any(axis=(1, 2)),
                 "is not positive semidefinite; give covariances")
    return found


def refuse_where(bad, problem):
    """GmmpiError 65 with the first place that is bad."""
    if bad.any():
        index = np.argwhere(bad)[0]
        refuse("errors", f"{place(index[:2]) if len(index) > 1 else f'row {index[0]}'} {problem}")


@dataclass(frozen=True)
class Measured(Mixture):
    """A mixture of the true values of rows that have errors: standard deviations (N, d) or covariances (N, d, d)."""

    errors: np.ndarray = None

    def log_prob(self, X):
        """ln N(x_n | mu_k, Sigma_k + E_n), (N, K) (Bovy, Hogg & Roweis 2011, eq. 3)."""
        X, d = rows_of(X, self.n_features), self.n_features
        found = np.empty((len(X), self.n_components))
        covariances, step = self.dense_covariances(), max(1, CHUNK // d**2)
        for first in range(0, len(X), step):
            rows = slice(first, first + step)
            E = matrices(self.errors[rows])
            for k, mean in enumerate(self.means):
                factors = cholesky(covariances[k] + E)
                y = np.linalg.solve(factors, (X[rows] - mean)[:, :, None])[:, :, 0]
                log_det = np.log(np.einsum("nii->ni", factors)).sum(axis=1)
                found[rows, k] = -0.5 * (d * np.log(2 * np.pi) + np.einsum("nj,nj->n", y, y)) - log_det
        return found


def matrices(errors):
    """Covariances (N, d, d) of the errors."""
    if errors.ndim == 3:
        return errors
    return errors[:, :, None] ** 2 * np.eye(errors.shape[1])


def cholesky(covariances):
    try:
        return np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError as error:
        raise GmmpiError(f"errors: with them a covariance is not positive definite to double precision ({error}); let the program "
                         "score such rows", NUMERICAL) from error


def measured(mixture, errors):
    """The mixture for rows with these errors (as `checked` returns them); itself where there are none."""
    if errors is None or not errors.any():
        return mixture
    if type(mixture) is not Mixture or mixture.nearest is not None:
        raise GmmpiError("errors: the model does not know errors of rows; leave them out, or fit Gaussian components", USAGE)
    return Measured(**{field.name: getattr(mixture, field.name) for field in fields(mixture)}, errors=errors)


def by_patterns(mixture, X, what, errors=None):
    """what(mixture, rows) for rows X (N, d), by patterns of the columns that rows have: (N, ...), NaN for rows that have none.

    The mixture that `what` gets is that of the rows' columns, and of their errors (as `checked` returns them).
    """
    if not np.isnan(X).any():
        return what(measured(mixture, errors), X)
    out = None
    for rows, columns in patterns_of(X):
        part = mixture if len(columns) == X.shape[1] else observed_part(mixture, columns)
        own = None
        if errors is not None:
            own = errors[np.ix_(rows, columns)] if errors.ndim == 2 else errors[np.ix_(rows, columns, columns)]
        values = np.asarray(what(measured(part, own), X[np.ix_(rows, columns)]))
        if out is None:
            out = np.full((len(X), *values.shape[1:]), np.nan)
        out[rows] = values
    if out is None:
        raise GmmpiError("X: no row has any value; give rows with some", USAGE)
    return out
