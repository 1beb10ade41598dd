"""Tables for numpy and pandas: read what the program reads, write what it reads fastest (docs/file-formats.md)."""

import os
import re
from dataclasses import dataclass, replace

import h5py
import numpy as np

from . import arrays, program
from .model_io import text
from .text_table import is_number, read_text

HDF5 = (".h5", ".hdf5", ".hdf", ".he5")


@dataclass(frozen=True)
class Table:
    """X (N, d) with, where known, feature_names (d), sample_weight (N) and labels (N), which are numbers or text.

    n_rows: rows of the whole file, where X is a part of it. GmmpiError 65 for an X that is no table of numbers (arrays.rows).
    """

    X: np.ndarray
    feature_names: list = None
    sample_weight: np.ndarray = None
    labels: np.ndarray = None
    n_rows: int = None
    name: str = "data"

    def __post_init__(self):
        object.__setattr__(self, "X", arrays.rows(self.X))
        if self.n_rows is None:
            object.__setattr__(self, "n_rows", len(self.X))

    @property
    def names(self):
        """feature_names, or x0, x1, ..."""
        return self.feature_names or [f"x{j}" for j in range(self.X.shape[1])]

    def frame(self):
        """A pandas DataFrame of X, with sample_weight and labels as further columns where there are any."""
        import pandas

        frame = pandas.DataFrame(self.X, columns=self.names)
        for name in ("sample_weight", "labels"):
            if getattr(self, name) is not None:
                frame[name] = getattr(self, name)
        return frame

    def subsample(self, most_rows, seed=0):
        """At most `most_rows` rows, drawn without replacement, in their order; n_rows stays."""
        if most_rows is None or len(self.X) <= most_rows:
            return self
        return self.take(drawn_rows(len(self.X), most_rows, seed))

    def take(self, rows):
        """These rows only; n_rows stays."""
        rest = {name: None if getattr(self, name) is None else getattr(self, name)[rows]
                for name in ("sample_weight", "labels")}
        return replace(self, X=self.X[rows], **rest)

    def with_columns(self, columns):
        """The table of these columns (names or numbers) only."""
        chosen = [column_number(self.names, column) for column in columns]
        return replace(self, X=self.X[:, chosen], feature_names=self.feature_names and [self.names[j] for j in chosen])

    def without_column(self, name):
        """The table with the column `name` moved to labels."""
        j = self.names.index(name)
        names = [other for other in self.names if other != name]
        return replace(self, X=np.delete(self.X, j, axis=1), feature_names=names, labels=self.X[:, j])


def column_number(names, column):
    """The place of a column that is given by name or number. Raises GmmpiError."""
    if column in names:
        return names.index(column)
    try:
        j = int(column)
    except ValueError:
        j = -1
    if not 0 <= j < len(names):
        raise program.GmmpiError(f"columns: there is no column {column}; choose among {', '.join(names[:20])}, or 0 to "
                                 f"{len(names) - 1}", program.USAGE)
    return j


def drawn_rows(n_rows, most_rows, seed):
    return np.sort(np.random.default_rng(seed).choice(n_rows, most_rows, replace=False))


def split_spec(source):
    """("file.h5", "/dataset") of "file.h5:/dataset"; the dataset is "" if none is named."""
    match = re.fullmatch(r"(.+?):(/.*)", os.fspath(source))
    return (match[1], match[2]) if match else (os.fspath(source), "")


def read_data(source, labels=None, columns=None, most_rows=None, seed=0):
    """The Table at `source`: file.h5[:/dataset] (default /X), file.npy or file.csv.

    labels: a column name of the table, which is then taken out of X, or a file: file.npy or file.h5[:/dataset]
    (default /labels). columns: names or numbers of columns of the file, in their order, as a list or text with commas;
    others of a text file need not hold numbers. most_rows: read a random subset of at most so many rows, fixed by `seed`; HDF5 and npy files then
    need not fit into memory. Raises GmmpiError with the program's message.
    """
    path, dataset = split_spec(source)
    columns = columns.split(",") if isinstance(columns, str) else columns
    try:
        table, has_labels = read_file(path, dataset, labels, columns, most_rows, seed)
    except program.GmmpiError:
        raise
    except (OSError, KeyError, ValueError) as error:
        program.run("info", source)  # its message is better
        raise program.GmmpiError(f"{source}: cannot be read ({error}): check what it holds", program.BAD_DATA) from error
    if labels is None or has_labels:
        return table.subsample(most_rows, seed)
    values = read_labels(labels, table.n_rows)
    if len(table.X) == table.n_rows:
        return replace(table, labels=values).subsample(most_rows, seed)
    return replace(table, labels=values[drawn_rows(table.n_rows, most_rows, seed)])


