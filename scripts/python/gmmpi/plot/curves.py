"""Curves: the progress of fits over iterations, and information criteria over K."""

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..layouts import LAYOUTS
from ..program import BAD_DATA, GmmpiError
from . import inputs, style

CRITERIA = {"bic": "BIC", "aic": "AIC", "icl": "ICL"}


@style.picture
def history(models, *, names=None, title=None):
    """Draws what the engine improves (EM: the log-likelihood, k-means: the inertia), and ELBO where a file has it, over
    iterations; below, the changes; below, KL if any.

    models: model files, checkpoints (the iterations so far of the restart in progress) or fitted models, one curve each.
    Where objectives differ, log-likelihoods are drawn. Returns the Figure.
    """
    models = inputs.open_histories(models, names)
    for model in models:
        if not model.file.history:
            raise GmmpiError(f"{model.name}: has no history; give a model that gmmpi fit wrote, or a checkpoint with an iteration",
                             BAD_DATA)
    objectives = list(dict.fromkeys(objective_of(model)[0] for model in models))
    if len(objectives) > 1:
        models = [with_log_likelihood_alone(model, objectives) for model in models]
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
    axes[0].set_ylabel(objective_of(models[0])[0])
    axes[1].set_ylabel("change")
    style.log_y(axes[1])
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


OBJECTIVES = {"log_posterior": "log posterior", "classification_log_likelihood": "classification log-likelihood",
              "inertia": "inertia", "running_log_likelihood": "running log-likelihood"}


def objective_of(model):
    """Name and values of what the engine improves."""
    history = model.file.history
    for key, name in OBJECTIVES.items():
        if key in history:
            return name, history[key]
    return "log-likelihood", history["log_likelihood"]


def with_log_likelihood_alone(model, objectives):
    """The model with no other history. GmmpiError 65 where the file has it of the end alone."""
    history = model.file.history
    if "inertia" in history or "running_log_likelihood" in history:
        raise GmmpiError(f"{model.name} and others have different objectives ({', '.join(objectives)}); draw them apart", BAD_DATA)
    return replace(model, file=replace(model.file, history={k: v for k, v in history.items() if k not in OBJECTIVES}))


def entry_text(model):
    _, history = objective_of(model)
    return f"{model.name}\n{style.count(len(history) - 1, 'iteration')}, {style.number(history[-1])}"


def draw_progress(axes, model, colour, line):
    name, values = objective_of(model)
    look = {"color": colour, "linestyle": line, "marker": "o" if len(values) <= 40 else None, "markersize": 3}
    axes[0].plot(np.arange(len(values)), values, **look)
    change = -np.diff(values) if name == "inertia" else np.diff(values)  # for the better
    grew = change > 0
    axes[1].plot(np.arange(1, len(values))[grew], change[grew], **look)
    if "elbo" in model.file.history:
        axes[0].plot(model.file.history["elbo"], color=colour, linestyle=":", linewidth=1.6)
    if "kl" in model.file.history:
        axes[2].plot(model.file.history["kl"], **look)


@dataclass(frozen=True)
class Fitted:
    """A point of the criteria's curves."""

    covariance_type: str
    n_components: int
    values: dict
    degenerate: bool = False


def points_of(models):
    """The candidates of a selection's model file, or the models themselves."""
    if len(models) == 1 and models[0].file.grid:
        grid = models[0].file.grid
        return [Fitted(grid["covariance_type"][i], grid["n_components"][i], {key: grid[key][i] for key in criteria_of(models)},
                       bool(grid["degenerate"][i])) for i in range(len(grid["fitted"])) if grid["fitted"][i]]
    check_comparable(models)
    return [Fitted(m.mixture.covariance_type, m.mixture.n_components, {key: m.file.attributes[key] for key in CRITERIA})
            for m in models]


def order_of(covariance_type):
    """scikit-learn's types first, then the others as they come."""
    return list(LAYOUTS).index(covariance_type) if covariance_type in LAYOUTS else len(LAYOUTS)


def criteria_of(models):
    """{name: label} of the criteria that the models have; cv only in a selection that was made by it."""
    return CRITERIA | ({"cv": "held-out log-likelihood"} if "cv" in models[0].file.grid and len(models) == 1 else {})


@style.picture
def criteria(models, *, title=None):
    """Draws BIC, AIC and ICL over the number of components, a curve per covariance type; returns the Figure.

    models: model files of the same data, or the one that gmmpi select wrote, with all its candidates. The best value of
    each criterion is ringed: it is the one to choose. Degenerate candidates are crossed out and never ringed.
    """
    models = inputs.open_models(models, noise=True, any_family=True)
    points, shown = points_of(models), criteria_of(models)
    types = list(dict.fromkeys(p.covariance_type for p in sorted(points, key=lambda p: order_of(p.covariance_type))))
    figure, axes = style.new_figure(10.6 if len(shown) == 3 else 13.6, 4.2, nrows=1, ncols=len(shown), sharex=True)
    for ax, (key, label) in zip(axes, shown.items()):
        draw_criterion(ax, points, key, label, types)
    style.beside(axes[-1], axes[0].get_legend_handles_labels()[0], title="covariance type", title_fontsize=9)
    style.headline(figure, title if title is not None else "Choosing the number of components")
    crossed = " Degenerate fits are crossed out." if any(p.degenerate for p in points) else ""
    better = "lower" if "cv" not in shown else "lower (of the held-out log-likelihood, higher)"
    style.caption(figure, f"{better.capitalize()} is better; the best is ringed.{crossed} Vertical scales differ.")
    return figure


def draw_criterion(ax, points, key, label, types):
    """A curve for each covariance type; of equal fits the best stays."""
    sign = -1 if key == "cv" else 1
    kept = {(p.covariance_type, p.n_components): p for p in sorted(points, key=lambda p: -sign * p.values[key])}
    for i, (covariance_type, colour) in enumerate(zip(types, style.colours(len(types)))):
        curve = sorted((p.n_components, p.values[key]) for (t, _), p in kept.items() if t == covariance_type)
        ax.plot(*zip(*curve), color=colour, marker=style.MARKERS[i % len(style.MARKERS)], markersize=4.5,
                linestyle=style.LINES[i % len(style.LINES)],
                label=covariance_type)
    crossed = [(p.n_components, p.values[key]) for p in kept.values() if p.degenerate]
    if crossed:
        ax.plot(*zip(*crossed), "x", color=style.INK, markersize=9)
    sound = [p for p in kept.values() if not p.degenerate]
    if sound:
        best = min(sound, key=lambda p: sign * p.values[key])
        ax.plot(best.n_components, best.values[key], "o", markersize=13, markerfacecolor="none", markeredgecolor=style.INK,
                markeredgewidth=1.3)
        ax.set_title(f"{label}: best {best.covariance_type}, K = {best.n_components}", fontsize=10)
    ax.set_xlabel("number of components K")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.ticklabel_format(axis="y", useOffset=False)


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
