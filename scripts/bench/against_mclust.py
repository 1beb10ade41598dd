#!/usr/bin/env python3
"""BIC of every structure and K = 1 to 9 against R's mclust on five classic data sets, as a table for the documents.

Needs Rscript with mclust (Debian: r-cran-mclust). --program names gmmpi; --n-init how many starts each of its fits has.
Signs are gmmpi's: lower is better. A difference below zero: gmmpi's model is the better one.
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
ALIAS = {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII"}
AGREE, WORSE = 0.2, 0.01
WRONG_IN_MCLUST = "VVE"


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/gmmpi")
    parser.add_argument("--n-init", type=int, default=20)
    parser.add_argument("--data", nargs="*", default=SETS, choices=SETS)
    parser.add_argument("--more", default="", help="further options of gmmpi select")
    args = parser.parse_args()
    program = str(Path(args.program).resolve())
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["Rscript", "-e", EXPORT], cwd=folder, check=True)
        print("| data | best of mclust | best of gmmpi | cells of both | equal (0.2) | better | worse by 0.01 | worst | VVE better by |")
        print("|---|---|---|---|---|---|---|---|---|")
        for name in args.data:
            subprocess.run([program, "select", f"{name}.csv", "-k", "1:9", "--covariance-type", "all", "--n-init", str(args.n_init),
                            "--tol", "1e-8", *args.more.split(), "-o", f"{name}.h5", "--force"],
                           cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            theirs = of_mclust(Path(folder, f"bic_{name}.csv"))
            ours, best = of_gmmpi(Path(folder, f"{name}.h5"))
            sound = {key: cell for key, cell in ours.items() if not cell[1]}
            differences = {key: sound[key][0] - theirs[key] for key in theirs if key in sound and key[0] != WRONG_IN_MCLUST}
            vve = [sound[key][0] - theirs[key] for key in theirs if key in sound and key[0] == WRONG_IN_MCLUST]
            first = min(theirs, key=theirs.get)
            worse = {key: d for key, d in differences.items() if d > WORSE}
            worst = max(worse, key=worse.get) if worse else None
            print(f"| {name} | {first[0]}, {first[1]}: {theirs[first]:.3f} | {best[0]}, {best[1]}: {ours[best][0]:.3f} | {len(differences)} "
                  f"| {sum(abs(d) <= AGREE for d in differences.values())} | {sum(d < -AGREE for d in differences.values())} "
                  f"| {len(worse)} | {f'{worst[0]}, {worst[1]}: {worse[worst]:.3f}' if worst else 'none'} "
                  f"| {-max(vve):.2f} to {-min(vve):.2f} |")
            for key, d in sorted(worse.items()):
                print(f"{name} {key[0]} {key[1]}: {d:.4f} worse", file=sys.stderr)


if __name__ == "__main__":
    main()
