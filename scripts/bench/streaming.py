#!/usr/bin/python3
"""An EM iteration on data that is streamed from a file, against the same data in memory.

The memory limit is a part of the file's size (--part, a quarter), and the file is in the page cache. The limit covers
all that a process takes, so the cases get as many rows as make a file of --megabytes. Times of an iteration are
differences in wall time between a long and a short fit; the two ways take turns. Both must end with the same digest.
Ends with 1 if they do not, or if streaming does not reach the --at-least that is given, times the rate in memory.
"""

import math
import pathlib
import statistics
import sys
import tempfile

import h5py

from cases import CASES, write_inputs
from timing import EXTRA, Table, iterations_for, machine, parser, program, ratios, run, seconds_per_iteration, spread

DEFAULT = [name for name, case in CASES.items() if case.d >= 16]


def parse_options():
    options = parser(__doc__, CASES, DEFAULT, repeats=3, seconds=5, scale=False)
    options.add_argument("--megabytes", type=float, default=1000, help="size of the file (default: %(default)s)")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--part", type=float, default=0.25,
                         help="of the file that may be in memory (default: %(default)s)")
    options.add_argument("--extra", type=int, help=EXTRA)
    options.add_argument("--at-least", type=float, default=-math.inf, metavar="SHARE",
                         help="of the rate in memory that streaming must reach (default: any)")
    return options.parse_args()


def measure(case, folder, options):
    """{"in memory" and "streamed": seconds per iteration, one per repeat}, and whether the digests are the same."""
    write_inputs(folder, case)
    data = folder / "data.h5"
    limit = int(options.part * data.stat().st_size)
    data.read_bytes()  # into the page cache
    ways = {"in memory": [], "streamed": ["--memory-limit", f"{limit // 1024}K"]}
    digests = {}

    def fit(way, n_iter):
        output = folder / f"{way}.h5"
        seconds, _ = run([program(options.build), "fit", data, "-k", case.K, "--covariance-type", case.kind, "--init",
                          "start.h5", "--max-iter", n_iter, "--tol", 0, "--reg-covar", 0, "-o", output, "--force",
                          *ways[way]], folder, options.threads)
        with h5py.File(output, "r") as file:
            digests.setdefault(n_iter, set()).add(file["model"].attrs["digest"])
        return seconds

    extra = options.extra or iterations_for(options.seconds, lambda n: fit("in memory", n))
    seconds = {way: [] for way in ways}
    for _ in range(options.repeats):
        for way in ways:
            seconds[way].append(seconds_per_iteration(lambda n, way=way: fit(way, n), extra))
    return seconds, all(len(found) == 1 for found in digests.values())


def main():
    options = parse_options()
    table = Table([f"Milliseconds per EM iteration, {options.threads} threads, memory limit {options.part:g} of the "
                   f"file, medians (min..max) of {options.repeats} repeats; {machine()}."],
                  ["covariances", "rows", "K", "in memory", "streamed", "rate of streaming", "same digest"])
    good = True
    for name in options.cases:
        case = CASES[name]
        case = case._replace(n_rows=int(1e6 * options.megabytes / (8 * case.d)))
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            seconds, same = measure(case, pathlib.Path(folder), options)
        rate = ratios(seconds["in memory"], seconds["streamed"])
        table.row(case.kind, f"{case.n_rows:,} x {case.d}", str(case.K),
                  *(spread(values, 1e3) for values in seconds.values()), spread(rate, digits=3), "yes" if same else "NO")
        good = good and same and statistics.median(rate) >= options.at_least
    table.write(options.output)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
