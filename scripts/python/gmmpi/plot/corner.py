"""Corner plots: every pair of columns as points with ellipses, every column as a histogram with the mixture's curve."""

import numpy as np

from . import inputs, points, style
from .densities import draw_curves

MOST_COLUMNS = 6  # that are drawn without being asked for


@style.picture
def pairs(data, model, *, labels=None, columns=None, colour_by="responsibility", shares=points.SHARES, rows=2000, title=None):
    """Draws one panel for each pair of columns below the diagonal and one for each column on it; returns the Figure.

    columns: names or numbers (default: the first 6). Ellipses and curves are of the model's marginals.
    """
    model = inputs.open_model(model)
    table = inputs.open_data(data, [model], labels, rows)
    n = len(columns.split(",") if isinstance(columns, str) else columns) if columns is not None else MOST_COLUMNS
    chosen = inputs.choose_columns(table, columns, min(n, table.X.shape[1]))
    points.check_colour_by(colour_by, table)
    c, contours = len(chosen), points.contour_radii(shares, None)
    side = max(1.75, 5.0 / c) * c + 0.6
    figure, axes = style.new_figure(side + (0.8 if c < 4 else 0), side, nrows=c, ncols=c, sharex="col")
    axes = np.reshape(axes, (c, c))
    (palette,) = points.colours_of(table, [model.mixture], colour_by)
    for i in range(c):
        for j in range(c):
            draw_cell(axes[i, j], table, model.mixture, chosen[i], chosen[j], i, j, colour_by, contours, palette)
    for i in range(c):
        axes[-1, i].set_xlabel(table.names[chosen[i]])
        if i:
            axes[i, 0].set_ylabel(table.names[chosen[i]])
    figure.align_labels()
    figure.legend(handles=points.legend_entries(model.mixture, contours, table, colour_by, palette), loc="upper right",
                  bbox_to_anchor=(0.99, 0.9))
    style.headline(figure, title if title is not None else f"{table.name}: {model.describe()}")
    d = model.mixture.n_features
    style.caption(figure, f"{c} of {d} columns." if c < d else "", style.subsample_note(table, len(table.X)))
    return figure


def draw_cell(ax, table, mixture, row, column, i, j, colour_by, contours, palette):
    """Row i, column j of the corner: nothing above the diagonal."""
    if j > i:
        ax.remove()
    elif i == j:
        draw_curves(ax, table, mixture.marginal([column]), [column], palette.components)
        ax.set_yticks([])
    else:
        points.draw_points(ax, table, mixture, [column, row], colour_by, "none", palette, scale=0.6)
        points.draw_ellipses(ax, mixture, [column, row], contours, palette.components, marks=False)
        ax.margins(0.05)
        ax.autoscale_view()
    outer = j == 0 and i > 0
    ax.tick_params(labelsize=8, left=outer, labelleft=outer, labelbottom=True)
    ax.locator_params(nbins=4, axis="x")
