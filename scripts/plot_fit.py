#!/usr/bin/python3
"""Draws two-dimensional data and the Gaussian mixture fitted to it: plot_fit.py DATA.csv MODEL.h5 OUT.png"""

import pathlib
import sys

try:
    import h5py
    import matplotlib
    import numpy as np

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.lines import Line2D
except ImportError as error:
    sys.exit(f"plot_fit: error: {error.name} is missing for {sys.executable}; "
             "apt-get install python3-h5py python3-matplotlib and run /usr/bin/python3 scripts/plot_fit.py")

# Okabe and Ito's colours, which colour-blind readers tell apart (without black and yellow).
OKABE_ITO = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"]
# Shares of a component inside its ellipses; the squared radius is a chi-square quantile with 2 d.o.f.
SHARES = {0.68: "-", 0.95: "--"}
INK = "#333333"


def read_csv(path):
    """Column names and rows (N, d) of a CSV file; a column named label is left out."""
    with open(path, encoding="utf-8") as file:
        first = file.readline().strip().split(",")
    try:
        [float(field) for field in first]
        names, header = [f"x{i}" for i in range(len(first))], 0
    except ValueError:
        names, header = first, 1
    columns = [i for i, name in enumerate(names) if name != "label"]
    rows = np.genfromtxt(path, delimiter=",", skip_header=header, usecols=columns, ndmin=2)
    return [names[i] for i in columns], rows


def read_model(path):
    """Weights (K), means (K, d), covariances as (K, d, d) whatever their type, and the attributes."""
    with h5py.File(path, "r") as file:
        model = file["model"]
        attributes = dict(model.attrs)
        weights, means, covariances = (model[name][...] for name in ("weights", "means", "covariances"))
    kind = attributes["covariance_type"]
    attributes["covariance_type"] = kind.decode() if isinstance(kind, bytes) else str(kind)
    K, d = means.shape
    expand = {
        "full": lambda c: c,
        "tied": lambda c: np.tile(c, (K, 1, 1)),
        "diag": lambda c: np.stack([np.diag(v) for v in c]),
        "spherical": lambda c: c[:, None, None] * np.eye(d),
    }
    return weights, means, expand[attributes["covariance_type"]](covariances), attributes


def responsibilities(rows, weights, means, covariances):
    """p(k | x), (N, K)."""
    log_joint = np.empty((len(rows), len(weights)))
    for k, (weight, mean, covariance) in enumerate(zip(weights, means, covariances)):
        L = np.linalg.cholesky(covariance)
        z = np.linalg.solve(L, (rows - mean).T)
        with np.errstate(divide="ignore"):
            log_joint[:, k] = np.log(weight) - np.log(np.diag(L)).sum() - (z * z).sum(axis=0) / 2
    resp = np.exp(log_joint - log_joint.max(axis=1, keepdims=True))
    return resp / resp.sum(axis=1, keepdims=True)


def ellipse(mean, covariance, share):
    """Points of the contour that holds `share` of the component."""
    angle = np.linspace(0, 2 * np.pi, 200)
    radius = np.sqrt(-2 * np.log1p(-share))
    return mean[:, None] + radius * np.linalg.cholesky(covariance) @ [np.cos(angle), np.sin(angle)]


def colours(K):
    """(K, 3): Okabe and Ito's, or evenly spaced ones of viridis where they do not suffice."""
    if K <= len(OKABE_ITO):
        return np.array([matplotlib.colors.to_rgb(c) for c in OKABE_ITO[:K]])
    return plt.get_cmap("viridis")(np.linspace(0, 0.92, K))[:, :3]


def title(name, K, attributes):
    plural = "s" if K > 1 else ""
    text = f"{name}: {K} component{plural}, {attributes['covariance_type']} covariance"
    numbers = [f"{label} {attributes[key]:.2f}".replace(" -", " \u2212")
               for key, label in (("log_likelihood", "log-likelihood"), ("bic", "BIC")) if key in attributes]
    return "\n".join([text, ", ".join(numbers)])


def draw(axes, names, rows, weights, means, covariances):
    colour = colours(len(weights))
    mixed = responsibilities(rows, weights, means, covariances) @ colour
    axes.scatter(*rows.T, c=np.clip(mixed, 0, 1), s=14, alpha=0.65, linewidths=0)
    for k in range(len(weights)):
        for share, style in SHARES.items():
            axes.plot(*ellipse(means[k], covariances[k], share), style, color=colour[k], linewidth=1.5)
        axes.plot(*means[k], "X", color=colour[k], markersize=11, markeredgecolor="white",
                  markeredgewidth=1.5)
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    axes.grid(color="#e8e8e8", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.margins(0.04)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    entries = [Line2D([], [], linestyle="none", marker="X", color=c, markersize=9, markeredgecolor="white",
                      label=f"component {k}, weight {w:.3f}")
               for k, (c, w) in enumerate(zip(colour, weights))]
    entries += [Line2D([], [], linestyle=style, color=INK, label=f"holds {share:.0%} of a component")
                for share, style in SHARES.items()]
    axes.legend(handles=entries, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False,
                ncol=1 + len(entries) // 20)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    data_path, model_path, out_path = sys.argv[1:]
    try:
        names, rows = read_csv(data_path)
        weights, means, covariances, attributes = read_model(model_path)
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"plot_fit: error: cannot read {data_path} or {model_path}: {error}")
    if rows.shape[1] != 2 or means.shape[1] != 2:
        sys.exit(f"plot_fit: error: {data_path} has {rows.shape[1]} columns and {model_path} "
                 f"{means.shape[1]}; only 2 can be drawn")
    plt.rcParams.update({"text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": "#999999"})
    figure, axes = plt.subplots(figsize=(8.4, 5.2), facecolor="white", layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    draw(axes, names, rows, weights, means, covariances)
    axes.set_title(title(pathlib.Path(data_path).stem, len(weights), attributes), loc="left", fontsize=11)
    figure.savefig(out_path, dpi=150)


if __name__ == "__main__":
    main()
