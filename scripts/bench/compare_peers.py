#!/usr/bin/python3
"""Times one EM iteration of gmmpi, scikit-learn and Armadillo on the same data from the same start.

Every program runs as a process of its own. The time of an iteration is the difference in wall time
between a long and a short fit over the difference in iterations, so that reading, starting and
finishing cancel and nothing is self-reported. Repeats are interleaved; medians (min..max) are shown.
"""

import argparse
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np
import sklearn

HERE = pathlib.Path(__file__).resolve().parent
# Covariance type, rows, columns, components.
CASES = {
    "full-1e6x2-k8": ("full", 1_000_000, 2, 8),
    "full-5e5x16-k16": ("full", 500_000, 16, 16),
    "full-2e5x64-k32": ("full", 200_000, 64, 32),
    "diag-1e6x32-k64": ("diag", 1_000_000, 32, 64),
    "tied-5e5x16-k16": ("tied", 500_000, 16, 16),
    "spherical-1e6x16-k32": ("spherical", 1_000_000, 16, 32),
}
SHORT = 4  # M-steps of the short fits, after which the log-likelihoods are compared
MAX_DIFFERENCE = 1e-8  # of log-likelihoods, relative
# What Armadillo has; the others are timed with its next richer type, and marked.
ARMADILLO_TYPE = {"full": "full", "tied": "full", "diag": "diag", "spherical": "diag"}


def random_mixture(rng, kind, d, K):
    """Weights, means and (K, d, d) covariances; means lie about four standard deviations apart."""
    means = rng.normal(size=(K, d)) * 4 / np.sqrt(2 * d)
    if kind == "full" or kind == "tied":
        A = rng.normal(size=(K, d, 2 * d)) / np.sqrt(2 * d)
        covariances = A @ A.transpose(0, 2, 1) + 0.2 * np.eye(d)
    else:
        variances = rng.uniform(0.5, 1.5, size=(K, d if kind == "diag" else 1))
        covariances = variances[:, :, None] * np.eye(d)
    if kind == "tied":
        covariances = np.tile(covariances[0], (K, 1, 1))
    weights = rng.uniform(0.5, 1.5, size=K)
    return weights / weights.sum(), means, covariances


def draw(rng, n_rows, weights, means, covariances):
    """(N, d) rows of the mixture, in random order of components."""
    rows = rng.normal(size=(n_rows, means.shape[1]))
    label = rng.choice(len(weights), size=n_rows, p=weights)
    for k in range(len(weights)):
        mine = label == k
        rows[mine] = rows[mine] @ np.linalg.cholesky(covariances[k]).T + means[k]
    return rows


def compact(kind, covariances):
    """(K, d, d) covariances in the shape of a model file."""
    if kind == "full":
        return covariances
    if kind == "tied":
        return covariances[0]
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    return variances if kind == "diag" else variances.mean(axis=1)


def write_inputs(folder, case, scale):
    """Data and a start near the truth, as HDF5 and as the raw doubles that armadillo_em reads."""
    kind, n_rows, d, K = case
    n_rows = max(int(n_rows * scale), min(n_rows, 5 * K * (d + 4)))
    rng = np.random.default_rng(20240229)
    weights, means, covariances = random_mixture(rng, kind, d, K)
    rows = draw(rng, n_rows, weights, means, covariances)
    weights = np.full(K, 1 / K)
    means = means + 0.3 * rng.normal(size=means.shape)
    covariances = 1.5 * covariances
    with h5py.File(folder / "data.h5", "w") as file:
        file["X"] = rows
    with h5py.File(folder / "start.h5", "w") as file:
        model = file.create_group("model")
        model.attrs["covariance_type"] = kind
        model["weights"], model["means"] = weights, means
        model["covariances"] = compact(kind, covariances)
    rows.tofile(folder / "data.bin")
    with open(folder / "start.bin", "wb") as file:
        for array in (weights, means, compact(ARMADILLO_TYPE[kind], covariances)):
            np.ascontiguousarray(array).tofile(file)
    return n_rows


