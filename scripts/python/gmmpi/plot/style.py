"""What all pictures share: colours, figures, captions, legends, and saving."""

import functools
import math
import os
import textwrap

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation

from ..program import CANNOT_CREATE, NO_PERMISSION, USAGE, GmmpiError

# Okabe and Ito's colours, which colour-blind readers tell apart, without black and yellow.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
INK, FAINT, ALARM = "#333333", "#767676", "#D55E00"
NOISE = "#999999"
MARKERS = "os^Dv<>ph*"
LINES = ("-", "--", ":", "-.")
MOST_PIXELS = 2**16
SEQUENTIAL, DIVERGING = "Blues", "RdBu_r"
PANEL_SHAPE = 1.35  # width over height of the axes of a panel among others
FORMATS = (".png", ".svg", ".pdf")
LOOK = {
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": "#999999", "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "axes.grid": True,
    "grid.color": "#e8e8e8", "grid.linewidth": 0.7, "axes.titlelocation": "left", "axes.titlesize": 11,
    "figure.facecolor": "white", "axes.facecolor": "white", "savefig.facecolor": "white", "legend.frameon": False,
    "legend.fontsize": 9, "svg.hashsalt": "gmmpi", "pdf.fonttype": 42, "font.size": 10,
    "text.parse_math": False,  # names are drawn as they are, dollar signs and all
}
SUPERSCRIPTS = str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")


def picture(function):
    """Decorator: what the function draws has gmmpi's look, whatever the caller's settings."""
    @functools.wraps(function)
    def drawn(*arguments, **options):
        with matplotlib.rc_context({**matplotlib.rcParamsDefault, **LOOK, "backend": matplotlib.get_backend()}):
            return function(*arguments, **options)
    return drawn


def colours(K):
    """(K, 3) in [0, 1]: Okabe and Ito's, or evenly spaced ones of viridis where they do not suffice."""
    if K <= len(OKABE_ITO):
        return np.array([matplotlib.colors.to_rgb(c) for c in OKABE_ITO[:K]])
    return matplotlib.colormaps["viridis"](np.linspace(0, 0.92, K))[:, :3]


def number(value):
    """-1234.5 with a true minus sign and separated thousands."""
    return f"{value:,.2f}".replace("-", "\u2212")


class Powers(LogFormatterSciNotation):
    """The ticks of a logarithmic axis without TeX, which LOOK turns off: 10\u207b\u00b2."""

    def __call__(self, x, pos=None):
        if not super().__call__(x, pos):
            return ""  # a minor tick that has no label
        mantissa, exponent = f"{x:.0e}".split("e")
        power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
        return power if mantissa == "1" else f"{mantissa}\u00d7{power}"


def log_y(ax):
    """Makes the vertical axis logarithmic."""
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(Powers())
    ax.yaxis.set_minor_formatter(Powers(labelOnlyBase=False, minor_thresholds=(1, 0.4)))


def count(n, noun):
    return f"{n:,} {noun}" + ("" if n == 1 else "es" if noun.endswith("s") else "s")


def new_figure(width, height, **subplots):
    """A Figure that no window knows, and its axes as a flat list. subplots: as in Figure.subplots."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    subplots = {"squeeze": False, **subplots}
    return figure, list(figure.subplots(**subplots).flat)


def panels(n, legend=True, scale=1.0, height=2.75, **subplots):
    """A figure of n equal panels in rows; one panel alone is large. `legend`: leave room beside them. `scale`: of panels."""
    columns = n if n <= 3 else math.ceil(math.sqrt(n))
    rows = -(-n // columns)
    if n == 1:
        figure, axes = new_figure(8.4, 5.2, **subplots)
    else:
        width, height = scale * {2: 3.6, 3: 3.2}.get(columns, 2.8), scale * height
        figure, axes = new_figure(width * columns + (2.0 if legend else 0.4), height * rows + 0.9, nrows=rows, ncols=columns,
                                  **subplots)
    for unused in axes[n:]:
        unused.remove()
    return figure, axes[:n]


def to_one_scale(axes):
    """One scale for both axes of each panel. Several panels, which share their limits, get ones of the shape of a panel."""
    if len(axes) == 1:
        axes[0].set_aspect("equal", adjustable="datalim")
        return
    x, y = widened(np.array([axes[0].get_xlim(), axes[0].get_ylim()]))
    axes[0].set_xlim(*x)
    axes[0].set_ylim(*y)
    for ax in axes:
        ax.set_aspect("equal", adjustable="box")


def widened(limits):
    """Limits (2, 2) of x and y, one of them widened to the shape of a panel among others."""
    middle, spread = limits.mean(axis=1), np.ptp(limits, axis=1)
    spread = np.maximum(spread, spread[::-1] * [PANEL_SHAPE, 1 / PANEL_SHAPE])
    return np.column_stack([middle - spread / 2, middle + spread / 2])


def label_panels(axes, x_label, y_label):
    """Axis labels at the left and below only: below where no further panel follows."""
    columns = axes[0].get_subplotspec().get_gridspec().ncols
    for i, ax in enumerate(axes):
        if i + columns >= len(axes):
            ax.set_xlabel(x_label)
            ax.tick_params(labelbottom=True)
        if i % columns == 0:
            ax.set_ylabel(y_label)


def corner(axes):
    """The panel at the right end of the first row, beside which the legend of all goes."""
    return max(axes, key=lambda ax: (-ax.get_subplotspec().rowspan.start, ax.get_subplotspec().colspan.start))


def name_panels(figure, axes, table, models, title=None):
    """One model: its title above the panel. Several: a title for all, and each model's above its panel."""
    if len(models) == 1:
        axes[0].set_title(title if title is not None else f"{table.name}: {summary(models[0], table)}")
        return
    headline(figure, title if title is not None else table.name)
    for ax, model in zip(axes, models):
        ax.set_title(f"{model.name}\n{summary(model, table, ('bic',))}", fontsize=9)