def read_file(path, dataset, labels, columns, most_rows, seed):
    """The Table, and whether `labels` is a column of it, which is then no longer in X. HDF5 and npy: of the rows that are
    wanted; csv: of all."""
    name = os.path.splitext(os.path.basename(path))[0]
    if path.endswith(HDF5) or h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            return taken_apart(read_hdf5(file, dataset, most_rows, seed, name), labels, columns)
    if path.endswith(".npy"):
        X = np.load(path, mmap_mode="r")
        table = Table(X=arrays.rows(X, path), name=name, n_rows=len(X)).subsample(most_rows, seed)
        return taken_apart(table, labels, columns)
    return read_csv(path, labels, columns, name)


def taken_apart(table, labels, columns):
    """As read_file."""
    has_labels = labels in table.names
    rest = table.without_column(labels) if has_labels else table
    return (rest if columns is None else replace(table.with_columns(columns), labels=rest.labels)), has_labels


def read_hdf5(file, dataset, most_rows, seed, name):
    X = file[dataset or "/X"]
    n_rows = len(X)
    rows = drawn_rows(n_rows, most_rows, seed) if most_rows is not None and most_rows < n_rows else slice(None)
    beside = {}
    if not dataset:
        beside = {key: file[key][rows].reshape(-1) for key in ("sample_weight", "labels") if key in file}
        if "feature_names" in file:
            beside["feature_names"] = [text(value) for value in file["feature_names"][...]]
    return Table(X=arrays.rows(X[rows], f"{file.filename}:{X.name}"), name=name, n_rows=n_rows, **beside)


def read_csv(path, labels, columns, name):
    """As read_file; columns that nobody asks for, and `labels`, need not hold numbers."""
    table = read_text(path)
    names = table.names or [f"x{j}" for j in range(table.n_columns)]
    has_labels = labels in names
    label_column = names.index(labels) if has_labels else -1
    chosen = [j for j in range(len(names)) if j != label_column]
    if columns is not None:
        chosen = [column_number(names, column) for column in columns]
    values = None
    if has_labels:
        values = label_values(table, label_column)
    return Table(X=table.numbers(chosen), feature_names=table.names and [names[j] for j in chosen], name=name,
                 labels=values), has_labels


def label_values(table, column):
    """Labels of a TextTable: numbers if they all are, else texts."""
    texts = table.texts(column)
    known = [text for text in texts if text not in table.missing]
    return table.numbers([column])[:, 0] if all(map(is_number, known)) else texts


def column_names(source):
    """The names of the columns of a file; None where it has none."""
    path, dataset = split_spec(source)
    try:
        if path.endswith(HDF5) or h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return None if dataset or "feature_names" not in file else [text(v) for v in file["feature_names"][...]]
        return None if path.endswith(".npy") else read_text(path).names
    except OSError:
        return None  # whoever reads the rows will say why


def read_labels(source, n_rows):
    """(n_rows) labels from file.npy, file.csv (numbers or text) or file.h5[:/dataset] (default /labels)."""
    path, dataset = split_spec(source)
    if not os.path.exists(path):
        raise program.GmmpiError(f"labels {source}: neither a column of the data nor a file: check the name", program.MISSING)
    try:
        if path.endswith(".npy"):
            values = np.load(path)
        elif not path.endswith(HDF5) and not h5py.is_hdf5(path):
            values = label_values(read_text(path), 0)
            if len(values) == n_rows + 1:  # text: one line more can only be a header
                values = values[1:]
        else:
            with h5py.File(path, "r") as file:
                values = file[dataset or "/labels"][...]
    except (OSError, KeyError, ValueError) as error:
        raise program.GmmpiError(f"labels {source}: cannot be read ({error}): give file.npy, file.csv or file.h5[:/dataset]",
                                 program.BAD_DATA) from error
    if values.size != n_rows:
        raise program.GmmpiError(f"labels {source}: {values.size} labels for {n_rows} rows: give one per row",
                                 program.BAD_DATA)
    return values.reshape(-1)


