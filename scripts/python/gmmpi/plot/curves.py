"""Curves: the progress of fits over iterations, and information criteria over K."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..program import BAD_DATA, GmmpiError
from . import inputs, style

CRITERIA = {"bic": "BIC", "aic": "AIC", "icl": "ICL"}


@style.picture
def history(models, *, names=None, title=None):
    """Draws log-likelihood, and ELBO where a file has it, over iterations; below, the changes; below, KL if any.

    models: model files or fitted models, one curve each. Returns the Figure.
    """
    models = inputs.open_models(models, names)
    for model in models:
        if "log_likelihood" not in model.file.history:
            raise GmmpiError(f"{model.name}: has no history; give a model that gmmpi fit wrote", BAD_DATA)
    with_kl = any("kl" in model.file.history for model in models)
    figure, axes = style.new_figure(8.4, 6.6 if with_kl else 5.4, nrows=3 if with_kl else 2, ncols=1, sharex=True,
                                    gridspec_kw={"height_ratios": [2, 1, 1][: 3 if with_kl else 2]})
    entries = []
    for i, (model, colour) in enumerate(zip(models, style.colours(len(models)))):
        line = style.LINES[i % len(style.LINES)]
        draw_progress(axes, model, colour, line)
        entries.append(Line2D([], [], color=colour, linestyle=line, label=entry_text(model)))
    if any("elbo" in model.file.history for model in models):
        entries += [Line2D([], [], color=style.INK, label="log-likelihood"),
                    Line2D([], [], color=style.INK, linestyle=":", label="ELBO")]
    axes[0].set_ylabel("log-likelihood")
    axes[1].set_ylabel("change")
    axes[1].set_yscale("log")
    if with_kl:
        axes[2].set_ylabel("KL(q || posterior)")
    axes[-1].set_xlabel("iteration")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=2))
    axes[0].ticklabel_format(axis="y", useOffset=False)
    style.beside(axes[0], entries)
    axes[0].set_title(title if title is not None else "Progress of the fit" + ("s" if len(models) > 1 else ""))
    figure.align_ylabels(axes)
    style.caption(figure, "Entry i is of the parameters after i M-steps. Changes of zero or below are not drawn.")
    return figure


def entry_text(model):
    history = model.file.history["log_likelihood"]
    return f"{model.name}\n{style.count(len(history) - 1, 'iteration')}, {style.number(history[-1])}"


def draw_progress(axes, model, colour, line):
    values = model.file.history["log_likelihood"]
    look = {"color": colour, "linestyle": line, "marker": "o" if len(values) <= 40 else None, "markersize": 3}
    axes[0].plot(np.arange(len(values)), values, **look)
    change = np.diff(values)
    grew = change > 0
    axes[1].plot(np.arange(1, len(values))[grew], change[grew], **look)
    if "elbo" in model.file.history:
        axes[0].plot(model.file.history["elbo"], color=colour, linestyle=":", linewidth=1.6)
    if "kl" in model.file.history:
        axes[2].plot(model.file.history["kl"], **look)


@style.picture
def criteria(models, *, title=None):
    """Draws BIC, AIC and ICL over the number of components, a curve per covariance type; returns the Figure.

    models: model files of the same data. The lowest value of each criterion is ringed: it is the one to choose.
    """
    models = inputs.open_models(models)
    check_comparable(models)
    figure, axes = style.new_figure(10.6, 4.2, nrows=1, ncols=3, sharex=True)
    types = sorted({model.mixture.covariance_type for model in models}, key=["full", "tied", "diag", "spherical"].index)
    for ax, (key, label) in zip(axes, CRITERIA.items()):
        points = {(m.mixture.covariance_type, m.mixture.n_components): m.file.attributes[key] for m in
                  sorted(models, key=lambda m: -m.file.attributes[key])}  # of equal fits the best stays
        for i, (covariance_type, colour) in enumerate(zip(types, style.colours(len(types)))):
            curve = sorted((K, value) for (t, K), value in points.items() if t == covariance_type)
            ax.plot(*zip(*curve), color=colour, marker=style.MARKERS[i], markersize=4.5, linestyle=style.LINES[i],
                    label=covariance_type)
        (best_type, best_K), best = min(points.items(), key=lambda item: item[1])
        ax.plot(best_K, best, "o", markersize=13, markerfacecolor="none", markeredgecolor=style.INK, markeredgewidth=1.3)
        ax.set_title(f"{label}: best {best_type}, K = {best_K}", fontsize=10)
        ax.set_xlabel("number of components K")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.ticklabel_format(axis="y", useOffset=False)
    style.beside(axes[-1], axes[0].get_legend_handles_labels()[0], title="covariance type", title_fontsize=9)
    style.headline(figure, title if title is not None else "Choosing the number of components")
    style.caption(figure, "Lower is better; the lowest is ringed. Vertical scales differ.")
    return figure


def rows_of(file):
    """What densities are of: the data, and where a fit projected them, the principal components."""
    projected = file.transform is not None and file.transform.loses
    return file.options.get("data_fingerprint"), file.options.get("transform") if projected else None


def check_comparable(models):
    """Raises GmmpiError 65 unless all models have the criteria and were fitted to the same data."""
    for model in models:
        for key in CRITERIA:
            if key not in model.file.attributes:
                raise GmmpiError(f"{model.name}: has no {key}; give models that gmmpi fit wrote", BAD_DATA)
    other = next((m for m in models if rows_of(m.file) != rows_of(models[0].file)), None)
    if other is not None:
        raise GmmpiError(f"{models[0].name} and {other.name} were fitted to different data; compare fits of the same "
                         "data only", BAD_DATA)
