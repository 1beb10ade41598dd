"""Points in three columns with the ellipsoids of a mixture's components and their principal axes."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import proj3d

from . import geometry, inputs, points, style

BOX = 0.76  # of the panel's side: the rest is for numbers and names
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
    figure, axes = style.panels(len(models), scale=1.35, height=3.2, subplot_kw={"projection": "3d"})
    palettes = points.colours_of(table, [model.mixture for model in models], colour_by)
    for ax, model, palette in zip(axes, models, palettes):
        points.draw_points(ax, table, model.mixture, chosen, colour_by, "none", palette)
        draw_ellipsoids(ax, model.mixture, chosen, r, palette.components)
        for j, axis in zip(chosen, (ax.xaxis, ax.yaxis, ax.zaxis)):
            axis.set_label_text(table.names[j])
            axis.set_pane_color("#fafafa")
            axis.set_major_locator(MaxNLocator(4))
        ax.tick_params(labelsize=8)
        equal = to_scale(ax, azimuth, elevation)
    entries = points.legend_entries(models[0].mixture if len(models) == 1 else None, [], table, colour_by, palettes[0])
    entries.append(Line2D([], [], color=style.INK, linewidth=1, label="principal axis"))
    style.beside(style.corner(axes), entries)
    style.name_panels(figure, axes, table, models, title)
    style.caption(figure, f"Ellipsoids hold {100 * share:g} % of a component.", points.colour_note(models, colour_by),
                  "" if equal else "The columns have different scales, so axes do not look perpendicular.",
                  marginal_note(models[0], chosen), style.subsample_note(table, len(table.X)))
    return figure


def draw_ellipsoids(ax, mixture, chosen, r, colours):
    covariances = mixture.dense_covariances(chosen)
    for mean, covariance, colour in zip(mixture.means[:, chosen], covariances, colours):
        surface = geometry.ellipsoid_surface(mean, covariance, r)
        ax.plot_surface(*surface, color=colour, alpha=0.13, linewidth=0, shade=False)
        ax.plot_wireframe(*surface, color=colour, alpha=0.25, linewidth=0.4, rstride=4, cstride=4)
        deviations, vectors = geometry.axes_of(covariance)
        for deviation, direction in zip(deviations, vectors.T):
            ends = np.stack([mean - r * deviation * direction, mean + r * deviation * direction])
            ax.plot(*ends.T, color=colour, linewidth=1.8)


def to_scale(ax, azimuth, elevation):
    """Turns the axes, and draws the box as large as the panel lets it. True if the axes' ranges are comparable, and to scale."""
    ranges = np.array([np.ptp(limits) for limits in (ax.get_xlim3d(), ax.get_ylim3d(), ax.get_zlim3d())])
    equal = ranges.max() <= MOST_UNEQUAL * ranges.min()
    aspect = ranges / ranges.max() if equal else np.ones(3)
    ax.view_init(elev=elevation, azim=azimuth)
    ax.set_box_aspect(aspect)
    corners = np.array(np.meshgrid(ax.get_xlim3d(), ax.get_ylim3d(), ax.get_zlim3d())).reshape(3, -1)
    x, y, _ = proj3d.proj_transform(*corners, ax.get_proj())
    seen = np.ptp(ax.transLimits.transform(np.column_stack([x, y])), axis=0)  # as shares of the panel's square
    ax.set_box_aspect(aspect, zoom=BOX / seen.max())
    return equal


def marginal_note(model, chosen):
    d = model.mixture.n_features
    return f"Columns {', '.join(map(str, chosen))} of {d}: the ellipsoids are of the marginal." if d > 3 else ""
