"""The lower bound: log-likelihood and ELBO as functions of one parameter (Bishop 9.70 to 9.72, figure 9.14)."""

from dataclasses import replace

import numpy as np

from ..layouts import MATRICES
from ..mixture import Mixture, log_sum_exp
from ..program import BAD_DATA, USAGE, GmmpiError
from . import inputs, style

PARAMETERS = ("mean", "weight", "variance")
STEPS = 101


@style.picture
def bound(data, model, *, before=None, parameter="mean", component=0, column=0, low=None, high=None, labels=None, title=None):
    """Sweeps one parameter from low to high and draws the log-likelihood and its lower bounds; returns the Figure.

    A bound is ELBO(q, theta) = sum_nk q_nk (ln pi_k N(x_n | mu_k, Sigma_k) - ln q_nk) for a fixed q: the posterior under
    `model` ("after the E-step"), which touches the log-likelihood at the model's parameter, and the posterior under the model
    `before` ("before the E-step"), if given. parameter: mean (of `component` in `column`), weight (the others keep their
    ratios) or variance (of `column`; correlations stay). All rows are used.
    """
    if parameter not in PARAMETERS:
        raise GmmpiError(f"parameter {parameter}: unknown; choose one of {', '.join(PARAMETERS)}", USAGE)
    model = inputs.open_model(model)
    table = inputs.open_data(data, [model], labels, most_rows=None)
    j = inputs.column_number(table.names, column)
    mixture = full(model.mixture)
    if not 0 <= component < mixture.n_components:
        raise GmmpiError(f"component {component}: there are {mixture.n_components}, counted from 0", USAGE)
    here = value_of(mixture, parameter, component, j)
    if parameter == "weight" and here in (0, 1):
        raise GmmpiError(f"parameter weight: that of component {component} is {here:g}, so the others have no ratios to keep; choose "
                         "another component", BAD_DATA)
    sweep = np.linspace(*sweep_range(mixture, parameter, component, j, here, low, high), STEPS)
    varied = [vary(mixture, parameter, component, j, value) for value in sweep]
    joints = [m.log_joint(table.X) for m in varied]
    likelihood = np.array([log_sum_exp(joint).sum() for joint in joints])
    top, bottom = likelihood.max(), likelihood.min()
    figure, (ax,) = style.new_figure(8.4, 5.2)
    ax.plot(sweep, likelihood, color=style.INK, linewidth=2.2, label="log-likelihood")
    if before is not None:
        other = inputs.same_columns([model, inputs.open_model(before)])[1]
        if other.mixture.means.shape != mixture.means.shape:
            raise GmmpiError(f"{other.name} and {model.name} have different shapes; give models of the same K and columns",
                             BAD_DATA)
        old = elbo(joints, full(other.mixture).responsibilities(table.X))
        ax.plot(sweep, old, "--", color=style.OKABE_ITO[1], linewidth=1.8,
                label=f"lower bound before the E-step\n(q of {other.name})")
        bottom = min(bottom, old.max())  # a bound that lies far below is seen, too
    after = elbo(joints, mixture.responsibilities(table.X))
    ax.plot(sweep, after, color=style.OKABE_ITO[0], linewidth=1.8,
            label=f"lower bound after the E-step\n(q of {model.name})")
    ax.plot(here, mixture.log_density(table.X).sum(), "o", color=style.INK, markersize=9, label="current parameter")
    best = sweep[np.argmax(after)]
    ax.axvline(best, color=style.OKABE_ITO[0], linewidth=1, linestyle=":", label="maximum of this bound")
    ax.set_ylim(bottom - 0.15 * (top - bottom), top + 0.06 * (top - bottom))
    ax.set_xlabel(f"{parameter} of component {component}" + ("" if parameter == "weight" else f", {table.names[j]}"))
    ax.set_ylabel("log-likelihood, lower bound")
    style.beside(ax, ax.get_legend_handles_labels()[0])
    ax.set_title(title if title is not None else f"{table.name}: {model.describe()}")
    style.caption(figure, "All other parameters stay as they are." if parameter != "weight" else
                  "The other weights keep their ratios; all other parameters stay as they are.")
    return figure


def full(mixture):
    """The same mixture with a covariance matrix for each component."""
    return Mixture(MATRICES.name, mixture.weights, mixture.means, np.array(mixture.dense_covariances()))


def value_of(mixture, parameter, k, j):
    return {"mean": mixture.means[k, j], "weight": mixture.weights[k], "variance": mixture.covariances[k, j, j]}[parameter]


def sweep_range(mixture, parameter, k, j, here, low, high):
    """The ends of the sweep; where not given, far enough to see the curves turn."""
    deviation = np.sqrt(mixture.moments()[1][j])
    ends = {"mean": (here - 1.5 * deviation, here + 1.5 * deviation), "weight": (0.01, 0.99),
            "variance": (here / 5, here * 5)}[parameter]
    low, high = ends[0] if low is None else low, ends[1] if high is None else high
    smallest, largest = {"mean": (-np.inf, np.inf), "weight": (0, 1), "variance": (0, np.inf)}[parameter]
    if not smallest <= low < high <= largest or (parameter != "mean" and low == 0):
        raise GmmpiError(f"low {low:g}, high {high:g}: no range of a {parameter}; choose low below high", USAGE)
    return low, high


def vary(mixture, parameter, k, j, value):
    """The mixture with one parameter replaced."""
    weights, means, covariances = mixture.weights.copy(), mixture.means.copy(), mixture.covariances.copy()
    if parameter == "mean":
        means[k, j] = value
    elif parameter == "weight":
        weights *= (1 - value) / (1 - weights[k])
        weights[k] = value
    else:
        scale = np.sqrt(value / covariances[k, j, j])
        covariances[k, j, :] *= scale
        covariances[k, :, j] *= scale
    return replace(mixture, weights=weights, means=means, covariances=covariances, precisions_cholesky=None)


def elbo(joints, q):
    """ELBO(q, theta) for each theta, of its log joint densities (N, K) (Bishop 9.71)."""
    used = q > 0
    entropy = -(q[used] * np.log(q[used])).sum()
    return np.array([(q[used] * joint[used]).sum() + entropy for joint in joints])
