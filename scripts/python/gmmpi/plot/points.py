"""Points in two columns with the ellipses of a mixture's components."""

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse

from ..program import USAGE, GmmpiError
from . import geometry, inputs, style
from .imputed import imputed_entries, mark_imputed, open_imputed
from .noisy import errors_entry, errors_note, mark_errors, open_noisy

SHARES = (0.68, 0.95)
COLOUR_BY = ("responsibility", "prediction", "label")
MOST_NAMED = 6  # components that the legend lists, more are numbered at their means; labels that have shapes


@style.picture
def scatter(data, models, *, labels=None, columns=None, colour_by="responsibility", size_by="certainty", shares=SHARES,
            sigmas=None, rows=inputs.MOST_ROWS, names=None, title=None, equal=False, imputed=None, errors=None):
    """Draws data (N, d) and one panel per model, with ellipses; returns the matplotlib Figure.

    columns: two, by name or number (default: the first two); ellipses of more columns are marginals.
    colour_by: responsibility (the components' colours mixed), prediction (most responsible component) or label.
    size_by: certainty (area by the square of the largest responsibility) or none. Labels, where given, are marker shapes
    unless they are the colours. shares: probabilities that the ellipses hold (chi-square with 2 degrees of freedom);
    sigmas: Mahalanobis radii instead. At most `rows` points are drawn. imputed: the same rows without gaps, as gmmpi impute wrote them;
    rows that lack a value in data are drawn there, as rings, with a bar of one standard deviation where the file has these. errors:
    how well rows were measured, as in gmmpi.fit: thin ellipses of one standard deviation, of at most noisy.MOST_ELLIPSES rows.
    """
    models = inputs.open_models(models, names, noise=True)
    table = open_rows(data, models, labels, rows, imputed, errors)
    chosen = inputs.choose_columns(table, columns, 2)
    check_colour_by(colour_by, table)
    contours = contour_radii(shares, sigmas)
    figure, axes = style.panels(len(models), sharex=True, sharey=True)
    palettes = colours_of(table, [model.mixture for model in models], colour_by)
    for ax, model, palette in zip(axes, models, palettes):
        draw_points(ax, table, model.mixture, chosen, colour_by, size_by, palette)
        if imputed is not None:
            mark_imputed(ax, table, chosen)
        if errors is not None:
            mark_errors(ax, table, chosen)
        draw_ellipses(ax, model.mixture, chosen, contours, palette.components)
        ax.margins(0.04)
        ax.autoscale_view()
    if equal:
        style.to_one_scale(axes)
    style.label_panels(axes, *(table.names[j] for j in chosen))
    style.name_panels(figure, axes, table, models, title)
    entries = legend_entries(models[0].mixture if len(models) == 1 else None, contours, table, colour_by, palettes[0])
    entries += imputed_entries(table) if imputed is not None else [errors_entry()] if errors is not None else []
    style.beside(style.corner(axes), entries)
    soft = any(model.mixture.nearest is None for model in models)
    style.caption(figure, marginal_note(models[0], table, chosen), style.subsample_note(table, len(table.X)),
                  errors_note(table) if errors is not None else "",
                  colour_note(models, colour_by),
                  "A point's area is the square of its largest responsibility." if size_by == "certainty" and soft else "")
    return figure


def open_rows(data, models, labels, rows, imputed, errors):
    """The Shown of what is drawn."""
    if imputed is not None and errors is not None:
        raise GmmpiError("errors, imputed: give one of them", USAGE)
    if imputed is not None:
        return open_imputed(data, imputed, models, labels, rows)
    return inputs.open_data(data, models, labels, rows) if errors is None else open_noisy(data, errors, models, labels, rows)


def colour_note(models, colour_by):
    """What the caption says of colours."""
    if colour_by == "label":
        return "Components have the colours of the labels that most of their rows have."
    if colour_by == "prediction":
        return ""
    hard = [model.mixture.nearest is not None for model in models]
    soft = "" if all(hard) else "Colours are mixed by responsibility."
    return " ".join(filter(None, [soft, "Rows of a k-means model have the colour of the nearest mean." if any(hard) else ""]))


def check_colour_by(colour_by, table):
    if colour_by not in COLOUR_BY:
        raise GmmpiError(f"colour by {colour_by}: unknown; choose one of {', '.join(COLOUR_BY)}", USAGE)
    if colour_by == "label" and table.labels is None:
        raise GmmpiError(f"colour by label: {table.name} has no labels; give them with labels", USAGE)


def contour_radii(shares, sigmas):
    """[(radius, label of the legend), ...]"""
    if sigmas is not None:
        return [(float(s), f"{s:g} standard deviation" + ("" if s == 1 else "s")) for s in sigmas]
    for share in shares:
        if not 0 < share < 1:
            raise GmmpiError(f"shares: {share:g} is not between 0 and 1; write 0.95 for 95 %", USAGE)
    return [(geometry.radius(share, 2), f"holds {100 * share:g} % of a component") for share in shares]


@dataclass(frozen=True)
class Colours:
    """RGB of a mixture's components (K, 3), and of the labels (L, 3) where these are the colours."""

    components: np.ndarray
    labels: np.ndarray = None


