#!/usr/bin/env python3
"""BIC of every structure and K = 1 to 9 against R's mclust on five classic data sets, as tables for the documents.

Needs Rscript with mclust (Debian: r-cran-mclust), whose data they are. --program names gmmpi; --n-init how many starts each of its
fits has. Signs are gmmpi's: lower is better. A difference below zero: gmmpi's model is the better one. The first table sums up, the
others (--cells) hold the difference of every cell. Ends with 1 where a cell is worse by more than 0.01.
"""
import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py

EXPORT = """
suppressMessages(library(mclust)); data(thyroid); data(diabetes); data(banknote)
sets <- list(faithful=faithful, iris=iris[,1:4], thyroid=thyroid[,-1], diabetes=diabetes[,-1], banknote=banknote[,-1])
for (n in names(sets)) {
  write.csv(format(sets[[n]], digits=17), paste0(n, ".csv"), row.names=FALSE, quote=FALSE)
  b <- mclustBIC(sets[[n]], G=1:9, verbose=FALSE)
  out <- data.frame(K=as.integer(rownames(b)), matrix(as.numeric(b), nrow=nrow(b)))
  names(out) <- c("K", colnames(b)); write.csv(out, paste0("bic_", n, ".csv"), row.names=FALSE)
}
"""
SETS = ("faithful", "iris", "thyroid", "diabetes", "banknote")
STRUCTURES = "EII VII EEI VEI EVI VVI EEE VEE EVE VVE EEV VEV EVV VVV".split()
ALIAS = {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII"}
NUMBERS = range(1, 10)
AGREE, WORSE = 0.2, 0.01
WRONG_IN_MCLUST = "VVE"
HEAD = ("data", "best of mclust", "best of gmmpi", "cells of both", "equal to 0.2", "better", "worse by 0.01", "degenerate", "mclust has none", "VVE")


def of_mclust(path):
    """{(type, K): bic}, of fits that mclust has."""
    with open(path) as file:
        return {(name, int(row["K"])): -float(value) for row in csv.DictReader(file)
                for name, value in row.items() if name != "K" and value != "NA"}


def of_gmmpi(path):
    """{(type, K): (bic, degenerate)} of fitted candidates, and the best."""
    with h5py.File(path) as file:
        grid = file["grid"]
        text = [name.decode() for name in grid["covariance_type"][:]]
        keys = [(ALIAS.get(name, name), int(K)) for name, K in zip(text, grid["n_components"][:])]
        cells = {key: (bic, bool(mark)) for key, bic, mark, fitted
                 in zip(keys, grid["bic"][:], grid["degenerate"][:], grid["fitted"][:]) if fitted}
        return cells, keys[int(grid.attrs["best"])]


def compared(name, theirs, ours, best):
    """A line of the first table, and the cells that are worse with their differences."""
    differences = {key: ours[key][0] - theirs[key] for key in theirs if key in ours}
    vve = [d for key, d in differences.items() if key[0] == WRONG_IN_MCLUST]
    judged = {key: d for key, d in differences.items() if key[0] != WRONG_IN_MCLUST}
    worse = {key: d for key, d in judged.items() if d > WORSE}
    first = min(theirs, key=theirs.get)
    line = (name, f"{first[0]}, {first[1]}: {theirs[first]:.3f}", f"{best[0]}, {best[1]}: {ours[best][0]:.3f}", len(judged),
            sum(-AGREE <= d <= WORSE for d in judged.values()), sum(d < -AGREE for d in judged.values()),
            "; ".join(f"{key[0]}, {key[1]}: {d:.3f}" for key, d in worse.items()) or "none",
            sum(ours[key][1] for key in judged), sum(key not in theirs and not mark for key, (_, mark) in ours.items()),
            f"{min(vve):.2f} to {max(vve):.2f}")
    return line, worse


def cell(key, theirs, ours):
    if key not in ours:
        return "not fitted"
    mark = "*" if ours[key][1] else ""
    return f"{ours[key][0] - theirs[key]:.2f}{mark}" if key in theirs else f"no mclust{mark}"


def print_row(words):
    print("| " + " | ".join(map(str, words)) + " |", flush=True)


def print_cells(name, theirs, ours):
    print(f"\n{name}, BIC less mclust's (*: gmmpi's is degenerate):\n")
    print_row(("K", *STRUCTURES))
    print_row(["---"] * (1 + len(STRUCTURES)))
    for K in NUMBERS:
        print_row((K, *(cell((structure, K), theirs, ours) for structure in STRUCTURES)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/gmmpi")
    parser.add_argument("--n-init", type=int, default=20)
    parser.add_argument("--data", nargs="*", default=SETS, choices=SETS)
    parser.add_argument("--cells", action="store_true", help="print every cell, too")
    parser.add_argument("--more", default="", help="further options of gmmpi select")
    args = parser.parse_args()
    program = str(Path(args.program).resolve())
    n_worse, tables = 0, []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["Rscript", "-e", EXPORT], cwd=folder, check=True)
        print_row(HEAD)
        print_row(["---"] * len(HEAD))
        for name in args.data:
            subprocess.run([program, "select", f"{name}.csv", "-k", "1:9", "--covariance-type", "all", "--n-init", str(args.n_init),
                            *args.more.split(), "-o", f"{name}.h5"], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            theirs = of_mclust(Path(folder, f"bic_{name}.csv"))
            ours, best = of_gmmpi(Path(folder, f"{name}.h5"))
            line, worse = compared(name, theirs, ours, best)
            print_row(line)
            n_worse += len(worse)
            tables.append((name, theirs, ours))
    if args.cells:
        for table in tables:
            print_cells(*table)
    return 1 if n_worse else 0


if __name__ == "__main__":
    sys.exit(main())
