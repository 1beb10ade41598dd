#!/usr/bin/python3
"""Times one EM iteration of gmmpi, scikit-learn, Armadillo and mclust on the same data from the same start.

Every program runs as a process of its own. The time of an iteration is the difference in wall time between a long and
a short fit over the difference in iterations, so that reading, starting and finishing cancel and nothing is
self-reported. Repeats are interleaved, with DGEMM among them; medians (min..max) are shown. Ends with 1 if
log-likelihoods disagree or gmmpi is not --at-least times as fast as the fastest peer.
"""

import pathlib
import statistics
import sys
import tempfile

import numpy as np
import sklearn

import dgemm
from cases import CASES, SIX, title, write_inputs
from programs import NAMES, choose
from timing import EXTRA, SHORT, Table, iterations_for, machine, parser, run, scaled, seconds_per_iteration, spread
from workers import Workers

MAX_DIFFERENCE = 1e-8  # of log-likelihoods, relative


def parse_options():
    options = parser(__doc__, CASES, SIX, repeats=3, seconds=5, yardstick=True)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--programs", nargs="+", choices=NAMES, default=NAMES, metavar="PROGRAM",
                         help="of " + ", ".join(NAMES))
    options.add_argument("--extra", type=int, help=EXTRA)
    options.add_argument("--at-least", type=float, default=1, metavar="TIMES",
                         help="as fast as the fastest peer gmmpi must be (default: %(default)s)")
    options.add_argument("--slow-scale", type=float, default=0.1,
                         help="factor on the rows for mclust; its times are divided by it (default: %(default)s)")
    options.add_argument("--slow-repeats", type=int, default=2, help="repeats of mclust (default: %(default)s)")
    return options.parse_args()


class Measured:
    """What was found about one case."""

    def __init__(self, case, programs):
        self.case = case
        self.seconds = {p.name: [] for p in programs}  # per iteration of all rows
        self.gaps = {}  # relative differences in log-likelihood from the first program on the same rows
        self.dgemm = {}  # GFLOP/s of each kind

    def median(self, name):
        return statistics.median(self.seconds[name])


class Place:
    """A folder with the inputs of a case, and what the reference makes of them."""

    def __init__(self, folder, case, programs, threads):
        self.folder, self.case, self.threads = folder, case, threads
        self.log_likelihood = {}  # of each program after SHORT M-steps
        folder.mkdir()
        write_inputs(folder, case, {p.timed_kind(case.kind) for p in programs})

    def fit(self, program, n_iter):
        """Wall time of one fit in seconds."""
        seconds, output = run(program.command(self.case, n_iter), self.folder, self.threads)
        if n_iter == SHORT:
            self.log_likelihood[program.name] = program.log_likelihood(self.folder, output)
        return seconds


def measure(case, programs, folder, options):
    """All repeats of all programs on one case."""
    found = Measured(case, programs)
    slow_case = case.scaled(options.slow_scale)
    places = {False: Place(folder / "all", case, programs, options.threads)}
    if any(p.slow for p in programs):
        places[True] = Place(folder / "fewer", slow_case, programs, options.threads)
    rows_share = {False: 1.0, True: slow_case.n_rows / case.n_rows}
    for place in places.values():
        place.fit(programs[0], SHORT)  # the reference
    time = {p.name: lambda n, p=p: places[p.slow].fit(p, n) for p in programs}
    extra = {p.name: options.extra or iterations_for(options.seconds, time[p.name], fewest=1 if p.slow else 4)
             for p in programs}
    with Workers(folder) as workers:
        kinds = workers.add_dgemm(options.threads, options.dgemm_size)
        counts = {kind: workers.count_for(kind, 0.1 * options.seconds) for kind in kinds}
        found.dgemm = {kind: [] for kind in kinds}
        for repeat in range(options.repeats):
            for p in programs:
                if not (p.slow and repeat >= options.slow_repeats):
                    seconds = seconds_per_iteration(time[p.name], extra[p.name])
                    found.seconds[p.name].append(seconds / rows_share[p.slow])
            for kind, n in counts.items():
                found.dgemm[kind].append(1e-9 * n * dgemm.flops(options.dgemm_size) / workers[kind].seconds(n))
    for p in programs[1:]:
        if p.timed_kind(case.kind) == case.kind:
            likelihoods = places[p.slow].log_likelihood
            found.gaps[p.name] = abs(likelihoods[p.name] / likelihoods[programs[0].name] - 1)
    return found


def speed_ups(found, programs):
    """{gmmpi's name: time of the fastest peer over its own}."""
    own = [p.name for p in programs if p.name.startswith("gmmpi")]
    peers = [found.median(p.name) for p in programs if p.name not in own]
    return {name: min(peers) / found.median(name) for name in own} if peers else {}


def table_row(name, found, programs, options):
    """The cells of a row, and whether log-likelihoods agree and gmmpi is fast enough."""
    case, faster = found.case, speed_ups(found, programs)
    marks = {p.name: "\\*" if p.timed_kind(case.kind) != case.kind else
             "‡" if p.slow and options.slow_scale != 1 else "" for p in programs}
    shares = []
    if case.kind == "full" and "gmmpi, dense" in found.seconds:
        rate = 1e-9 * case.flops() / found.median("gmmpi, dense")
        shares = [rate / statistics.median(rates) for rates in found.dgemm.values()]
    good = max(found.gaps.values(), default=0) < MAX_DIFFERENCE and \
        (not faster or max(faster.values()) >= options.at_least)
    cells = [title(name), *(spread(found.seconds[p.name], 1e3) + marks[p.name] for p in programs),
             " / ".join(f"{value:.1f}" for value in faster.values()) or "–",
             "; ".join(spread(rates, digits=3) for rates in found.dgemm.values()),
             "; ".join(f"{100 * share:.0f}%" for share in shares) or "–",
             f"{max(found.gaps.values()):.0e}" if found.gaps else "–"]
    return cells, good


def notes(options, blas):
    return [
        f"Milliseconds per EM iteration, float64, {options.threads} threads, median (min..max) of {options.repeats} "
        f"interleaved repeats{scaled(options)}.",
        f"{machine()}; scikit-learn {sklearn.__version__}, numpy {np.__version__}, DGEMM in GFLOP/s of "
        f"{'; '.join(blas)} on as many threads, in the same rounds.",
        f"Log-likelihoods after {SHORT} M-steps differ at most by the relative figure in the last column.",
        "\\* It lacks this type: its next richer one is timed, and its log-likelihood not compared.",
        f"‡ Timed on a part of the rows (a factor of {options.slow_scale:g}), and divided by it.",
    ]


def main():
    options = parse_options()
    table, all_good = None, True
    with tempfile.TemporaryDirectory(dir=options.folder) as top:
        programs = choose(options.programs, options.build, pathlib.Path(top))
        for name in options.cases:
            with tempfile.TemporaryDirectory(dir=top) as folder:
                found = measure(CASES[name].scaled(options.scale), programs, pathlib.Path(folder), options)
            own = [p.name.removeprefix("gmmpi, ") for p in programs if p.name.startswith("gmmpi")]
            if table is None:
                table = Table(notes(options, [kind.rpartition(",")[0] for kind in found.dgemm]),
                              ["case", *(p.name for p in programs), f"fastest peer / gmmpi ({', '.join(own)})", "DGEMM",
                               "dense share of DGEMM", "log-likelihoods"])
            cells, good = table_row(name, found, programs, options)
            table.row(*cells)
            all_good = all_good and good
    table.write(options.output)
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main())