class Gmmpi:
    name = "gmmpi"

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def command(self, case, n_rows, n_iter):
        kind, _, _, K = case
        return [self.program, "fit", "data.h5", "-k", K, "--covariance-type", kind, "--init", "start.h5",
                "--max-iter", n_iter, "--tol", 0, "--reg-covar", 0, "-o", "out.h5", "--force"]

    def log_likelihood(self, output):
        with h5py.File(self.folder / "out.h5", "r") as file:
            return float(file["model"].attrs["log_likelihood"])


class ScikitLearn:
    name = "scikit-learn"

    def command(self, case, n_rows, n_iter):
        return [sys.executable, HERE / "compare_peers.py", "--sklearn-fit", n_iter]

    def log_likelihood(self, output):
        return float(output.split()[-1])


class Armadillo:
    name = "Armadillo"

    def __init__(self, folder):
        self.program = folder / "armadillo_em"
        subprocess.run(["g++", "-O3", "-march=native", "-fopenmp", "-DARMA_USE_OPENMP", "-DARMA_NO_DEBUG",
                        HERE / "armadillo_em.cpp", "-o", self.program, "-larmadillo"], check=True)

    def command(self, case, n_rows, n_iter):
        kind, _, d, K = case
        return [self.program, ARMADILLO_TYPE[kind], "data.bin", "start.bin", n_rows, d, K, n_iter]

    def log_likelihood(self, output):
        return float(output.split()[-1])


