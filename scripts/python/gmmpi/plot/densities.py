"""Densities of mixtures as contours, with the data; anomalies as the rows of lowest density."""

import matplotlib
import numpy as np
from matplotlib.ticker import FuncFormatter

from ..program import USAGE, GmmpiError
from . import inputs, style

GRID = 200  # points of the grid along each axis
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
    for ax, model in zip(axes, models):
        marginal = model.mixture.marginal(chosen)
        if len(chosen) == 1:
            draw_curves(ax, table, marginal, chosen)
        else:
            draw_filled(figure, ax, table, marginal, chosen)
            ax.set_aspect("equal" if equal else "auto")
    style.label_panels(axes, table.names[chosen[0]], table.names[chosen[1]] if len(chosen) == 2 else "density")
    if len(chosen) == 1:
        style.beside(style.corner(axes), axes[-1].get_legend_handles_labels()[0])
    style.name_panels(figure, axes, table.name, models, title)
    style.caption(figure, "Colour: the density p(x) of the model." if len(chosen) == 2 else "",
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
    found = []
    for ax, model in zip(axes, models):
        nll = -model.mixture.log_density(table.X)
        threshold = np.quantile(nll, 1 - outliers)
        draw_contours(figure, ax, table, model.mixture.marginal(chosen), chosen)
        draw_marked(ax, table.X[:, chosen], nll > threshold)
        ax.set_aspect("equal" if equal else "auto")
        n = int((nll > threshold).sum())
        found.append(f"{n} anomal{'y' if n == 1 else 'ies'}, \u2212ln p(x) > {style.number(threshold)}")
    style.label_panels(axes, *(table.names[j] for j in chosen))
    style.name_panels(figure, axes, table.name, models, title)
    for ax, said in zip(axes, found):
        ax.set_title(f"{ax.get_title(loc='left')}\n{said}", fontsize=None if len(axes) == 1 else 9)
    style.caption(figure, f"Contours: \u2212ln p(x). Circles: the {100 * outliers:g} % of the rows with the lowest density.",
                  marginal_note(models[0], chosen), style.subsample_note(table, len(table.X)))
    return figure


def draw_marked(ax, X, marked):
    ax.scatter(*X[~marked].T, s=8, color=style.INK, alpha=0.5, linewidths=0, rasterized=len(X) > 2000, zorder=3)
    ax.scatter(*X[marked].T, s=42, facecolors="none", edgecolors=style.ALARM, linewidths=1.6, zorder=3)


def grid_over(X, margin=0.12):
    """x, y and the (G * G, 2) points of a grid over two columns."""
    low, high = X.min(axis=0), X.max(axis=0)
    spread = np.where(high > low, high - low, 1.0)
    x, y = (np.linspace(a - margin * s, b + margin * s, GRID) for a, b, s in zip(low, high, spread))
    return x, y, np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def draw_filled(figure, ax, table, marginal, chosen):
    x, y, points = grid_over(table.X[:, chosen])
    p = np.exp(marginal.log_density(points)).reshape(GRID, GRID)
    levels = p.max() * np.linspace(0, 1, 13) ** 1.5  # closer where p is low, so that thin tails show
    palette = matplotlib.colors.LinearSegmentedColormap.from_list(
        "light", matplotlib.colormaps[style.SEQUENTIAL](np.linspace(0, DARKEST, 256)))
    filled = ax.contourf(x, y, p, levels=levels, cmap=palette)
    ax.contour(x, y, p, levels=levels[1:], colors="white", linewidths=0.4)
    figure.colorbar(filled, ax=ax, pad=0.02, ticks=levels[::3], format=FuncFormatter(lambda v, _: f"{v:.2g}"))
    ax.scatter(*table.X[:, chosen].T, s=7, color=style.INK, alpha=0.55, linewidths=0, rasterized=len(table.X) > 2000,
               zorder=3)
    ax.grid(False)


def draw_contours(figure, ax, table, marginal, chosen):
    """Lines of equal -ln p(x); evenly spaced in -ln p near the data, wider apart far away."""
    x, y, points = grid_over(table.X[:, chosen])
    nll = -marginal.log_density(points).reshape(GRID, GRID)
    low = nll.min()
    levels = low + np.geomspace(0.25, max(nll.max() - low, 1.0), 14)
    norm = matplotlib.colors.SymLogNorm(linthresh=1.0, vmin=levels[0] - low, vmax=levels[-1] - low)
    lines = ax.contour(x, y, nll - low, levels=levels - low, cmap="viridis_r", norm=norm, linewidths=1.1)
    shown = lines.levels[1::3]
    bar = figure.colorbar(lines, ax=ax, pad=0.02)
    bar.set_ticks(shown, labels=[f"{value + low:.3g}".replace("-", "\u2212") for value in shown])
    bar.minorticks_off()
    ax.grid(False)


def draw_curves(ax, table, marginal, chosen):
    values = table.X[:, chosen[0]]
    ax.hist(values, bins=int(np.clip(np.sqrt(len(values)), 10, 60)), density=True, color="#d9d9d9", edgecolor="white",
            label="data")
    spread = values.max() - values.min() or 1.0
    x = np.linspace(values.min() - 0.1 * spread, values.max() + 0.1 * spread, 4 * GRID)
    ax.plot(x, np.exp(marginal.log_density(x[:, None])), color=style.INK, linewidth=2, label="p(x)")
    parts = np.exp(marginal.log_joint(x[:, None]))
    for k, colour in enumerate(style.colours(marginal.n_components)):
        ax.plot(x, parts[:, k], color=colour, linestyle=style.LINES[1 + k // 6 % 3], linewidth=1.3,
                label=f"component {k}" if marginal.n_components <= 12 else None)


def marginal_note(model, chosen):
    d = model.mixture.n_features
    if d == len(chosen):
        return ""
    columns = f"Column {chosen[0]}" if len(chosen) == 1 else f"Columns {chosen[0]} and {chosen[1]}"
    return f"{columns} of {d}: the density is of the marginal."
