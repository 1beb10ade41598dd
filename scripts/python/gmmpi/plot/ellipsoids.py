"""Points in three columns with the ellipsoids of a mixture's components and their principal axes."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from . import geometry, inputs, points, style

MOST_UNEQUAL = 5.0  # ratio of the columns' ranges up to which all are drawn to one scale


@style.picture
def space(data, models, *, labels=None, columns=None, share=0.68, colour_by="responsibility", azimuth=-60, elevation=22,
          rows=inputs.MOST_ROWS, names=None, title=None):
    """Draws data (N, d) in three columns and one panel per model, with ellipsoids and their axes; returns the Figure.

    share: probability that an ellipsoid holds (chi-square with 3 degrees of freedom). Lines through the means are the
    principal axes, from end to end of the ellipsoid. columns, labels, colour_by, rows as in scatter; azimuth and
    elevation of the eye in degrees. Columns of comparable range are drawn to one scale, so that right angles are right.
    """
    models = inputs.open_models(models, names, noise=True)
    table = inputs.open_data(data, models, labels, rows)
    chosen = inputs.choose_columns(table, columns, 3)
    points.check_colour_by(colour_by, table)
    r = geometry.radius(share, 3)
    figure, axes = style.panels(len(models), scale=1.35, subplot_kw={"projection": "3d"})
    for ax, model in zip(axes, models):
        points.draw_points(ax, table, model.mixture, chosen, colour_by, "none")
        draw_ellipsoids(ax, model.mixture, chosen, r)
        for j, axis in zip(chosen, (ax.xaxis, ax.yaxis, ax.zaxis)):
            axis.set_label_text(table.names[j])
            axis.set_pane_color("#fafafa")
            axis.set_major_locator(MaxNLocator(4))
        ax.tick_params(labelsize=8)
        equal = to_scale(ax)
        ax.view_init(elev=elevation, azim=azimuth)
    entries = points.legend_entries(models[0].mixture if len(models) == 1 else None, [], table, colour_by)
    entries.append(Line2D([], [], color=style.INK, linewidth=1, label="principal axis"))
    style.beside(style.corner(axes), entries)
    style.name_panels(figure, axes, table.name, models, title)
    style.caption(figure, f"Ellipsoids hold {100 * share:g} % of a component.",
                  "" if equal else "The columns have different scales, so axes do not look perpendicular.",
                  marginal_note(models[0], chosen), style.subsample_note(table, len(table.X)))
    return figure


def draw_ellipsoids(ax, mixture, chosen, r):
    covariances = mixture.dense_covariances(chosen)
    for mean, covariance, colour in zip(mixture.means[:, chosen], covariances, style.colours(mixture.n_components)):
        surface = geometry.ellipsoid_surface(mean, covariance, r)
        ax.plot_surface(*surface, color=colour, alpha=0.13, linewidth=0, shade=False)
        ax.plot_wireframe(*surface, color=colour, alpha=0.25, linewidth=0.4, rstride=4, cstride=4)
        deviations, vectors = geometry.axes_of(covariance)
        for deviation, direction in zip(deviations, vectors.T):
            ends = np.stack([mean - r * deviation * direction, mean + r * deviation * direction])
            ax.plot(*ends.T, color=colour, linewidth=1.8)


def to_scale(ax):
    """True, and the box drawn to scale, if the axes' ranges are comparable."""
    ranges = np.array([np.ptp(limits) for limits in (ax.get_xlim3d(), ax.get_ylim3d(), ax.get_zlim3d())])
    equal = ranges.max() <= MOST_UNEQUAL * ranges.min()
    aspect = ranges / ranges.max() if equal else np.ones(3)
    # matplotlib scales the box to one diagonal: a long side would stick out of the picture.
    ax.set_box_aspect(aspect, zoom=min(1.0, 1.02 * np.linalg.norm(aspect) / np.sqrt(3)))
    return equal


def marginal_note(model, chosen):
    d = model.mixture.n_features
    return f"Columns {', '.join(map(str, chosen))} of {d}: the ellipsoids are of the marginal." if d > 3 else ""
