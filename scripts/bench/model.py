#!/usr/bin/python3
"""A scaling model: predicted time of an EM iteration on many ranks, from what is measured on this machine.

    T(P) = rows of the fullest rank x b + a + T_allreduce(P, m)

b, the time of a row on one thread, and a, what an iteration takes whatever the rows (M-step, factorisations, bounds,
rounding), come from iterations in memory at the full and at a small number of rows. m is the message: 3 limbs of
8 bytes for each sum, and 560 bytes. T_allreduce is the better of recursive doubling, L (alpha + m beta), and
Rabenseifner's algorithm, 2 L alpha + 2 (P - 1)/P m beta, with L = log2 P rounded up. The network's alpha and bandwidth
are given as options; what a received byte costs besides (copying, adding) is measured with two ranks that share memory.
"""

import math
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np

from cases import CASES, SIX, title, write_inputs
from timing import SKIP, Table, environment, machine, parser, program, scaled
from workers import MPIRUN, Workers

LIMBS = 3  # 64-bit integers of an exact sum (src/parallel/exact_sum.hpp)
OTHERS = 70  # those of the log-likelihood, whose range has no bound, and a count of failures


def parse_options():
    options = parser(__doc__, CASES, SIX, repeats=10, seconds=0.5, skip="none")
    options.add_argument("--ranks", nargs="+", type=int, default=[4**i for i in range(7)], metavar="P")
    options.add_argument("--alpha", type=float, default=2e-6,
                         help="seconds that a message takes in the network whatever its size (default: %(default)s)")
    options.add_argument("--bandwidth", type=float, default=12.5e9,
                         help="bytes per second between two nodes (default: %(default)s, 100 Gbit/s)")
    return options.parse_args()


def message_bytes(case):
    return 8 * (LIMBS * case.n_moments() + OTHERS)


def measure_allreduce(cases, options):
    """Seconds, and seconds per byte, of a reduction between two ranks that share memory."""
    sizes = sorted({message_bytes(case) // 8 for case in cases} | {1})
    done = subprocess.run([*MPIRUN, "-n", "2", program(options.build, "allreduce_bench"), *map(str, sizes)],
                          env=environment(1), capture_output=True, text=True, check=True)
    n_bytes, seconds = np.array([line.split() for line in done.stdout.splitlines()], dtype=float).T
    weights = 1 / seconds  # relative errors are minimised
    beta, alpha = np.polyfit(n_bytes, seconds, 1, w=weights)
    return max(alpha, 0), max(beta, 0), list(zip(n_bytes, seconds))


def measure_computing(case, options):
    """(a, b): seconds per iteration whatever the rows, and seconds per row, on one thread."""
    few = case._replace(n_rows=min(case.n_rows // 2, case.fewest_rows()))
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        top = pathlib.Path(name)
        with Workers(top) as workers:
            for label, sized in (("all", case), ("few", few)):
                (top / label).mkdir()
                write_inputs(top / label, sized)
                workers.add_sweep(label, options.build, 1, options.skip, data=f"{label}/data.h5", start=f"{label}/start.h5")
            counts = {label: workers.count_for(label, options.seconds) for label in ("all", "few")}
            seconds = {label: statistics.median(values)
                       for label, values in workers.interleave(counts, options.repeats).items()}
    per_row = (seconds["all"] - seconds["few"]) / (case.n_rows - few.n_rows)
    return max(seconds["few"] - few.n_rows * per_row, 0), per_row


def allreduce(n_ranks, n_bytes, alpha, beta):
    steps = math.ceil(math.log2(n_ranks))
    doubling = steps * (alpha + n_bytes * beta)
    halving = 2 * steps * alpha + 2 * (n_ranks - 1) / n_ranks * n_bytes * beta
    return min(doubling, halving)


def fullest_rank(case, n_ranks):
    """Its rows: ranks own whole blocks."""
    n_blocks = math.ceil(case.n_rows / case.block_rows())
    return min(case.n_rows, math.ceil(n_blocks / n_ranks) * case.block_rows())


def predicted(case, n_ranks, a, b, alpha, beta):
    return fullest_rank(case, n_ranks) * b + a + allreduce(n_ranks, message_bytes(case), alpha, beta)


def add_predictions(table, heading, computing, options, alpha, beta, rows_of):
    """A table of milliseconds and parallel efficiency; `rows_of(case, P)`: rows in all."""
    table.add("", heading, "", "| case | " + " | ".join(f"P = {p:,}" for p in options.ranks) + " |",
              "|" + "---|" * (1 + len(options.ranks)))
    for name, (case, a, b) in computing.items():
        cells = []
        for p in options.ranks:
            sized = case._replace(n_rows=rows_of(case, p))
            seconds = predicted(sized, p, a, b, alpha, beta)
            efficiency = predicted(sized, 1, a, b, alpha, beta) / (p * seconds)
            cells.append(f"{1e3 * seconds:.3g} ({100 * efficiency:.0f}%)")
        table.row(title(name), *cells)


def main():
    options = parse_options()
    cases = {name: CASES[name].scaled(options.scale) for name in options.cases}
    shared_alpha, shared_beta, points = measure_allreduce(cases.values(), options)
    alpha, beta = options.alpha, 1 / options.bandwidth + shared_beta
    computing = {name: (case, *measure_computing(case, options)) for name, case in cases.items()}
    table = Table([
        f"{machine()}{scaled(options)}. Measured between two ranks that share memory: "
        f"alpha {1e6 * shared_alpha:.3g} us, beta {1e9 * shared_beta:.3g} ns per byte.",
        f"Assumed of the network: alpha {1e6 * options.alpha:.3g} us, {1e-9 * options.bandwidth:.3g} GB/s, no "
        f"contention; so beta {1e9 * beta:.3g} ns per byte with copying and adding.",
        f"Measured with {SKIP[options.skip]}. Assumed besides: ranks of one thread each, all as fast as the one measured; memory bandwidth for all of them; "
        "the M-step done by every rank (they share it from K d^3 = 3e7 on); no watchdog."],
        ["case", "b, ns per row", "a, ms", "message, kB", "allreduce of two here, ms"])
    for name, (case, a, b) in computing.items():
        here = dict(points)[message_bytes(case)]
        table.row(title(name), f"{1e9 * b:.4g}", f"{1e3 * a:.3g}", f"{1e-3 * message_bytes(case):.4g}",
                  f"{1e3 * here:.3g}")
    add_predictions(table, "The rows of the case, shared by all ranks: ms per iteration (parallel efficiency).",
                    computing, options, alpha, beta, lambda case, p: case.n_rows)
    add_predictions(table, "The rows of the case on every rank: ms per iteration (parallel efficiency).",
                    computing, options, alpha, beta, lambda case, p: case.n_rows * p)
    table.write(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
