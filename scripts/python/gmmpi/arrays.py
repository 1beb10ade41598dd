"""The one check of arrays and frames that come in: numbers, nothing masked, nothing that numpy would turn into something else."""

import numpy as np

from .program import BAD_DATA, GmmpiError

NUMBERS = "fiub"  # numpy's kinds: floats, integers with and without sign, truth values
REFUSED = {"c": "Complex data not supported; give real and imaginary parts as columns of their own, such as numpy.c_[X.real, X.imag]",
           "M": "holds dates; make them numbers first, such as seconds since one of them",
           "m": "holds times; make them numbers first, such as X / numpy.timedelta64(1, 's')"}


def refuse(name, problem):
    raise GmmpiError(f"{name}: {problem}", BAD_DATA)


def place(index):
    """"row 3, column 1" of (3, 1), counted from 0."""
    words = {1: ("entry",), 2: ("row", "column")}.get(len(index), ())
    return ", ".join(f"{word} {i}" for word, i in zip(words, index)) if words else f"entry {tuple(map(int, index))}"


def is_frame(values):
    """Whether this is a pandas DataFrame, or another table that knows the type of each column as pandas does."""
    return hasattr(values, "columns") and hasattr(values, "iloc")


def numbers(values, name="X"):
    """An array of floats, integers or truth values from an array, a frame or nested lists; `name` is that of the parameter.

    It is not copied where it is such an array. Frames keep the type that all columns have; nullable ones become floats, NaN
    where a value is missing. GmmpiError 65 (a ValueError) for what is masked, complex, sparse, text, dates, structured, or
    of Python objects, whatever these hold.
    """
    if is_frame(values):
        return frame_numbers(values, name)
    if hasattr(values, "to_frame") and hasattr(values, "iloc"):
        return frame_numbers(values.to_frame(), name)[:, 0]
    if hasattr(values, "toarray") or hasattr(values, "todense"):
        refuse(name, "is a sparse matrix, and dense data are required; convert it with .toarray(), if it fits into memory")
    values = unmasked(values, name)
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        refuse(name, f"is not an array of numbers ({error}); convert it first, and give every row the same length")
    if array.dtype.kind not in NUMBERS:
        refuse(name, why_not(array))
    return array


def unmasked(values, name):
    """What masked arrays hold, where nothing of it is masked; anything else as it is."""
    if isinstance(values, (list, tuple)) and any(np.ma.isMaskedArray(value) for value in values):
        values = np.ma.array(values)
    if not np.ma.isMaskedArray(values):
        return values
    if not values.dtype.names and np.ma.is_masked(values):
        found = place(np.argwhere(np.ma.getmaskarray(values))[0])
        rest = f"{name}[~numpy.ma.getmaskarray({name}).any(axis=1)]" if values.ndim == 2 else f"{name}.compressed()"
        refuse(name, f"{found} is masked, and missing values are not supported; leave such rows out, as in {rest}")
    return values.data


def why_not(array):
    """Why an array of this type is refused, and what to do."""
    kind = array.dtype.kind
    if kind in REFUSED:
        return REFUSED[kind]
    if array.dtype.names:
        return (f"is a structured array of the fields {', '.join(array.dtype.names)}; convert it with "
                "numpy.lib.recfunctions.structured_to_unstructured")
    what = "text" if kind in "SU" else "Python objects"
    found = first_other(array)
    return f"is an array of {what}{found}, not of numbers; convert it first, such as X.astype(float)"


def first_other(array):
    """" ('a' in row 0, column 1)": the first entry that is no number, if there is one."""
    for index, value in np.ndenumerate(array):
        if not isinstance(value, (int, float, np.number, np.bool_)):
            shown = repr(value)
            return f" ({shown if len(shown) <= 40 else type(value).__name__} in {place(index)})"
    return ""


def frame_dtype(frame, name):
    """The numpy type of all columns of a frame. Raises GmmpiError."""
    for column, dtype in zip(frame.columns, frame.dtypes):
        kind = getattr(dtype, "kind", "O")
        if kind not in NUMBERS:
            problem = f"holds no numbers but {dtype}; choose other columns, or convert it first, such as with astype(float)"
            refuse(name, f"column {column!r}: {REFUSED.get(kind, problem)}")
    plain = [dtype for dtype in frame.dtypes if isinstance(dtype, np.dtype)]
    return np.result_type(*plain) if plain and len(plain) == len(frame.dtypes) else np.dtype(np.float64)


def frame_numbers(frame, name):
    dtype = frame_dtype(frame, name)
    if all(own == dtype for own in frame.dtypes):
        return frame.to_numpy()
    return frame.to_numpy(dtype=dtype) if all(isinstance(own, np.dtype) for own in frame.dtypes) else frame.to_numpy(
        dtype=dtype, na_value=np.nan)


def rows(values, name="X"):
    """As numbers, and a table: (N, d), d at least 1."""
    array = numbers(values, name)
    if array.ndim != 2:
        refuse(name, f"has {array.ndim} dimension{'' if array.ndim == 1 else 's'} {array.shape}, and a table has two, rows and "
                     f"columns. Reshape your data: .reshape(-1, 1) makes one column of it, .reshape(1, -1) one row")
    if array.shape[1] == 0:
        refuse(name, f"0 feature(s) (shape={array.shape}) while a minimum of 1 is required; give at least one column")
    return array


def finite_rows(values, name="X", with_gaps=False):
    """As rows, in double precision, without infinite numbers, and without NaN unless `with_gaps`."""
    array = np.asarray(rows(values, name), dtype=np.float64)
    bad = np.isinf(array) if with_gaps else ~np.isfinite(array)
    if bad.any():
        index = np.argwhere(bad)[0]
        value = array[tuple(index)]
        refuse(name, f"{place(index)} is {'NaN' if np.isnan(value) else 'inf' if value > 0 else '-inf'}; remove such rows"
                     + (", or set missing='em'" if np.isnan(value) else ""))
    return array
