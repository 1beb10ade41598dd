"""The command line of pictures: gmmpi plot KIND ... -o FILE."""

import argparse
import os
import sys
import warnings

from .. import plot
from ..program import NO_MEMORY, USAGE, GmmpiError

COLUMNS = "columns to draw, by name or number, with commas"
ROWS = "most rows drawn; more are subsampled (default %(default)s)"
SPEC = "file.h5[:/dataset], file.npy or file.csv"


def words(text):
    return text.split(",")


def numbers(text):
    return [float(word) for word in text.split(",")]


def whole_numbers(text):
    return [int(word) for word in text.split(",")]


def height_and_width(text):
    height, width = text.lower().split("x")
    return int(height), int(width)


# What --name stands for; the keyword argument of the picture's function has the same name.
OPTIONS = {
    "azimuth": {"type": float, "metavar": "DEGREES", "default": -60, "help": "where the eye is (default %(default)s)"},
    "before": {"metavar": "MODEL", "help": "model whose posterior is the q before the E-step"},
    "colour_by": {"choices": ("responsibility", "prediction", "label"), "default": "responsibility",
                  "help": "mixed by responsibility (default; of k-means the nearest mean), most responsible component, or label"},
    "column": {"metavar": "COLUMN", "default": 0, "help": "column of the parameter, by name or number (default 0)"},
    "columns": {"metavar": "COLUMNS", "help": COLUMNS},
    "component": {"type": int, "metavar": "K", "default": 0, "help": "component of the parameter (default 0)"},
    "data": {"metavar": "DATA", "help": f"rows to draw below the ellipses: {SPEC}"},
    "dpi": {"type": int, "metavar": "N", "default": 150, "help": "pixels per inch (default %(default)s)"},
    "elevation": {"type": float, "metavar": "DEGREES", "default": 22, "help": "height of the eye (default %(default)s)"},
    "equal": {"action": "store_true", "help": "one scale for both axes, so that right angles are right"},
    "errors": {"metavar": "DATA", "help": "how well rows were measured, drawn as thin ellipses: columns of the data, or file.h5[:/dataset] "
                                          "(default /errors), file.npy or file.csv"},
    "feature_names": {"type": words, "metavar": "NAMES", "help": "names of the columns, with commas (default: the model's)"},
    "high": {"type": float, "metavar": "X", "help": "end of the sweep"},
    "images": {"metavar": "DATA", "help": f"images whose reduced coordinates are --reduced: {SPEC}"},
    "imputed": {"metavar": "DATA", "help": "the same rows without gaps, from gmmpi impute: what was missing is drawn there, as rings"},
    "iterations": {"type": whole_numbers, "metavar": "N,N,...",
                   "help": "frames to draw (default: from start to convergence)"},
    "labels": {"metavar": "LABELS", "help": "a column of the data, file.npy, or file.h5[:/dataset] (default /labels)"},
    "low": {"type": float, "metavar": "X", "help": "begin of the sweep"},
    "milliseconds": {"type": int, "metavar": "N", "default": 350, "help": "time of a frame of a GIF (default %(default)s)"},
    "most": {"type": int, "metavar": "N", "default": 100, "help": "most images drawn (default %(default)s)"},
    "names": {"type": words, "metavar": "NAMES", "help": "names of the models, with commas (default: of the files)"},
    "nearest": {"action": "store_true", "help": "below each image the one of --images nearest to it"},
    "outliers": {"type": float, "metavar": "Q", "default": 0.02, "help": "share of rows to mark (default %(default)s)"},
    "parameter": {"choices": ("mean", "weight", "variance"), "default": "mean",
                  "help": "what is swept (default %(default)s)"},
    "reduced": {"metavar": "DATA", "help": f"coordinates in which the rows are given, of the rows of --images: {SPEC}"},
    "rows": {"type": int, "metavar": "N", "default": 5000, "help": ROWS},
    "shape": {"type": height_and_width, "metavar": "HxW", "help": "height and width of an image (default: square)"},
    "share": {"type": float, "metavar": "P", "default": 0.68,
              "help": "probability that an ellipsoid holds (default %(default)s)"},
    "shares": {"type": numbers, "metavar": "P,P,...", "default": [0.68, 0.95],
               "help": "probabilities that the ellipses hold (default 0.68,0.95)"},
    "sigmas": {"type": numbers, "metavar": "R,R,...", "help": "Mahalanobis radii of the ellipses, instead of --shares"},
    "size_by": {"choices": ("certainty", "none"), "default": "certainty",
                "help": "area by the square of the largest responsibility (default), or all alike"},
    "title": {"metavar": "TEXT", "help": "title instead of the usual one"},
}
ARGUMENTS = {
    "data": {"metavar": "DATA", "help": SPEC},
    "model": {"metavar": "MODEL", "help": "model file"},
    "models": {"metavar": "MODEL", "nargs": "+", "help": "model files: one panel, curve or point each"},
    "rows": {"metavar": "ROWS", "help": f"images: {SPEC}; or a model file, whose means are drawn"},
    "truth": {"metavar": "TRUTH", "help": "model file of the true parameters"},
}
# name: (what it draws, arguments, options)
KINDS = {
    "scatter": ("points with the components' ellipses", "data models",
                "columns labels colour_by size_by shares sigmas errors imputed equal rows names"),
    "density": ("contours of the density, or curves for one column", "data models", "columns equal rows names"),
    "anomalies": ("contours of -ln p(x), the least likely rows marked", "data models", "outliers columns equal rows names"),
    "space": ("points in three dimensions with ellipsoids and their axes", "data models",
              "columns labels colour_by share azimuth elevation rows names"),
    "pairs": ("every pair of columns, and every column (corner plot)", "data model", "columns labels colour_by shares rows"),
    "history": ("what the engine improves (log-likelihood, inertia, ...), ELBO and KL over iterations; also of checkpoints", "models", "names"),
    "criteria": ("BIC, AIC and ICL over the number of components", "models", ""),
    "parameters": ("weights, means and covariances as bars and heat maps", "model", "feature_names"),
    "compare": ("true against fitted parameters", "truth models", "data columns names"),
    "bound": ("log-likelihood and lower bound as one parameter varies", "data model",
              "parameter component column low high before labels"),
    "digits": ("rows that are images, on a sheet", "rows", "shape reduced images nearest most"),
    "steps": ("a fit step by step: panels, or an animated .gif; other options are those of gmmpi fit", "data",
              "iterations labels columns rows milliseconds"),
}


