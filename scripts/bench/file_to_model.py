#!/usr/bin/python3
"""From a file to a model: read, k-means start, EM to convergence, write; gmmpi against scikit-learn.

The same data, number of components, tolerance and limit of iterations; seeds 0, 1, ...; the programs take turns.
gmmpi's time is that of its whole process. scikit-learn's is that of reading, fitting and writing, without the start of
Python and its imports. Both models are judged by the same code, scikit-learn's. Ends with 1 if gmmpi is not --at-least
times as fast, or its median log-likelihood per row is lower by more than 1e-4.
"""

import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

import h5py
import numpy as np
from sklearn.mixture import GaussianMixture
from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky

from cases import draw, random_mixture
from timing import ROOT, Table, machine, parser, program, run, scaled, spread

MAX_ITER = 1000
REG_COVAR = 1e-6  # scikit-learn's
MOST_LOST = 1e-4  # of log-likelihood per row
# Covariance type, components, data.
FITS = {
    "digits-diag": ("diag", 10, "digits"),
    "digits-full": ("full", 10, "digits"),
    "mixture-full": ("full", 16, "mixture"),
}
TITLES = {"digits": "digits-like", "mixture": "a mixture"}


def digits(rng, n_rows):
    """Rows like those of the digits after a PCA to 41 columns: drawn from them, with a twentieth of noise."""
    rows = np.loadtxt(ROOT / "tests/data/digits_pca41.csv", delimiter=",", skiprows=1, usecols=range(41))
    noise = 0.05 * rows.std(axis=0) * rng.normal(size=(n_rows, rows.shape[1]))
    return rows[rng.integers(len(rows), size=n_rows)] + noise


def make_data(name, scale):
    rng = np.random.default_rng(20240229)
    if name == "digits":
        return digits(rng, int(50_000 * scale))
    return draw(rng, int(1_000_000 * scale), *random_mixture(rng, "full", 8, 16))


def sklearn_fit(kind, K, tol, seed):
    """What a scikit-learn process does; prints seconds and M-steps."""
    start = time.perf_counter()
    with h5py.File("data.h5", "r") as file:
        rows = file["X"][...]
    fit = GaussianMixture(int(K), covariance_type=kind, tol=float(tol), reg_covar=REG_COVAR, max_iter=MAX_ITER,
                          init_params="kmeans", random_state=int(seed)).fit(rows)
    with h5py.File("sklearn.h5", "w") as file:
        model = file.create_group("model")
        model["weights"], model["means"], model["covariances"] = fit.weights_, fit.means_, fit.covariances_
    print(json.dumps({"seconds": time.perf_counter() - start, "n_iter": int(fit.n_iter_)}))


def mean_log_likelihood(kind, path, rows):
    """Per row, of a model file."""
    with h5py.File(path, "r") as file:
        weights, means, covariances = (file["model"][name][...] for name in ("weights", "means", "covariances"))
    model = GaussianMixture(len(weights), covariance_type=kind)
    model.weights_, model.means_, model.covariances_ = weights, means, covariances
    model.precisions_cholesky_ = _compute_precision_cholesky(covariances, kind)
    return float(model.score(rows))


def parse_options():
    if sys.argv[1:2] == ["sklearn"]:
        sklearn_fit(*sys.argv[2:])
        sys.exit(0)
    options = parser(__doc__, FITS, FITS, repeats=5)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--tol", type=float, default=1e-3, help="of both (default: %(default)s, scikit-learn's)")
    options.add_argument("--at-least", type=float, default=1, metavar="TIMES",
                         help="as fast as scikit-learn gmmpi must be (default: %(default)s)")
    return options.parse_args()


def measure(name, rows, folder, options):
    """{program: {"seconds", "n_iter", "log_likelihood": one for each seed}}."""
    kind, K, _ = FITS[name]
    with h5py.File(folder / "data.h5", "w") as file:
        file["X"] = rows
    found = {which: {"seconds": [], "n_iter": []} for which in ("gmmpi", "sklearn")}

    def note(which, seconds, n_iter):
        found[which]["seconds"].append(seconds)
        found[which]["n_iter"].append(n_iter)
        os.replace(folder / f"{which}.h5", folder / f"{which}.{len(found[which]['seconds'])}.h5")

    for seed in range(options.repeats):
        seconds, _ = run([program(options.build), "fit", "data.h5", "-k", K, "--covariance-type", kind,
                          "--tol", options.tol, "--max-iter", MAX_ITER, "--reg-covar", REG_COVAR, "--seed", seed,
                          "--init", "kmeans", "-o", "gmmpi.h5", "--force"], folder, options.threads)
        with h5py.File(folder / "gmmpi.h5", "r") as file:
            note("gmmpi", seconds, int(file["model"].attrs["n_iter"]))
        _, output = run([sys.executable, pathlib.Path(__file__).resolve(), "sklearn", kind, K, options.tol, seed],
                        folder, options.threads)
        report = json.loads(output)
        note("sklearn", report["seconds"], report["n_iter"])
    for which, of in found.items():  # not before: numpy's threads go on spinning for a while
        of["log_likelihood"] = [mean_log_likelihood(kind, folder / f"{which}.{i}.h5", rows)
                                for i in range(1, options.repeats + 1)]
    return found


def main():
    options = parse_options()
    table = Table([f"Seconds from file to model, medians (min..max) of {options.repeats} seeds, tol {options.tol:g}, "
                   f"{options.threads} threads; {machine()}{scaled(options)}."],
                  ["data", "gmmpi", "scikit-learn", "times as fast", "M-steps", "log-likelihood per row",
                   "of scikit-learn", "difference of medians"])
    good = True
    for name in options.cases:
        kind, K, data = FITS[name]
        rows = make_data(data, options.scale)
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            found = measure(name, rows, pathlib.Path(folder), options)
        median = {which: {key: statistics.median(values) for key, values in facts.items()}
                  for which, facts in found.items()}
        faster = median["sklearn"]["seconds"] / median["gmmpi"]["seconds"]
        gained = median["gmmpi"]["log_likelihood"] - median["sklearn"]["log_likelihood"]
        table.row(f"{TITLES[data]}, {len(rows):,} x {rows.shape[1]}, K = {K}, {kind}",
                  *(spread(found[which]["seconds"], digits=3) for which in found), f"{faster:.1f}",
                  f"{median['gmmpi']['n_iter']:.0f} / {median['sklearn']['n_iter']:.0f}",
                  *(spread(found[which]["log_likelihood"], digits=7) for which in found), f"{gained:+.1e}")
        good = good and faster >= options.at_least and gained >= -MOST_LOST
    table.write(options.output)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