def sklearn_fit(n_iter):
    """What a scikit-learn process does: read, fit, print the total log-likelihood."""
    import warnings

    from sklearn.mixture import GaussianMixture

    with h5py.File("data.h5", "r") as file:
        rows = file["X"][...]
    with h5py.File("start.h5", "r") as file:
        model = file["model"]
        kind = model.attrs["covariance_type"]
        weights, means, covariances = (model[name][...] for name in ("weights", "means", "covariances"))
    precisions = np.linalg.inv(covariances) if kind in ("full", "tied") else 1 / covariances
    fit = GaussianMixture(len(weights), covariance_type=kind, tol=0, reg_covar=0, max_iter=n_iter,
                          init_params="random", random_state=0, weights_init=weights, means_init=means,
                          precisions_init=precisions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it will not converge, nor shall it
        fit.fit(rows)
    print(repr(fit.score(rows) * len(rows)))


def run(program, case, n_rows, n_iter, folder, threads):
    """Wall time of one fit in seconds and its log-likelihood."""
    command = [str(part) for part in program.command(case, n_rows, n_iter)]
    count = str(threads)
    environment = dict(os.environ, OMP_NUM_THREADS=count, OPENBLAS_NUM_THREADS=count,
                       OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"compare_peers: {' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return seconds, program.log_likelihood(done.stdout)


def extra_iterations(program, case, n_rows, folder, options):
    """How many more M-steps than SHORT make a difference of about options.seconds."""
    extra, needed = 4, 0.3 * options.seconds
    while True:
        short = run(program, case, n_rows, SHORT, folder, options.threads)[0]
        long = run(program, case, n_rows, SHORT + extra, folder, options.threads)[0]
        if long - short >= needed or extra >= 2000:
            per_iteration = max(long - short, 1e-6) / extra
            return int(np.clip(options.seconds / per_iteration, 4, 4000))
        extra *= 4


def measure(case, programs, folder, options):
    """For each program its seconds per iteration (one per repeat) and log-likelihood after SHORT."""
    n_rows = write_inputs(folder, case, options.scale)
    extra = {p.name: extra_iterations(p, case, n_rows, folder, options) for p in programs}
    seconds, log_likelihood = {p.name: [] for p in programs}, {}
    for _ in range(options.repeats):
        for program in programs:
            name = program.name
            short, log_likelihood[name] = run(program, case, n_rows, SHORT, folder, options.threads)
            long, _ = run(program, case, n_rows, SHORT + extra[name], folder, options.threads)
            seconds[name].append((long - short) / extra[name])
            if long <= short:
                print(f"compare_peers: warning: a long fit of {name} took no longer than a short one; is the "
                      "machine idle?", file=sys.stderr)
    return seconds, log_likelihood


def cell(values, mark=""):
    if not values:
        return "–"
    low, middle, high = (1e3 * f(values) for f in (min, statistics.median, max))
    return f"{middle:.4g}{mark} ({low:.4g}..{high:.4g})"


def table_row(name, kind, seconds, log_likelihood):
    """One line of the table, and whether gmmpi is the fastest and agrees with scikit-learn."""
    mark = "" if ARMADILLO_TYPE[kind] == kind else "\\*"
    medians = {program: statistics.median(values) for program, values in seconds.items()}
    own = medians.pop("gmmpi", None)
    speed_up = min(medians.values()) / own if own and medians else None
    reference = log_likelihood.get("scikit-learn")
    gaps = {p: abs(v - reference) / abs(reference) for p, v in log_likelihood.items()
            if reference and p != "scikit-learn" and not (p == "Armadillo" and mark)}
    good = (speed_up is None or (own > 0 and speed_up > 1)) and gaps.get("gmmpi", 0) < MAX_DIFFERENCE
    columns = [name, cell(seconds.get("gmmpi")), cell(seconds.get("scikit-learn")),
               cell(seconds.get("Armadillo"), mark), f"{speed_up:.2f}" if speed_up else "–",
               ", ".join(f"{p} {gap:.1e}" for p, gap in gaps.items()) or "–"]
    return "| " + " | ".join(columns) + " |", good


def blas_of_peers():
    """The BLAS library that numpy has loaded, which decides how fast the peers are."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = [line.split()[-1] for line in maps if "blas" in line]
    real = next((p for p in paths if "/libblas" in p or "openblas" in p), "unknown")
    if "openblas" not in real and "mkl" not in real:
        print("compare_peers: warning: the peers use a slow BLAS; for a fair comparison apt-get install "
              "libopenblas0-pthread", file=sys.stderr)
    return "/".join(pathlib.PurePath(real).parts[-2:])


def preamble(options):
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="ascii")
                if line.startswith("model name")), platform.machine())
    scaled = f", N times {options.scale:g}" if options.scale != 1 else ""
    return [
        f"Milliseconds per EM iteration, float64, {options.threads} threads, median (min..max) of "
        f"{options.repeats} interleaved repeats{scaled}.",
        f"{cpu}; scikit-learn {sklearn.__version__}, numpy {np.__version__}, BLAS {blas_of_peers()}.",
        f"Log-likelihoods are compared with scikit-learn's after {SHORT} M-steps (relative difference; "
        f"gmmpi must stay below {MAX_DIFFERENCE:g}).",
        "\\* Armadillo lacks this type: its next richer one is timed.",
        "",
        "| case | gmmpi | scikit-learn | Armadillo | fastest peer / gmmpi | log-likelihood |",
        "|---|---|---|---|---|---|",
    ]


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE",
                        help="of " + ", ".join(CASES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5,
                        help="time that a long fit should take over a short one")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1, help="factor on the number of rows, for a trial")
    parser.add_argument("--program", type=pathlib.Path,
                        default=HERE.parents[1] / "build/release/gmmpi")
    for peer in ("gmmpi", "sklearn", "armadillo"):
        parser.add_argument(f"--skip-{peer}", action="store_true")
    parser.add_argument("--folder", help="where the data is put for a while (default: the temporary folder)")
    parser.add_argument("--output", help="file for the table, besides standard output")
    parser.add_argument("--sklearn-fit", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def choose_programs(options, folder):
    programs = []
    if not options.skip_gmmpi:
        if not options.program.exists():
            sys.exit(f"compare_peers: {options.program} does not exist; build it or give --skip-gmmpi")
        programs.append(Gmmpi(options.program.resolve(), folder))
    if not options.skip_sklearn:
        programs.append(ScikitLearn())
    if not options.skip_armadillo:
        if pathlib.Path("/usr/include/armadillo").exists() and shutil.which("g++"):
            programs.append(Armadillo(folder))
        else:
            print("compare_peers: without Armadillo (apt-get install libarmadillo-dev)", file=sys.stderr)
    return programs


def main():
    options = parse_options()
    if options.sklearn_fit:
        sklearn_fit(options.sklearn_fit)
        return 0
    lines, all_good = preamble(options), True
    print(*lines, sep="\n", flush=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = pathlib.Path(name)
        programs = choose_programs(options, folder)
        for case in options.cases:
            line, good = table_row(case, CASES[case][0], *measure(CASES[case], programs, folder, options))
            print(line, flush=True)
            lines.append(line)
            all_good = all_good and good
    if options.output:
        pathlib.Path(options.output).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main())
