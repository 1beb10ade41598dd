#!/usr/bin/python3
"""The roofline of each case: what this machine allows an EM iteration to take at least, and what it takes.

Measured, in the instruction set that the library uses (or that of --simd): the peak rate of fused multiply-adds, the
bandwidth of reading memory, the rate of the kernel of responsibilities (log-sum-exp, in cache), and the library's
iterations in memory, all on the same threads. An iteration sweeps the data once, so it reads N d doubles; its flops are those of the dense path: 2 N K d^2 for full, 8 N K d for
diag, 2 N d^2 + 4 N K d for tied, 4 N K d for spherical. The bound is the larger of the time to read and the time to
compute, which is flops at peak plus N K responsibilities, as both occupy the same units.
"""

import pathlib
import subprocess
import sys
import tempfile

from cases import CASES, title, write_inputs
from timing import Table, environment, machine, parser, program, scaled, spread
from workers import Workers


def parse_options():
    options = parser(__doc__, CASES, CASES, repeats=10, seconds=0.5)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--simd", default="auto", help="instruction set, as gmmpi's option (default: %(default)s)")
    return options.parse_args()


def limits(options):
    """flop/s, bytes/s, responsibilities/s."""
    command = [program(options.build, "machine_bench"), str(options.threads), str(2 * options.seconds),
               options.simd]
    done = subprocess.run(command, env=environment(options.threads), capture_output=True, text=True, check=True)
    return [1e9 * float(word) for word in done.stdout.split()]


def measured(case, options):
    """Seconds per iteration, in each round."""
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = pathlib.Path(name)
        write_inputs(folder, case)
        with Workers(folder) as workers:
            workers.add_sweep("sweep", options.build, options.threads, "none", simd=options.simd)
            n = workers.count_for("sweep", options.seconds)
            return workers.interleave({"sweep": n}, options.repeats)["sweep"]


def main():
    options = parse_options()
    flops, bandwidth, rate = limits(options)
    table = Table([f"{machine()}; on {options.threads} threads {1e-9 * flops:.4g} GFLOP/s at most, "
                   f"{1e-9 * bandwidth:.3g} GB/s, {1e-9 * rate:.3g}e9 responsibilities/s{scaled(options)}."],
                  ["case", "GFLOP", "MB", "flop/byte", "flops, ms", "responsibilities, ms", "memory, ms", "bound, ms",
                   "measured, ms", "bound / measured"])
    for name in options.cases:
        case = CASES[name].scaled(options.scale)
        compute, posterior = case.flops() / flops, case.n_rows * case.K / rate
        memory = case.bytes() / bandwidth
        bound = max(memory, compute + posterior)
        seconds = measured(case, options)
        table.row(title(name), f"{1e-9 * case.flops():.3g}", f"{1e-6 * case.bytes():.3g}",
                  f"{case.flops() / case.bytes():.3g}", *(f"{1e3 * t:.3g}" for t in (compute, posterior, memory)),
                  f"{1e3 * bound:.3g} ({'memory' if bound == memory else 'computing'})", spread(seconds, 1e3, digits=3),
                  spread([bound / s for s in seconds], digits=2))
    table.write(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
