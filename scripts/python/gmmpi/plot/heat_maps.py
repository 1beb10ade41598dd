"""A mixture's weights as bars, its means and covariances as heat maps."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..mixture import Mixture
from ..program import USAGE, GmmpiError
from . import inputs, style

MOST_COMPONENTS = 12  # covariance matrices that are drawn
MOST_NUMBERS = 60  # cells that get their number written in


@style.picture
def parameters(model, *, feature_names=None, title=None):
    """Draws weights (K), means (K, d) and covariances of a model in the mixture's own units; returns the Figure.

    A mean's colour is its distance from the mixture's overall mean, in its overall standard deviations; a covariance's is
    its share of the product of these deviations. So columns of any unit can be compared. Small tables have their numbers
    written in, in the units of the data. Of a Bernoulli mixture the means are drawn as probabilities. feature_names: (d);
    default: those of the model.
    """
    model = inputs.open_model(model, any_family=True)
    mixture = model.mixture
    names = list(feature_names or model.names or [f"x{j}" for j in range(mixture.n_features)])
    if len(names) != mixture.n_features:
        raise GmmpiError(f"feature_names: {len(names)} names for {style.count(mixture.n_features, 'column')}; give one each", USAGE)
    if not isinstance(mixture, Mixture):
        return draw_probabilities(model, names, title)
    centre, variances = mixture.moments()
    deviations = np.sqrt(variances)
    order = np.argsort(-mixture.weights, kind="stable")[:MOST_COMPONENTS]
    stored = mixture.layout
    matrices, matrix_titles = covariance_matrices(mixture, np.sort(order), deviations) if stored.has_columns else ([], [])
    figure, bars, means, cells = layout(mixture, max(1, len(matrices)))
    draw_bars(bars, mixture.weights, "weights", ".3f")
    z = (mixture.means - centre) / deviations
    image = draw_heat(means, z, mixture.means, np.abs(z).max(), True, None, names)
    means.set_title("means")
    means.set_ylabel("component")
    figure.colorbar(image, ax=means, pad=0.02).set_label("overall standard deviations", fontsize=9)
    if not stored.has_columns:
        draw_bars(cells[0], mixture.matrices, "variance of every column", ".3g")
    else:
        square = stored.has_matrices  # which may have negative entries
        limit = max(np.abs(scaled).max() for scaled, _ in matrices)
        for ax, (scaled, raw), text in zip(cells, matrices, matrix_titles):
            image = draw_heat(ax, scaled, raw, limit, square, names if square else None, names)
            ax.set_title(text, fontsize=10)
        figure.colorbar(image, ax=cells, pad=0.02).set_label("share of overall variance", fontsize=9)
    style.headline(figure, title if title is not None else f"{model.name}: {model.describe()}")
    left_out = mixture.n_components - len(order) if len(matrices) > 1 else 0
    style.caption(figure, f"The covariances of the {len(order)} heaviest components." if left_out else "",
                  "Numbers are in the units of the data." if mixture.means.size <= MOST_NUMBERS else "")
    return figure


def draw_probabilities(model, names, title):
    """The picture of a Bernoulli mixture."""
    mixture = model.mixture
    figure, (bars, means) = style.new_figure(9.4, 3.6, nrows=1, ncols=2, gridspec_kw={"width_ratios": [1, 1.9]})
    draw_bars(bars, mixture.weights, "weights", ".3f")
    image = draw_heat(means, mixture.means, mixture.means, 1.0, False, None, names)
    means.set_title("probability of a 1")
    means.set_ylabel("component")
    figure.colorbar(image, ax=means, pad=0.02)
    style.headline(figure, title if title is not None else f"{model.name}: {model.describe()}")
    return figure


def layout(mixture, n_matrices):
    """A figure, the axes of weights and means side by side, and those of the covariances below."""
    columns = min(n_matrices, 4 if n_matrices != 5 else 3)
    rows = -(-n_matrices // columns)
    if mixture.layout.is_shared or not mixture.layout.has_columns:
        columns = 2  # one small picture: half the width
    figure, unused = style.new_figure(9.4, 3.1 + 2.5 * rows)
    unused[0].remove()
    top, below = figure.subfigures(2, 1, height_ratios=[3.1, 2.5 * rows])
    bars, means = top.subplots(1, 2, gridspec_kw={"width_ratios": [1, 1.9]})
    cells = list(np.atleast_1d(below.subplots(rows, columns, squeeze=False)).flat)
    for extra in cells[n_matrices:]:
        extra.remove()
    return figure, bars, means, cells[:n_matrices]


def covariance_matrices(mixture, components, deviations):
    """[(matrix in overall deviations, raw matrix), ...] to draw, and their titles."""
    outer = np.outer(deviations, deviations)
    if not mixture.layout.has_matrices:
        return [(mixture.matrices / deviations**2, mixture.matrices)], ["variances"]
    if mixture.layout.is_shared:
        return [(mixture.matrices / outer, mixture.matrices)], ["covariance of all components"]
    return [(mixture.matrices[k] / outer, mixture.matrices[k]) for k in components], [f"covariance {k}" for k in components]


def draw_bars(ax, values, text, form):
    """A bar for each component, with its number in the format `form` where they are few."""
    K = len(values)
    ax.barh(np.arange(K), values, color=style.colours(K))
    ax.set_ylim(K - 0.5, -0.5)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
    ax.set_ylabel("component")
    ax.set_title(text)
    ax.set_xlim(0, 1.25 * values.max())
    ax.locator_params(axis="x", nbins=5)
    ax.grid(axis="y", visible=False)
    for k, value in enumerate(values if K <= 20 else []):
        ax.text(value, k, f" {value:{form}}", va="center", fontsize=8)


def draw_heat(ax, values, raw, limit, signed, row_names, column_names):
    """Values (rows, columns) as colours, about zero if `signed`; the raw numbers written in where they are few."""
    image = ax.imshow(values, cmap=style.DIVERGING if signed else style.SEQUENTIAL, vmin=-limit if signed else 0, vmax=limit,
                      aspect="auto", interpolation="nearest")
    ax.grid(False)
    name_ticks(ax.set_xticks, column_names, values.shape[1], turned=True)
    if row_names is None:
        ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
    else:
        name_ticks(ax.set_yticks, row_names, values.shape[0], turned=False)
    if values.size <= MOST_NUMBERS and values.shape[1] <= 6:
        digits = 3 if values.shape[1] <= 3 or values.shape[0] != values.shape[1] else 2
        for (i, j), value in np.ndenumerate(values):
            text = f"{raw[i, j]:.{digits}g}".replace("-", "\u2212")
            ax.text(j, i, text, ha="center", va="center", fontsize=7 if digits == 2 else 8,
                    color="white" if abs(value) > 0.6 * limit else style.INK)
    return image


def name_ticks(set_ticks, names, n, turned):
    """Every name where there are at most 12, else numbers of some columns."""
    if n <= 12:
        long = turned and sum(map(len, names)) > 24
        set_ticks(range(n), names, fontsize=8, rotation=30 if long else 0, ha="right" if long or not turned else "center")
    else:
        step = -(-n // 10)
        set_ticks(range(0, n, step), [str(j) for j in range(0, n, step)], fontsize=8)
