"""Wall times of whole programs, iterations as differences of them, and how a table shows the results."""

import argparse
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import numpy as np

import dgemm

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHORT = 4  # M-steps of a short fit
EXTRA = "M-steps of a long fit beyond those of a short one (default: as many as take --seconds)"
SKIP = {"none": "the dense path", "auto": "skipping"}
MOST_ITERATIONS = 4000  # of a long fit, beyond those of a short one


def environment(threads, **more):
    """`threads` for OpenMP and BLAS; Open MPI also as root."""
    count = str(threads)
    return dict(os.environ, OMP_NUM_THREADS=count, OPENBLAS_NUM_THREADS=count, OMPI_ALLOW_RUN_AS_ROOT="1",
                OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", **more)


def run(command, folder, threads):
    """Runs a command; its wall time in seconds and its standard output."""
    command = [str(part) for part in command]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment(threads), capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr[-2000:]}")
    return seconds, done.stdout


def iterations_for(seconds, fit, fewest=4):
    """How many more M-steps than SHORT make a difference of about `seconds`; `fit(n)` is the time of n M-steps."""
    extra = fewest
    while True:
        difference = fit(SHORT + extra) - fit(SHORT)
        if difference >= 0.3 * seconds or extra >= MOST_ITERATIONS // 2:
            per_iteration = max(difference, 1e-6) / extra
            return int(np.clip(seconds / per_iteration, fewest, MOST_ITERATIONS))
        extra *= 4


def seconds_per_iteration(fit, extra):
    """From a long and a short fit, so that reading, starting and finishing cancel."""
    short = fit(SHORT)
    long = fit(SHORT + extra)
    if long <= short:
        print("warning: a long fit took no longer than a short one; is the machine idle?", file=sys.stderr)
    return (long - short) / extra


def spread(values, scale=1.0, digits=4):
    """"median (min..max)", of many values "median (lower quartile..upper quartile)"."""
    if not values:
        return "–"
    low, high = np.quantile(values, [0.25, 0.75]) if len(values) >= 8 else (min(values), max(values))
    low, middle, high = (f"{scale * value:.{digits}g}" for value in (low, statistics.median(values), high))
    return f"{middle} ({low}..{high})"


def ratios(above, below):
    """Of values measured in the same rounds."""
    return [a / b for a, b in zip(above, below)]


def processor():
    """What kind this machine has."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        facts = dict([part.strip() for part in line.split(":", 1)] for line in lines if ":" in line)
    family = f" (family {facts['cpu family']}, model {facts['model']})" if "cpu family" in facts else ""
    return facts.get("model name", platform.machine()) + family


def machine():
    """The processor and how many of them this process may use."""
    return f"{processor()}, {len(os.sched_getaffinity(0))} processors"


def scaled(options):
    """Says so where the rows of the cases were cut."""
    return f"; rows times {options.scale:g}" if options.scale != 1 else ""


class Table:
    """A Markdown table that grows on standard output and, at the end, in a file."""

    def __init__(self, notes, columns):
        self.lines = []
        self.add(*notes, "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns))

    def add(self, *lines):
        print(*lines, sep="\n", flush=True)
        self.lines += lines

    def row(self, *cells):
        self.add("| " + " | ".join(cells) + " |")

    def write(self, path):
        if path:
            pathlib.Path(path).write_text("\n".join(self.lines) + "\n", encoding="utf-8")


def parser(description, cases, default_cases, repeats, seconds=None, scale=True, yardstick=False, skip=None):
    """The options that all benchmarks share."""
    result = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--cases", nargs="+", choices=cases, default=list(default_cases), metavar="CASE",
                        help="of " + ", ".join(cases))
    result.add_argument("--repeats", type=int, default=repeats, help="interleaved rounds (default: %(default)s)")
    if seconds:
        result.add_argument("--seconds", type=float, default=seconds,
                            help="time that one measurement should take (default: %(default)s)")
    if scale:
        result.add_argument("--scale", type=float, default=1, help="factor on the number of rows, for a trial")
    if skip:
        result.add_argument("--skip", choices=["auto", "none"], default=skip,
                            help="whether gmmpi skips work that cannot count (default: %(default)s)")
    if yardstick:
        result.add_argument("--dgemm-size", type=int, default=dgemm.SIZE, help="of its matrices (default: %(default)s)")
    result.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release",
                        help="where the programs are (default: build/release)")
    result.add_argument("--folder", type=os.path.abspath,
                        help="where the data is put for a while (default: the temporary folder)")
    result.add_argument("--output", help="file for the table, besides standard output")
    return result


def program(build, name="gmmpi"):
    """Path of gmmpi, or of a benchmark program."""
    path = (build if name == "gmmpi" else build / "scripts/bench") / name
    if not path.exists():
        sys.exit(f"{path} does not exist; build it" + ("" if name == "gmmpi" else
                 " with cmake --preset release -DGMMPI_BENCHMARKS=ON"))
    return path.resolve()