def as_table(data):
    """A Table from a Table, a numpy array (N, d), or a pandas DataFrame, whose column names are kept. Errors: arrays.rows."""
    if isinstance(data, Table):
        return data
    names = [str(name) for name in data.columns] if arrays.is_frame(data) else None
    return Table(X=data, feature_names=names)


def save_npy(path, values, name="X"):
    """Writes an array or a frame as file.npy, some rows at a time, so that nothing is copied as a whole.

    GmmpiError 65 for what is no array of numbers (arrays.numbers), 73 if the file cannot be written.
    """
    if arrays.is_frame(values):
        slices, dtype = values.iloc, arrays.frame_dtype(values, name)
    else:
        values = slices = arrays.numbers(values, name)
        dtype = values.dtype
    if dtype.kind == "f" and dtype.itemsize > 8:
        dtype = np.dtype(np.float64)  # the program reads no longer ones
    step = max(1, 2**23 // max(1, dtype.itemsize * int(np.prod(values.shape[1:]))))
    try:
        with open(path, "wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": dtype.str, "fortran_order": False, "shape": values.shape})
            for first in range(0, len(values), step):
                np.ascontiguousarray(arrays.numbers(slices[first:first + step], name), dtype=dtype).tofile(file)
    except OSError as error:
        raise program.GmmpiError(f"{name}: cannot be handed to the program in {path} ({error}): set TMPDIR to a folder with room, or "
                                 "give the path of a file", program.CANNOT_CREATE) from error


def write_data(path, X, *, feature_names=None, sample_weight=None, labels=None):
    """Writes a table as an HDF5 data file, the form that the program reads fastest.

    X: a Table, an array (N, d) or a pandas DataFrame (its column names are the feature names unless others are given).
    sample_weight, labels: (N); the program uses weights only when asked: --sample-weight path. float32 stays float32.
    Labels that are text are written as 0, 1, ... in alphabetical order. An existing file is replaced. Raises GmmpiError 65
    for lengths that do not agree, 73 if the file cannot be written.
    """
    if not os.fspath(path).endswith(HDF5):
        raise program.GmmpiError(f"{path}: write_data writes HDF5 files: give a name that ends in .h5", program.USAGE)
    table = as_table(X)
    beside = {"feature_names": (feature_names or table.feature_names, table.X.shape[1:2]),
              "sample_weight": (first_given(sample_weight, table.sample_weight), table.X.shape[:1]),
              "labels": (first_given(labels, table.labels), table.X.shape[:1])}
    for name, (values, shape) in beside.items():
        if values is not None and np.shape(values) != shape:
            raise program.GmmpiError(f"{name}: shape {np.shape(values)} where {shape} is needed: check it against X "
                                     f"{table.X.shape}", program.BAD_DATA)
    beside = {name: stored(name, values) for name, (values, _) in beside.items() if values is not None}
    try:
        with h5py.File(path, "w") as file:
            file.attrs["filetype"] = "gmmpi-data"
            file["X"] = table.X
            for name, values in beside.items():
                file[name] = values
    except OSError as error:
        raise program.GmmpiError(f"{path}: cannot be written ({error}): choose another place",
                                 program.CANNOT_CREATE) from error


def stored(name, values):
    if name == "feature_names":
        return list(map(str, values))
    if name == "labels":
        labels = np.asarray(arrays.unmasked(values, name))
        if labels.dtype.kind in "SUO":
            return np.unique(labels, return_inverse=True)[1]
    return arrays.numbers(values, name)


def first_given(value, other):
    return other if value is None else value
