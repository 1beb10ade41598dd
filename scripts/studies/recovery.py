#!/usr/bin/python3
"""How well fits find a mixture again, by its separation, K, the number of rows, and the start: a table and a figure.

For every combination: gmmpi simulate draws a mixture and its rows, gmmpi fit fits them from each start (`truth`: from the
mixture itself), gmmpi compare says how far the fit is from the truth. The same arguments give the same numbers.
"""

import argparse
import csv
import itertools
import json
import pathlib
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
import numpy as np  # noqa: E402

from gmmpi.plot import style  # noqa: E402
from gmmpi.program import GmmpiError, run  # noqa: E402

STARTS = ("kmeans", "k-means++", "random-from-data", "random", "truth")
FIELDS = ("separation", "K", "rows", "seed", "start", "n_iter", "log_likelihood", "gap", "kl", "rand_index")
FOUND = 1e-3  # per row: a fit this close to that from the truth has found the same maximum


def json_of(command, *arguments, **options):
    return json.loads(run(command, *arguments, json=True, threads=1, **options).out)


def study_one(case, d, starts, folder):
    """A dict of FIELDS for each start on one drawn mixture. gap: log-likelihood per row below that of the fit from the truth."""
    separation, K, n, seed = case
    name = str(pathlib.Path(folder) / f"{separation}-{K}-{n}-{seed}")
    rows, truth = name + ".rows.h5", name + ".truth.h5"
    json_of("simulate", n_components=K, n_features=d, n_samples=n, separation=separation, seed=seed, output=rows, model=truth)
    lines = []
    for start in dict.fromkeys(["truth", *starts]):
        fitted = f"{name}.from-{start}.h5"
        fit = json_of("fit", rows, n_components=K, init=truth if start == "truth" else start, seed=seed, output=fitted)
        apart = json_of("compare", truth, fitted, data=rows, n_samples=10000)
        best = lines[0]["log_likelihood"] if lines else fit["log_likelihood"]
        lines.append(dict(zip(FIELDS, (separation, K, n, seed, start, fit["n_iter"], fit["log_likelihood"],
                                       (best - fit["log_likelihood"]) / n, apart["kl_ab"], apart["adjusted_rand_index"]))))
    return [line for line in lines if line["start"] in starts]


def study(options):
    cases = list(itertools.product(options.separations, options.components, options.rows, range(options.seeds)))
    with tempfile.TemporaryDirectory(prefix="gmmpi-study-") as folder, ThreadPoolExecutor(options.jobs) as pool:
        done = pool.map(lambda case: study_one(case, options.features, options.starts, folder), cases)
        return [line for lines in done for line in lines]


def write_table(lines, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(lines)


def chosen(lines, **wanted):
    return [line for line in lines if all(line[name] == value for name, value in wanted.items())]


def print_summary(lines, options):
    """For each separation and start: how often the maximum near the truth was found, and medians of the rest."""
    print(f"{'separation':>10}  {'start':<18}{'found':>8}{'KL':>10}{'Rand':>8}{'iterations':>12}")
    for separation, start in itertools.product(options.separations, options.starts):
        some = chosen(lines, separation=separation, start=start)
        found = np.mean([line["gap"] < FOUND for line in some])
        kl, rand, n_iter = (np.median([line[name] for line in some]) for name in ("kl", "rand_index", "n_iter"))
        print(f"{separation:>10g}  {start:<18}{found:>8.0%}{kl:>10.4f}{rand:>8.3f}{n_iter:>12.0f}")


@style.picture
def draw(lines, options):
    """KL over the separation: a panel for each K and number of rows, a curve for each start."""
    panels = list(itertools.product(options.components, options.rows))
    figure, axes = style.new_figure(3.0 * len(panels) + 1.6, 3.4, nrows=1, ncols=len(panels), sharey=True)
    for ax, (K, n) in zip(np.atleast_1d(axes), panels):
        for i, (start, colour) in enumerate(zip(options.starts, style.colours(len(options.starts)))):
            medians = [np.median([line["kl"] for line in chosen(lines, K=K, rows=n, start=start, separation=s)])
                       for s in options.separations]
            ax.plot(options.separations, np.maximum(medians, 1e-6), color=colour, marker=style.MARKERS[i], markersize=4,
                    linestyle=style.LINES[i % len(style.LINES)], label=start)
        ax.set_yscale("log")
        ax.set_title(f"K = {K}, {n:,} rows", fontsize=10)
        ax.set_xlabel("separation c")
    axes[0].set_ylabel("KL(truth || fit)")
    style.beside(axes[-1], axes[0].get_legend_handles_labels()[0], title="start", title_fontsize=9)
    style.headline(figure, f"How well fits find a mixture again, {options.features} columns")
    style.caption(figure, f"Medians over {style.count(options.seeds, 'mixture')} each; full covariances. Lower is better.")
    return figure


def numbers(kind):
    return lambda text: [kind(word) for word in text.split(",")]


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--separations", type=numbers(float), default=[0.5, 1.0, 1.5, 2.0, 3.0], metavar="C,C,...")
    parser.add_argument("--components", type=numbers(int), default=[3, 8], metavar="K,K,...")
    parser.add_argument("--rows", type=numbers(int), default=[300, 3000], metavar="N,N,...")
    parser.add_argument("--features", type=int, default=3, metavar="D", help="columns")
    parser.add_argument("--starts", type=lambda text: text.split(","), default=list(STARTS), metavar="START,START,...",
                        help="as fit --init has them, and truth")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="mixtures of each kind")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="runs at a time")
    parser.add_argument("-o", "--output", default="recovery", metavar="NAME", help="NAME.csv and NAME.png are written")
    options = parser.parse_args(arguments)
    if min([options.seeds, options.jobs, *options.rows]) < 1:
        parser.error("--seeds, --jobs and --rows must be at least 1; give larger ones")
    return options


def main(arguments):
    options = parse(arguments)
    lines = study(options)
    write_table(lines, options.output + ".csv")
    style.save_figure(draw(lines, options), options.output + ".png", 100)
    print_summary(lines, options)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except GmmpiError as error:
        print(f"recovery.py: error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
