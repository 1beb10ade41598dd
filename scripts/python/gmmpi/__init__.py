"""Gaussian mixture models fitted by the program gmmpi, as scikit-learn models and as pictures.

    import gmmpi
    model = gmmpi.fit(X, n_components=3, ranks=4)     # a fitted sklearn.mixture.GaussianMixture
    model = gmmpi.load("m.h5")
    gmmpi.save(model, "start.h5")
    gmmpi.impute(X, model)                            # missing entries filled in
    gmmpi.denoise(X, model, errors)                   # true values of rows that were measured with errors
    gmmpi.plot.scatter(X, model).savefig("m.png")

What goes wrong raises gmmpi.GmmpiError with the program's message, in Python's words, and its exit_code; bad data and bad parameters
raise a gmmpi.GmmpiValueError, which is a ValueError as well.
"""

import importlib

from .bernoulli import BernoulliMixture
from .data import Table, read_data, write_data
from .denoising import denoise
from .fitted import FittedMixture
from .mixture import Mixture, Noise
from .model_io import ModelFile, read_model, save
from .models import fit, load
from .program import GmmpiError, GmmpiValueError, Run, find_program, run
from .student import StudentMixture

__version__ = "0.1.0"
__all__ = ["BernoulliMixture", "FittedMixture", "GaussianMixture", "GmmpiError", "GmmpiValueError", "Mixture", "ModelFile", "Noise", "Run",
           "GaussianMixtureImputer", "StudentMixture", "Table", "denoise", "find_program", "fit", "impute", "load", "plot", "read_data", "read_model", "run", "save", "write_data"]


def __getattr__(name):
    """scikit-learn and matplotlib are imported when they are first needed."""
    if name == "GaussianMixture":
        return importlib.import_module(".estimator", __name__).GaussianMixture
    if name in ("GaussianMixtureImputer", "impute"):
        return getattr(importlib.import_module(".imputation", __name__), name)
    if name == "plot":
        return importlib.import_module(".plot", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
