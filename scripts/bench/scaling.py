#!/usr/bin/python3
"""How an EM iteration gains from threads and ranks, against what DGEMM gains from as many threads.

Layouts are written RANKSxTHREADS and are compared with the first one. Iterations in memory take turns with DGEMM;
ratios are formed round by round; shown are medians and quartiles. "Share" is the speed-up over the gain of DGEMM
on as many threads as the layout has in all: what the machine gave, not what its processors promise. The last column
is the time over that of the first layout with as many threads in all.
"""

import pathlib
import statistics
import sys
import tempfile

from cases import CASES, SIX, title, write_inputs
from timing import SKIP, Table, machine, parser, ratios, scaled, spread
from workers import Workers


def parse_options():
    options = parser(__doc__, CASES, SIX, repeats=40, seconds=0.2, yardstick=True, skip="auto")
    options.add_argument("--layouts", nargs="+", default=["1x1", "1x2", "2x1"], metavar="RANKSxTHREADS")
    return options.parse_args()


def size(layout):
    """(ranks, threads per rank)."""
    ranks, threads = layout.split("x")
    return int(ranks), int(threads)


def total(layout):
    ranks, threads = size(layout)
    return ranks * threads


def measure(case, folder, options):
    """{layout or (kind of DGEMM, threads): seconds in each round}, and the kinds of DGEMM."""
    write_inputs(folder, case)
    with Workers(folder) as workers:
        for layout in options.layouts:
            ranks, threads = size(layout)
            workers.add_sweep(layout, options.build, threads, options.skip, ranks)
        blas = {n: workers.add_dgemm(n, options.dgemm_size) for n in sorted(set(map(total, options.layouts)))}
        n = workers.count_for(options.layouts[0], options.seconds)
        counts = dict.fromkeys(options.layouts, n)
        for name in (name for names in blas.values() for name in names):
            counts[name] = workers.count_for(name, options.seconds)
        return workers.interleave(counts, options.repeats), blas


def main():
    options = parse_options()
    table = Table([f"{machine()}{scaled(options)}; {SKIP[options.skip]}."],
                  ["case", "ranks x threads", "ms", "speed-up", "gain of DGEMM", "share", "time over that of as many"])
    for name in options.cases:
        case = CASES[name].scaled(options.scale)
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            seconds, blas = measure(case, pathlib.Path(folder), options)
        first = options.layouts[0]
        for layout in options.layouts:
            equal = next(other for other in options.layouts if total(other) == total(layout))
            speed_up = ratios(seconds[first], seconds[layout])
            gains = [ratios(seconds[before], seconds[after])
                     for before, after in zip(blas[total(first)], blas[total(layout)])]
            table.row(title(name), layout.replace("x", " x "), spread(seconds[layout], 1e3), spread(speed_up, digits=3),
                      "; ".join(spread(gain, digits=3) for gain in gains),
                      "; ".join(f"{statistics.median(ratios(speed_up, gain)):.3g}" for gain in gains),
                      spread(ratios(seconds[layout], seconds[equal]), digits=3) if equal != layout else "–")
    table.add("", "DGEMM: " + "; ".join(name.rpartition(",")[0] for name in blas[total(first)]) + ".")
    table.write(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
