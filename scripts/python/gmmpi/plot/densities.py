"""Densities of mixtures as contours, with the data; anomalies as the rows of lowest density."""

import matplotlib
import numpy as np

from ..program import USAGE, GmmpiError
from . import inputs, style
from .points import colours_of

GRID = 200  # evenly spaced points of the grid along each axis
MARGIN = 0.12  # beside the data, as a share of their range
MOST_EXTRA = 260  # further ones, where components are too narrow for them
NARROW = 3.0  # such spacings, at least, go into the standard deviation of a component that is not
SMALL = 0.02  # of the picture: contours that enclose less are not seen
NEAR = "Colour: the density p(x). Inside the contours lie 99, 95, 90, 80, ... 10 % of the probability that is in the picture."
FAR = "Colour: ln p(x), since the components are small in this picture; levels lie closer near the peak."
SHARES = (0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)  # of the probability, inside the contours of the density
DARKEST = 0.72  # of the colour map, so that points stay visible


@style.picture
def density(data, models, *, columns=None, rows=inputs.MOST_ROWS, names=None, title=None, equal=False):
    """Draws p(x) of each model, one panel each, as filled contours under the data; returns the Figure.

    With one column (of the data, or chosen): a histogram of the data, p(x) and its components as curves. columns: one or
    two, by name or number (default: the first two); with more columns in the model p is the marginal's.
    """
    models = inputs.open_models(models, names)
    table = inputs.open_data(data, models, most_rows=rows)
    n_columns = len(columns.split(",") if isinstance(columns, str) else columns) if columns is not None else 2
    chosen = inputs.choose_columns(table, columns, min(n_columns, table.X.shape[1]))
    figure, axes = style.panels(len(models), sharex=True, sharey=True)
    palettes, meanings = colours_of(table, [model.mixture for model in models], "responsibility"), []
    limits = limits_over(table.X[:, chosen], MARGIN, equal and len(models) > 1 and len(chosen) == 2)
    for ax, model, palette in zip(axes, models, palettes):
        marginal = model.mixture.marginal(chosen)
        if len(chosen) == 1:
            draw_curves(ax, table, marginal, chosen, palette.components)
        else:
            meanings.append(draw_filled(figure, ax, table, marginal, chosen, limits))
            ax.set_aspect("equal" if equal else "auto")
    style.label_panels(axes, table.names[chosen[0]], table.names[chosen[1]] if len(chosen) == 2 else "density")
    if len(chosen) == 1:
        style.beside(style.corner(axes), axes[-1].get_legend_handles_labels()[0])
    style.name_panels(figure, axes, table, models, title)
    style.caption(figure, *dict.fromkeys(meanings),
                  marginal_note(models[0], chosen), style.subsample_note(table, len(table.X)))
    return figure


@style.picture
def anomalies(data, models, *, outliers=0.02, columns=None, rows=inputs.MOST_ROWS, names=None, title=None, equal=False):
    """Draws contours of the negative log-likelihood -ln p(x) with the least likely rows marked; returns the Figure.

    outliers: the share of rows that counts as anomalous, judged by all columns of the model. Rows are drawn as in density.
    """
    if not 0 <= outliers < 1:
        raise GmmpiError(f"outliers {outliers:g}: must be at least 0 and below 1; write 0.02 for 2 %", USAGE)
    models = inputs.open_models(models, names)
    table = inputs.open_data(data, models, most_rows=rows)
    chosen = inputs.choose_columns(table, columns, 2)
    figure, axes = style.panels(len(models), sharex=True, sharey=True)
    found, limits = [], limits_over(table.X[:, chosen], MARGIN, equal and len(models) > 1)
    for ax, model in zip(axes, models):
        nll = -model.mixture.log_density(table.X)
        threshold = np.quantile(nll, 1 - outliers)
        draw_contours(figure, ax, model.mixture.marginal(chosen), limits)
        draw_marked(ax, table.X[:, chosen], nll > threshold)
        ax.set_aspect("equal" if equal else "auto")
        n = int((nll > threshold).sum())
        found.append(f"{n} anomal{'y' if n == 1 else 'ies'}, \u2212ln p(x) > {style.number(threshold)}")
    style.label_panels(axes, *(table.names[j] for j in chosen))
    style.name_panels(figure, axes, table, models, title)
    for ax, said in zip(axes, found):
        ax.set_title(f"{ax.get_title(loc='left')}\n{said}", fontsize=None if len(axes) == 1 else 9)
    style.caption(figure, f"Contours: \u2212ln p(x). Circles: the {100 * outliers:g} % of the rows with the lowest density.",
                  marginal_note(models[0], chosen), style.subsample_note(table, len(table.X)))
    return figure


def draw_marked(ax, X, marked):
    ax.scatter(*X[~marked].T, s=8, color=style.INK, alpha=0.5, linewidths=0, rasterized=len(X) > 2000, zorder=3)
    ax.scatter(*X[marked].T, s=42, facecolors="none", edgecolors=style.ALARM, linewidths=1.6, zorder=3)


def limits_over(X, margin, for_panels=False):
    """Limits (c, 2) of the columns of X (n, c) with a margin; for_panels: of two columns, to one scale."""
    low, high = X.min(axis=0), X.max(axis=0)
    spread = np.where(high > low, high - low, 1.0)
    limits = np.column_stack([low - margin * spread, high + margin * spread])
    return style.widened(limits) if for_panels else limits


