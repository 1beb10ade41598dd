#!/usr/bin/env python3
"""Says whether a program's numbers are those of tests/data/digests.json: for other compilers, flags and machines.

    GMMPI_PROGRAM=PATH tests/app/compare_digests.py [--all] [--each] [--ranks N]

Takes some of the recorded fits, which together use every option and every word that an option is given; --all takes all of them. They
run in turn on 1 to N ranks (default 3), with one thread and two, and with the instruction sets that this processor has; --each: every
fit with each of those. Prints those that differ and, last, one line; exit code 1 if any differs.
"""
import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

from digest_cases import FITS, write_inputs
from harness import gmmpi, in_parallel
from test_digests import RECORD, Folder

NUMBER = re.compile(r"[\d.]+$")


def what_it_uses(command):
    """The command, its data, its options and, of those that are given words, each with the word."""
    verb, data, *words = command.split()
    used = {verb, data}
    for option, word in zip([""] + words, words):
        used.add(word if word.startswith("--") else f"{option} {word}" if not NUMBER.match(word) else option)
    return used


def some_of(fits):
    """Few that together use what all of them use: again and again the one that adds most."""
    left, chosen = set().union(*map(what_it_uses, fits)), set()
    while left:
        best = max(fits, key=lambda fit: len(what_it_uses(fit) & left))
        chosen.add(best)
        left -= what_it_uses(best)
    return [fit for fit in fits if fit in chosen]


def instruction_sets(folder):
    """Those that the program knows and this processor runs."""
    known = re.search(r"unknown; use auto, (.*)", gmmpi("fit iris.npy -k 1 --simd ? -o m.h5", folder.path).err)
    if not known:
        raise SystemExit("compare_digests: the program does not say which instruction sets it knows")
    names = re.findall(r"\w+", known[1].replace(" or ", " "))
    sets = [name for name in names if gmmpi(f"fit iris.npy -k 1 --simd {name} -o {name}.h5", folder.path).codes == [0]]
    if not sets:
        raise SystemExit("compare_digests: the program runs with no instruction set that it knows")
    return sets


def compare(fits, max_ranks, each):
    """Runs them; returns how many have the recorded digest, and the instruction sets."""
    recorded = json.loads(RECORD.read_text())["fits"]
    with tempfile.TemporaryDirectory(prefix="gmmpi-test-") as place:
        inputs = Path(place, "inputs")
        inputs.mkdir()
        write_inputs(inputs)
        sets = instruction_sets(Folder(inputs, place))

        def problem(number, fit, simd):
            ranks, threads = 1 + number % max_ranks, 1 + number // max_ranks % 2
            try:
                found = Folder(inputs, place).fit(fit, f"--checkpoint-every never --simd {simd}", ranks, threads=threads)
            except AssertionError as failure:
                found = str(failure)
            expected = recorded[fit]["digest"]
            return found != expected and f"{fit} --simd {simd}, {ranks} ranks, {threads} threads\n  recorded {expected}\n  found    {found}"

        runs = [(number, fit, simd) for number, fit in enumerate(fits)
                for simd in (sets if each else [sets[number // (2 * max_ranks) % len(sets)]])]
        problems = in_parallel(problem, runs)
    print(*filter(None, problems), sep="\n", end="\n" if any(problems) else "")
    return len(fits) - len({fit for (_, fit, _), text in zip(runs, problems) if text}), sets


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--ranks", type=int, default=3)
    parser.add_argument("--each", action="store_true")
    options = parser.parse_args()
    fits = FITS if options.all else some_of(FITS)
    n_same, sets = compare(fits, options.ranks, options.each)
    print(f"{n_same} of {len(fits)} fits have the recorded digest ({', '.join(sets)}; 1 to {options.ranks} ranks)")
    return 0 if n_same == len(fits) else 1


if __name__ == "__main__":
    sys.exit(main())
