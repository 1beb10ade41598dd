#!/usr/bin/python3
"""One EM iteration in memory: its share of DGEMM, and what the exact sums cost.

The library's own iterations, with its exact sums and with plain sums of doubles linked in their place, take turns with
DGEMM on the same number of threads. Shares are formed round by round, that of DGEMM from wall times, that of the exact
sums from processor times, which other programs on the machine disturb less; shown are medians and quartiles. Flops of
an iteration: 2 N K d^2 for full, 8 N K d for diag, 2 N d^2 + 4 N K d for tied, 4 N K d for spherical. Ends with 1 if
exact sums take more than --most-for-exact.
"""

import pathlib
import statistics
import sys
import tempfile

import dgemm
from cases import CASES, title, write_inputs
from timing import SKIP, Table, machine, parser, ratios, scaled, spread
from workers import Workers


def parse_options():
    options = parser(__doc__, CASES, CASES, repeats=40, seconds=0.15, yardstick=True, skip="none")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--most-for-exact", type=float, default=0.03,
                         help="largest share of an iteration that exact sums may take (default: %(default)s)")
    return options.parse_args()


def measure(case, folder, options):
    """Round by round: seconds per iteration of the library and of each kind of DGEMM, and the share of processor
    time that exact sums take; the kinds."""
    write_inputs(folder, case)
    with Workers(folder) as workers:
        workers.add_sweep("exact", options.build, options.threads, options.skip)
        workers.add_sweep("plain", options.build, options.threads, options.skip, plain=True)
        blas = workers.add_dgemm(options.threads, options.dgemm_size)
        n = workers.count_for("exact", options.seconds)
        counts = {"exact": n, "plain": n} | {name: workers.count_for(name, options.seconds) for name in blas}
        seconds = workers.interleave(counts, options.repeats)
        exact, plain = (workers[name].answers[-options.repeats:] for name in ("exact", "plain"))
    if abs(plain[0][2] / exact[0][2] - 1) > 1e-9:
        sys.exit(f"plain and exact sums lead to different log-likelihoods: {plain[0][2]}, {exact[0][2]}")
    return seconds, [1 - p[1] / e[1] for p, e in zip(plain, exact)], blas


def main():
    options = parse_options()
    table, good = None, True
    for name in options.cases:
        case = CASES[name].scaled(options.scale)
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            seconds, cost, blas = measure(case, pathlib.Path(folder), options)
        if table is None:
            table = Table([f"{machine()}{scaled(options)}; {SKIP[options.skip]}."],
                          ["case", "ms", "GFLOP/s", *(f"share of {b}" for b in blas), "with plain sums, ms",
                           "exact sums' share, %"])
        exact, work = seconds["exact"], case.flops() / dgemm.flops(options.dgemm_size)
        table.row(title(name), spread(exact, 1e3), spread([1e-9 * case.flops() / s for s in exact]),
                  *(spread([work * r for r in ratios(seconds[b], exact)], digits=3) for b in blas),
                  spread(seconds["plain"], 1e3), spread(cost, 100, digits=2))
        good = good and statistics.median(cost) <= options.most_for_exact
    table.write(options.output)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