def grid_along(begin, end, n, means, deviations, weights):
    """Points of one axis: n evenly spaced ones, and some across each component too narrow for them.

    At most MOST_EXTRA of the latter, across the heaviest.
    """
    even = np.linspace(begin, end, n)
    narrow = np.flatnonzero((deviations < NARROW * (even[1] - even[0])) & (means > begin) & (means < end))
    across = np.linspace(-6, 6, int(np.clip(MOST_EXTRA // max(len(narrow), 1), 6, 48)) // 2 * 2 + 1)
    kept = narrow[np.argsort(-weights[narrow], kind="stable")][: MOST_EXTRA // len(across) + 1]
    extra = (means[kept, None] + deviations[kept, None] * across).ravel()
    return np.unique(np.concatenate([even, extra[(extra > begin) & (extra < end)]]))


def grid_over(limits, marginal):
    """x (G), y (H) and the (G * H, 2) points of a grid over two columns, finer where components are narrow."""
    deviations = np.sqrt(np.einsum("kjj->kj", marginal.matrices))
    x, y = (grid_along(*limits[j], GRID, marginal.means[:, j], deviations[:, j], marginal.weights) for j in range(2))
    return x, y, np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def levels_of(log_p, x, y):
    """ln p of the contours, ascending, and what they are: those that hold SHARES of the probability in the grid.

    Where these would enclose too little of the picture to be seen, they are evenly spaced in ln(peak - ln p) instead.
    """
    areas = np.outer(np.gradient(y), np.gradient(x))
    order = np.argsort(-log_p, axis=None)
    values, areas = log_p.ravel()[order], areas.ravel()[order]
    held = np.cumsum(np.exp(values - values[0]) * areas)
    ends = np.searchsorted(held, np.array(SHARES) * held[-1]).clip(max=len(values) - 1)
    if areas[: ends[0] + 1].sum() < SMALL * areas.sum():
        return values[0] - np.geomspace(max(values[0] - values[-1], 1.0), 0.25, len(SHARES) + 1)[1:], FAR
    return np.unique(values[ends]), NEAR


def draw_filled(figure, ax, table, marginal, chosen, limits):
    """Returns what the contours are, for the caption."""
    x, y, points = grid_over(limits, marginal)
    log_p = marginal.log_density(points).reshape(len(y), len(x))
    inner, meaning = levels_of(log_p, x, y)
    levels = np.unique([log_p.min(), *inner, log_p.max()])
    ax.scatter(*table.X[:, chosen].T, s=7, color=style.INK, alpha=0.55, linewidths=0, rasterized=len(table.X) > 2000,
               zorder=3)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.grid(False)
    if len(levels) > 1:
        shades = matplotlib.colormaps[style.SEQUENTIAL](np.linspace(0, DARKEST, len(levels) - 1))
        filled = ax.contourf(x, y, log_p, levels=levels, colors=shades)
        ax.contour(x, y, log_p, levels=levels[1:-1], colors="white", linewidths=0.4)
        bar = figure.colorbar(filled, ax=ax, pad=0.02)
        shown = levels[:0:-3]  # but never the least, which is only the picture's edge
        bar.set_ticks(shown, labels=[density_text(level, meaning is FAR) for level in shown])
    return meaning


def density_text(log_p, as_logarithm):
    """"0.031", or ln p where p may be no double."""
    return f"{log_p if as_logarithm else np.exp(log_p):.3g}".replace("-", "\u2212")


def draw_contours(figure, ax, marginal, limits):
    """Lines of equal -ln p(x); evenly spaced in -ln p near the data, wider apart far away."""
    x, y, points = grid_over(limits, marginal)
    nll = -marginal.log_density(points).reshape(len(y), len(x))
    ax.grid(False)
    low = nll.min()
    if nll.max() == low:
        return  # the same everywhere: nothing to draw
    levels = low + np.geomspace(min(0.25, 0.5 * np.ptp(nll)), np.ptp(nll), 14)
    norm = matplotlib.colors.SymLogNorm(linthresh=1.0, vmin=levels[0] - low, vmax=levels[-1] - low)
    lines = ax.contour(x, y, nll - low, levels=levels - low, cmap="viridis_r", norm=norm, linewidths=1.1)
    shown = lines.levels[1::3]
    bar = figure.colorbar(lines, ax=ax, pad=0.02)
    bar.set_ticks(shown, labels=[f"{value + low:.3g}".replace("-", "\u2212") for value in shown])
    bar.minorticks_off()


def draw_curves(ax, table, marginal, chosen, colours):
    values = table.X[:, chosen[0]]
    ax.hist(values, bins=int(np.clip(np.sqrt(len(values)), 10, 60)), density=True, color="#d9d9d9", edgecolor="white",
            label="data")
    deviations = np.sqrt(marginal.matrices[:, 0, 0])
    x = grid_along(*limits_over(values[:, None], 0.1)[0], 4 * GRID, marginal.means[:, 0], deviations, marginal.weights)
    ax.plot(x, np.exp(marginal.log_density(x[:, None])), color=style.INK, linewidth=2, label="p(x)")
    parts = np.exp(marginal.log_joint(x[:, None]))
    for k, colour in enumerate(colours):
        ax.plot(x, parts[:, k], color=colour, linestyle=style.LINES[1 + k // 6 % 3], linewidth=1.3,
                label=f"component {k}" if marginal.n_components <= 12 else None)


def marginal_note(model, chosen):
    d = model.mixture.n_features
    if d == len(chosen):
        return ""
    columns = f"Column {chosen[0]}" if len(chosen) == 1 else f"Columns {chosen[0]} and {chosen[1]}"
    return f"{columns} of {d}: the density is of the marginal."