def summary(model, table, keys=("log_likelihood", "bic")):
    """"2 components, full covariance", and on a second line those of the numbers that the file has: of what was fitted."""
    labels = {"log_likelihood": "log-likelihood", "bic": "BIC"}
    attributes = model.file.attributes
    numbers = ", ".join(f"{labels[key]} {number(attributes[key])}" for key in keys if key in attributes)
    if not numbers:
        return model.describe()
    if was_fitted_to(model, table):
        return f"{model.describe()}\n{numbers}"
    rows = count(int(attributes.get("n_samples", 0)), "row")
    if len(keys) == 1:
        return f"{model.describe()}\n{numbers} (of {rows} fitted)"
    path = model.file.options.get("data", "")
    fitted = os.path.splitext(os.path.basename(path))[0] or "other data"
    return f"{model.describe()}\nfitted to {fitted}, {rows}: {numbers}"


def was_fitted_to(model, table):
    """Whether the numbers of the model's file are those of the rows shown: all rows are there, and their log density tells."""
    expected, mixture = model.file.attributes.get("log_likelihood"), model.mixture
    if expected is None or len(table.X) != table.n_rows or table.X.shape[1] != mixture.n_features:
        return False
    return bool(np.isclose(table.log_density(mixture).sum(), expected, rtol=1e-9, atol=1e-6))


def headline(figure, title):
    """The title of a figure of several panels, on the left."""
    if title:
        figure.suptitle(title, x=0.012, ha="left", fontsize=12)


def caption(figure, *sentences):
    """Small print below everything; empty sentences are left out."""
    text = " ".join(sentence for sentence in sentences if sentence)
    if text:
        characters = int(figure.get_figwidth() * 15.5)
        figure.supxlabel(textwrap.fill(text, characters), x=0.012, ha="left", fontsize=8, color=FAINT)


def beside(axes, handles, **more):
    """A legend to the right of the axes; many entries get several columns."""
    return axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0.0,
                       ncols=1 + (len(handles) - 1) // 16, **more)


def subsample_note(table, drawn):
    """What the caption says of rows that are not drawn."""
    missing = f"{count(table.n_missing, 'row')} without a finite number in each column left out." if table.n_missing else ""
    drawn += table.n_missing
    return " ".join(filter(None, [f"{drawn:,} of {table.n_rows:,} rows, drawn at random." if drawn < table.n_rows else "", missing]))


def check_format(path):
    """Raises GmmpiError 64 unless the name says PNG, SVG, PDF (or GIF)."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in (*FORMATS, ".gif"):
        raise GmmpiError(f"{path}: pictures are .png, .svg or .pdf, animations .gif: choose such a name", USAGE)
    return suffix


def write(path, save):
    """save(temporary name), then renamed, so that no half picture is ever there. Raises GmmpiError 73 or 77."""
    root, suffix = os.path.splitext(path)
    own = f"{root}.{os.getpid()}{suffix}"
    try:
        save(own)
        os.replace(own, path)
    except PermissionError as error:
        raise GmmpiError(f"{path}: no permission to write there; choose another place", NO_PERMISSION) from error
    except OSError as error:
        raise GmmpiError(f"{path}: cannot be written ({error.strerror}); choose another place", CANNOT_CREATE) from error
    finally:
        if os.path.exists(own):
            os.remove(own)


def save_figure(figure, path, dpi=150):
    """Writes PNG, SVG or PDF by the name; without dates, so equal pictures are equal files."""
    suffix = check_format(path)
    if suffix not in FORMATS:
        raise GmmpiError(f"{path}: only steps can be a GIF: choose .png, .svg or .pdf", USAGE)
    if not 0 < dpi * max(figure.get_size_inches()) < MOST_PIXELS:
        raise GmmpiError(f"dpi {dpi}: the picture would have no pixels, or more than {MOST_PIXELS - 1} in a row; choose 50 to 600",
                         USAGE)
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": "gmmpi"}}[suffix]
    with matplotlib.rc_context(LOOK):
        write(path, lambda own: figure.savefig(own, dpi=dpi, metadata=metadata))
