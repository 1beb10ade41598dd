"""gmmpi.denoise: the true values of rows that were measured with errors. The program does the work."""

import os
import pathlib
import tempfile

import h5py

from .arrays import is_frame
from .data import Table
from .fitting import PARAMETERS, Call, require_columns_of, require_own_names
from .incomplete import filled
from .noisy import split
from .program import MPIRUN, run_worded
from .wording import Wording


def denoise(X, model, errors, *, return_std=False, ranks=1, threads=None, output=None, program=None, mpirun=MPIRUN, verbose=False,
            **options):
    """The true values of rows X (N, d) that were measured with errors, under the model: their mean (N, d), a DataFrame if X is one,
    and their covariance (N, d, d); with return_std=True the mean and the standard deviations (N, d). What is missing is inferred.

    X: array, masked array, pandas DataFrame, gmmpi.Table, or the path of data. model: a fitted model, or a model file's path. errors:
    standard deviations (N, d), covariances (N, d, d), names of columns of X that hold the former, or a path. output: keep the
    program's HDF5 file there. ranks, threads, program, mpirun, verbose and further options: as in gmmpi.fit. Raises GmmpiError.
    """
    require_own_names(options)
    X, errors = split(X, errors)
    require_columns_of(model, X)
    how = {"ranks": ranks, "program": program, "mpirun": mpirun, "verbose": verbose}
    asked = {"standard_deviation": return_std, "threads": threads, **options}
    with tempfile.TemporaryDirectory(prefix="gmmpi-") as name:
        call = Call(pathlib.Path(name), how, asked)
        data = call.located(filled(X.X if isinstance(X, Table) else X), "X")
        asked["errors"] = call.located_errors(errors, X)
        target = os.fspath(output) if output is not None else str(call.folder / "denoised.h5")
        run_worded(Wording(PARAMETERS, call.files), "denoise", (data, call.located_model(model)), {**asked, "output": target}, **how,
                   others=(*PARAMETERS.values(), *how, "output", "return_std"))
        with h5py.File(target, "r") as file:
            return in_shape_of(X, file["mean"][...]), file["standard_deviation" if return_std else "covariance"][...]


def in_shape_of(X, values):
    """Values (N, d) with the index and the names of X, if that is a DataFrame."""
    return type(X)(values, index=X.index, columns=X.columns) if is_frame(X) else values