# What rows come from, and the options that say how text is written: those of the program's commands.
TAKES_ROWS = {"data", "rows"}
TEXT_OPTIONS = {"header": ("WHAT", "whether the first line holds names: yes, no or auto"),
                "separator": ("MARK", "what separates the fields"), "decimal": ("MARK", ". or ,"),
                "na": ("LIST", "what else stands for a missing value")}


def from_environment(name, option):
    """The option with GMMPI_NAME as its default, as for all commands; argparse converts it as if it were given."""
    value = os.environ.get(f"GMMPI_{name.upper()}")
    return option if value is None or "action" in option else {**option, "default": value}


class Parser(argparse.ArgumentParser):
    """Complains in the program's way: one line, the way out, exit code 64."""

    def error(self, message):
        raise GmmpiError(f"{self.prog.removeprefix('gmmpi ')}: {message}; see {self.prog} --help", USAGE)


def flag(name):
    return "--" + name.replace("_", "-")


def make_parser():
    parser = Parser(prog="gmmpi plot", description="Pictures of data and models as PNG, SVG or PDF, by the output's name.",
                    epilog="gmmpi plot KIND --help shows the options of a kind. A picture that exists is drawn anew. Python: "
                    "GMMPI_PYTHON, else python3; it needs h5py and matplotlib.", allow_abbrev=False)
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True, title="kinds", parser_class=Parser)
    for name, (summary, arguments, options) in KINDS.items():
        kind = kinds.add_parser(name, help=summary, description=f"Draws {summary}.", allow_abbrev=False)
        for argument in arguments.split():
            kind.add_argument(argument, **ARGUMENTS[argument])
        kind.add_argument("-o", "--output", required=True, metavar="FILE", help="picture to write: .png, .svg or .pdf")
        for option in [*options.split(), "title", "dpi"]:
            kind.add_argument(flag(option), **from_environment(option, OPTIONS[option]))
        if TAKES_ROWS.intersection([*arguments.split(), *options.split()]):
            for option, (metavar, about) in TEXT_OPTIONS.items():
                kind.add_argument(flag(option), metavar=metavar, help=f"text tables: {about}")
    return parser


def fit_options(rest):
    """{"n_components": "4", "force": True} of ["-k", "4", "--force"]: what steps hands to gmmpi fit."""
    options, i = {}, 0
    while i < len(rest):
        name, equals, value = rest[i].partition("=")
        if not name.startswith("-"):
            raise GmmpiError(f"plot steps: unexpected argument {name}; see gmmpi plot steps --help", USAGE)
        name = "n_components" if name == "-k" else name.lstrip("-").replace("-", "_")
        i += 1
        if not equals and i < len(rest) and not rest[i].startswith("--"):
            value, i = rest[i], i + 1
        options[name] = value or True
    return options


def draw(asked, rest):
    """Draws and saves what the parsed options ask for."""
    from .style import check_format  # matplotlib: help needs none

    options = dict(vars(asked))
    for name in TEXT_OPTIONS:  # the program, which is asked how text tables are written, takes them from there
        value = options.pop(name, None)
        if value is not None:
            os.environ[f"GMMPI_{name.upper()}"] = value
    kind, path, dpi = (options.pop(name) for name in ("kind", "output", "dpi"))
    suffix = check_format(path)
    if kind != "steps":
        if rest:
            raise GmmpiError(f"plot {kind}: unrecognised arguments {' '.join(rest)}; see gmmpi plot {kind} --help", USAGE)
        plot.save_figure(getattr(plot, kind)(**options), path, dpi)
        return
    options |= fit_options(rest)
    milliseconds = options.pop("milliseconds")
    if suffix == ".gif":
        plot.animate(path, options.pop("data"), milliseconds=milliseconds, dpi=min(dpi, 100), **options)
    else:
        plot.save_figure(plot.steps(**options), path, dpi)


def main(arguments):
    """The exit code, after one line on standard error if it is not 0, and one for each warning."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: complain("warning", message)
            asked, rest = make_parser().parse_known_args(arguments)
            draw(asked, rest)
        print(f"written to {asked.output}")
        return 0
    except GmmpiError as error:
        said, code = error.said, error.exit_code
    except MemoryError:
        said, code = "plot: not enough memory: draw fewer --rows", NO_MEMORY
    complain("error", said)
    return code


def complain(kind, message):
    print(f"gmmpi: {kind}: " + str(message).replace("\n", " "), file=sys.stderr)
