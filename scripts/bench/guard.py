#!/usr/bin/python3
"""Says whether a kernel got slower: its rate over that of DGEMM, against the ratio recorded for such a machine.

    guard.py             compare: 0 all well, 1 a kernel is slower, 2 nothing is recorded for such a machine
    guard.py --record    measure and write the record

The kernels run on one thread in random order with DGEMM among them, in several processes; the best rate of each
counts, as whatever else runs on the machine, or how memory happens to be aligned, can only slow them down. What seems
slower is measured again before it is said. The record, guard.json, holds the ratios of each kind of machine: processor,
instruction set, BLAS.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

from timing import ROOT, processor, program

HERE = pathlib.Path(__file__).resolve().parent
YARDSTICK = "dgemm/512"


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the record of this kind of machine")
    parser.add_argument("--rounds", type=int, default=8, help="runs of the benchmark (default: %(default)s)")
    parser.add_argument("--repetitions", type=int, default=2, help="of each kernel in a run (default: %(default)s)")
    parser.add_argument("--tolerance", type=float, default=0.1,
                        help="how much slower counts as slower (default: %(default)s)")
    parser.add_argument("--kernels", default=".*", metavar="REGEX", help="only those")
    parser.add_argument("--simd", default="auto", help="instruction set, as of gmmpi (default: %(default)s)")
    parser.add_argument("--file", type=pathlib.Path, default=HERE / "guard.json", help="the record")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release",
                        help="where the programs are (default: build/release)")
    return parser.parse_args()


class Rates:
    """The best rate of each kernel so far."""

    def __init__(self, options):
        self.options, self.program = options, program(options.build, "kernel_bench")
        self.best, self.machine = {}, ""

    def measure(self, kernels, n_rounds):
        """`kernels`: a regular expression."""
        for _ in range(n_rounds):
            done = subprocess.run(
                [self.program, f"--benchmark_filter=^({kernels}|{YARDSTICK})$", "--benchmark_format=json",
                 "--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.005",
                 f"--benchmark_repetitions={self.options.repetitions}", self.options.simd],
                capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"guard: kernel_bench ended with {done.returncode}: {done.stderr[-2000:]}")
            report = json.loads(done.stdout)
            context = report["context"]
            self.machine = f"{processor()}, {context['kernels']}, {context['blas']}"
            for run in report["benchmarks"]:
                if run["run_type"] == "iteration":
                    name, rate = run["run_name"], run.get("GFLOP/s") or run["Gvalues/s"]
                    self.best[name] = max(self.best.get(name, 0), rate)

    def ratios(self):
        """Of all kernels to DGEMM."""
        return {name: rate / self.best[YARDSTICK] for name, rate in sorted(self.best.items(), key=order)
                if name != YARDSTICK}


def order(item):
    """Kernels by name, then by size."""
    kernel, _, size = item[0].partition("/")
    return kernel, int(size or 0)


def slower(ratios, recorded, tolerance):
    return [name for name, ratio in ratios.items() if name in recorded and ratio < (1 - tolerance) * recorded[name]]


def verdict(name, ratio, recorded, tolerance):
    if name not in recorded:
        return "new"
    change = ratio / recorded[name] - 1
    if abs(change) <= tolerance:
        return "ok"
    return f"{'slower' if change < 0 else 'faster'} ({change:+.0%})"


def record(file, rates):
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    known[rates.machine] = known.get(rates.machine, {}) | {n: float(f"{r:.3g}") for n, r in rates.ratios().items()}
    file.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    print(f"recorded {len(rates.ratios())} kernels for {rates.machine} in {file}")


def main():
    options = parse_options()
    rates = Rates(options)
    rates.measure(options.kernels, 2 * options.rounds if options.record else options.rounds)
    if options.record:
        record(options.file, rates)
        return 0
    known = json.loads(options.file.read_text(encoding="utf-8")) if options.file.exists() else {}
    recorded = known.get(rates.machine)
    if recorded is None:
        print(f"guard: {options.file} has no record for {rates.machine}; make one with --record", file=sys.stderr)
        return 2
    for _ in range(2):
        suspects = slower(rates.ratios(), recorded, options.tolerance)
        if suspects:
            rates.measure("|".join(re.escape(name) for name in suspects), 2 * options.rounds)
    print(f"{rates.machine}; DGEMM {rates.best[YARDSTICK]:.1f} GFLOP/s\n"
          f"{'kernel':28}{'rate, G/s':>10}{'to DGEMM':>10}{'recorded':>10}")
    for name, ratio in rates.ratios().items():
        print(f"{name:28}{rates.best[name]:10.2f}{ratio:10.3f}{recorded.get(name, float('nan')):10.3f}  "
              f"{verdict(name, ratio, recorded, options.tolerance)}")
    worse = slower(rates.ratios(), recorded, options.tolerance)
    print(f"guard: {len(worse)} of {len(rates.ratios())} kernels slower than recorded")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