def colours_of(table, mixtures, colour_by):
    """The Colours of each mixture: what holds the same rows has the same colour, in all panels.

    Where the rows' colours are those of the labels, components take these; else those of the first mixture's components.
    """
    by_label = colour_by == "label"
    if len(mixtures) == 1 and not by_label:
        return [Colours(style.colours(mixtures[0].n_components))]
    groups = np.unique(table.labels, return_inverse=True)[1] if by_label else mixtures[0].labels(table.X)
    n_groups = groups.max() + 1 if by_label else mixtures[0].n_components
    n = max(n_groups, *(m.n_components for m in mixtures))
    shades = style.colours(n)
    own = np.arange(n_groups) if n <= len(style.OKABE_ITO) else np.rint(np.linspace(0, n - 1, n_groups)).astype(int)
    found = []
    for mixture in mixtures:
        components = mixture.labels(table.X)
        kept = (components >= 0) & (groups >= 0)  # the others are noise
        partners = most_common(components[kept], groups[kept], mixture.n_components, n_groups)
        taken = [own[g] for g in partners if g >= 0]
        free = iter([shade for shade in range(n) if shade not in taken])
        components = shades[[own[g] if g >= 0 else next(free) for g in partners]]
        found.append(Colours(components, shades[own] if by_label else None))
    return found


def most_common(components, groups, n_components, n_groups):
    """For each component the group that it shares most rows with, each group once, or -1; (n_components)."""
    counts = np.zeros((n_components, n_groups))
    np.add.at(counts, (components, groups), 1)
    partners = np.full(n_components, -1)
    while counts.max() > 0:
        k, g = np.unravel_index(counts.argmax(), counts.shape)
        partners[k] = g
        counts[k, :] = counts[:, g] = 0
    return partners


def draw_points(ax, table, mixture, chosen, colour_by, size_by, colours, scale=1.0):
    """Points in the chosen columns (two, or three on 3-D axes); `scale` multiplies their areas."""
    resp = table.responsibilities(mixture)
    palette = colours.components
    if mixture.noise is not None:
        resp = np.column_stack([resp, np.clip(1 - resp.sum(axis=1), 0, 1)])
        palette = np.vstack([palette, to_rgb(style.NOISE)])
    if colour_by == "responsibility":
        rgb = np.clip(resp @ palette, 0, 1)
    elif colour_by == "prediction":
        rgb = palette[resp.argmax(axis=1)]
    else:
        rgb = colours.labels[np.unique(table.labels, return_inverse=True)[1]]
    base = scale * np.clip(14.0 * np.sqrt(600.0 / len(table.X)), 3.0, 22.0)
    area = np.full(len(table.X), base) if size_by != "certainty" else 1.5 * base * resp.max(axis=1) ** 2
    for marker, rows in marker_groups(table.labels if shapes(table, colour_by) else None, len(table.X)):
        ax.scatter(*table.X[rows][:, chosen].T, c=rgb[rows], s=area[rows], marker=marker, alpha=0.65, linewidths=0,
                   rasterized=len(table.X) > 2000)


def shapes(table, colour_by):
    """Whether labels are told apart by shapes: not when they are the colours, nor when they are too many."""
    return table.labels is not None and colour_by != "label" and len(np.unique(table.labels)) <= MOST_NAMED


def marker_groups(labels, n):
    """(marker, rows) for each label; one group without labels."""
    if labels is None:
        return [("o", np.arange(n))]
    return [(label_marker(i), np.flatnonzero(labels == value)) for i, value in enumerate(np.unique(labels))]


def draw_ellipses(ax, mixture, chosen, contours, palette, marks=True, lines=style.LINES, width=1.5):
    """One ellipse per component and contour, and the means as crosses, or as numbers where there are many."""
    covariances = mixture.dense_covariances(chosen)
    for k, (mean, covariance) in enumerate(zip(mixture.means[:, chosen], covariances)):
        for (r, _), line in zip(contours, lines):
            major, minor, angle = geometry.ellipse_parameters(covariance, r)
            ax.add_patch(Ellipse(mean, major, minor, angle=angle, fill=False, color=palette[k], linestyle=line,
                                 linewidth=width))
        if not marks:
            continue
        if mixture.n_components > MOST_NAMED:
            ax.text(*mean, str(k), color="white", fontsize=8, ha="center", va="center", clip_on=True, gid="mean",
                    bbox={"boxstyle": "circle,pad=0.2", "facecolor": palette[k], "edgecolor": "white"})
        else:
            ax.plot(*mean, "X", color=palette[k], markersize=11, markeredgecolor="white", markeredgewidth=1.5)


def marginal_note(model, table, chosen):
    d = model.mixture.n_features
    return f"Columns {chosen[0]} and {chosen[1]} of {d}; ellipses are of the marginals." if d > 2 else ""


def legend_entries(mixture, contours, table, colour_by, palette):
    """Components with their weights (of a mixture with few), labels, contours."""
    def dots(colours, markers, texts):
        return [Line2D([], [], linestyle="none", marker=marker, color=colour, label=text)
                for colour, marker, text in zip(colours, markers, texts)]

    entries = []
    if mixture is not None and mixture.n_components <= MOST_NAMED:
        entries += dots(palette.components, "X" * mixture.n_components,
                        [f"component {k}, weight {w:.3f}" for k, w in enumerate(mixture.weights)])
    if mixture is not None and mixture.noise is not None:
        entries += dots([style.NOISE], "o", [f"noise, weight {mixture.noise.weight:.3f}"])
    by_colour = colour_by == "label"
    if by_colour or shapes(table, colour_by):
        values = np.unique(table.labels)
        colours = palette.labels if by_colour else [style.FAINT] * len(values)
        markers = "o" * len(values) if by_colour else [label_marker(i) for i in range(len(values))]
        entries += dots(colours, markers, [f"label {value}".removesuffix(".0") for value in values])
    return entries + [Line2D([], [], linestyle=line, color=style.INK, label=text)
                      for (_, text), line in zip(contours, style.LINES)]


def label_marker(i):
    return style.MARKERS[i % len(style.MARKERS)]
