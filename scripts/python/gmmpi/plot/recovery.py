"""True against fitted parameters: components matched, numbers against numbers, and ellipses in one picture."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..data import Table
from ..program import BAD_DATA, MISSING, GmmpiError
from . import inputs, points, style

MOST_UNEQUAL = 20.0  # ratio of the columns' deviations up to which parameters are drawn in raw units


@style.picture
def compare(truth, models, *, data=None, columns=None, names=None, title=None):
    """Draws weights, means and covariances of fitted models against the true ones, and all ellipses; returns the Figure.

    Components are matched so that the squared distances of the means, in the true mixture's standard deviations, have the
    least sum. data: rows to draw below the ellipses (95 %) of the two chosen columns. Points on the diagonal are right.
    """
    true, *models = inputs.same_columns([inputs.open_model(truth), *inputs.open_models(models, names)])
    for model in models:
        if model.mixture.n_features != true.mixture.n_features:
            raise GmmpiError(f"{model.name} has {model.mixture.n_features} columns and {true.name} "
                             f"{true.mixture.n_features}; compare models of the same data", BAD_DATA)
    pairs = [match(true.mixture, model.mixture) for model in models]
    palette = style.OKABE_ITO[: len(models)] if len(models) <= 6 else style.colours(len(models))
    figure, axes = style.new_figure(10.4, 8.6, nrows=2, ncols=2)
    draw_numbers(axes[:3], true, models, pairs, palette)
    if true.mixture.n_features > 1:
        draw_together(axes[3], true, models, palette, data, columns)
    else:
        axes[3].remove()
    entries = [Line2D([], [], linestyle="none", marker=style.MARKERS[i % len(style.MARKERS)], color=colour,
                      label=f"{model.name}\n{error_text(true.mixture, model.mixture, pair)}")
               for i, (model, pair, colour) in enumerate(zip(models, pairs, palette))]
    style.beside(axes[1], entries)
    style.headline(figure, title if title is not None else "True and fitted parameters")
    style.caption(figure, "Errors: largest of the weights; root mean square of the means; Frobenius norm of the covariances, "
                  "relative.", "Components without a partner are left out." if any(
                      len(pair[0]) < max(true.mixture.n_components, model.mixture.n_components)
                      for model, pair in zip(models, pairs)) else "")
    return figure


def match(true, fitted):
    """Indices of true and of fitted components that belong together, two arrays of min(K, K')."""
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise GmmpiError("compare: scipy is missing; apt-get install python3-scipy, or pip install scipy", MISSING) from error
    deviations = np.sqrt(true.moments()[1])
    z = (true.means[:, None, :] - fitted.means[None, :, :]) / deviations
    return linear_sum_assignment((z**2).sum(axis=2))


def error_text(true, fitted, pair):
    """"weights 0.01, means 0.05, covariances 8 %" of the matched components."""
    t, f = pair
    weights = np.abs(true.weights[t] - fitted.weights[f]).max()
    means = np.sqrt(((true.means[t] - fitted.means[f]) ** 2).mean())
    S, fitted_S = true.dense_covariances()[t], fitted.dense_covariances()[f]
    relative = np.sqrt(((S - fitted_S) ** 2).sum() / (S**2).sum())
    percent = f"{100 * relative:.2g}" if relative < 1 else f"{100 * relative:.0f}"
    return f"weights {weights:.2g}, means {means:.2g},\ncovariances {percent} %"


def draw_numbers(axes, true, models, pairs, palette):
    """Fitted over true: weights, means, and the entries of the covariances' lower triangles."""
    centre, variances = true.mixture.moments()
    deviations = np.sqrt(variances)
    raw = deviations.max() <= MOST_UNEQUAL * deviations.min()
    if raw:
        centre, deviations = np.zeros_like(centre), np.ones_like(deviations)
    lower = np.tril_indices(true.mixture.n_features)

    def numbers(mixture, components):
        S = mixture.dense_covariances()[components] / np.outer(deviations, deviations)
        return (mixture.weights[components], ((mixture.means[components] - centre) / deviations).ravel(),
                S[:, lower[0], lower[1]].ravel())

    drawn = [(numbers(true.mixture, t), numbers(model.mixture, f)) for model, (t, f) in zip(models, pairs)]
    for i, (ax, name) in enumerate(zip(axes, ("weights", "means", "covariances"))):
        for m, (expected, fitted) in enumerate(drawn):
            ax.plot(expected[i], fitted[i], linestyle="none", marker=style.MARKERS[m % len(style.MARKERS)], markersize=6,
                    color=palette[m], alpha=0.75)
        ends = limits(drawn, i)
        ax.plot(ends, ends, color=style.FAINT, linewidth=1, zorder=1)
        ax.set_title(name if raw or name == "weights" else f"{name}, in overall standard deviations", fontsize=10)
        ax.set_xlabel("true")
        ax.set_ylabel("fitted")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(5))


def limits(drawn, i):
    """The ends of the diagonal through all numbers of kind i, with some margin."""
    values = np.concatenate([numbers[i] for pair in drawn for numbers in pair])
    margin = 0.06 * (np.ptp(values) or abs(values[0]) or 1.0)
    return np.array([values.min() - margin, values.max() + margin])


def draw_together(ax, true, models, palette, data, columns):
    """The 95 % ellipses of all models over the data."""
    table = inputs.open_data(Table(X=true.mixture.means, feature_names=true.names) if data is None else data, [true])
    chosen = inputs.choose_columns(table, columns, 2)
    if data is not None:
        ax.scatter(*table.X[:, chosen].T, s=6, color="#b0b0b0", alpha=0.5, linewidths=0, rasterized=True)
    contour = points.contour_radii([0.95], None)
    for mixture, colour, width, lines in [(true.mixture, style.INK, 2.2, ("-",))] + [
            (model.mixture, colour, 1.5, ("--",)) for model, colour in zip(models, palette)]:
        points.draw_ellipses(ax, mixture, chosen, contour, [colour] * mixture.n_components, marks=False, lines=lines,
                             width=width)
    ax.margins(0.04)
    ax.autoscale_view()
    ax.set_title("95 % ellipses: true solid, fitted dashed", fontsize=10)
    ax.set_xlabel(table.names[chosen[0]])
    ax.set_ylabel(table.names[chosen[1]])
