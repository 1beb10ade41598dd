"""Pictures of data and mixtures: each function takes arrays, scikit-learn models or paths and returns a Figure.

    figure = gmmpi.plot.scatter(X, model)
    gmmpi.plot.save_figure(figure, "m.png")      # or figure.savefig("m.png")

On the command line: gmmpi plot KIND ... -o m.png, or python3 -m gmmpi.plot KIND ... -o m.png.
"""

import importlib

MODULES = {"anomalies": "densities", "animate": "frames", "bound": "lower_bound", "compare": "recovery", "criteria": "curves",
           "density": "densities", "digits": "sheets", "history": "curves", "pairs": "corner", "parameters": "heat_maps",
           "save_figure": "style", "scatter": "points", "space": "ellipsoids", "steps": "frames"}
__all__ = list(MODULES)


def __getattr__(name):
    """matplotlib is imported when the first picture is drawn."""
    if name in MODULES:
        return getattr(importlib.import_module(f".{MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
