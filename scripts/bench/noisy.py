#!/usr/bin/python3
"""What rows with errors cost: an iteration's rate, counted as d^3/3 + 3 d^2 flops per row and component, beside DGEMM's.

One thread; least of ROUNDS fits in turns. Prints a Markdown table. The rows are drawn by `gmmpi simulate --errors`.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"
import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = [(100_000, 4, 16), (200_000, 7, 64)]  # rows, columns, components
SEPARATIONS = (0.5, 1, 2, 4)
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def run(program, *args, cwd):
    done = subprocess.run([program, *map(str, args)], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, args))}: {done.stderr}")


def seconds_of_iteration(program, folder, n_components):
    run(program, "fit", "x.h5", "-k", n_components, "--errors", "x.h5", "--init", "truth.h5", "--tol", 0, "--max-iter", 6, "--checkpoint-every", "never",
        "--force", "-o", "m.h5", cwd=folder)
    with h5py.File(folder / "m.h5") as model:
        return float(np.min(model["runtime/seconds"][1:]))


def dgemm_rate(size=2000):
    a = np.random.default_rng(1).random((size, size))
    begin = time.perf_counter()
    a @ a
    return 2 * size**3 / (time.perf_counter() - begin)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build/release/gmmpi", type=pathlib.Path)
    parser.add_argument("--rounds", default=5, type=int)
    args = parser.parse_args()
    program = str(args.program.resolve())
    print("| rows | separation | ms | ns per row and component | GFLOP/s | share of DGEMM, % |\n|---|---|---|---|---|---|")
    for n, d, k in CASES:
        for separation in SEPARATIONS:
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                run(program, "simulate", "-k", k, "--n-features", d, "-n", n, "--separation", separation, "--errors", "0.1:1", "--seed", 1, "-o", "x.h5",
                    "--model", "truth.h5", cwd=folder)
                times, rates = zip(*((seconds_of_iteration(program, folder, k), dgemm_rate()) for _ in range(args.rounds)))
            seconds = min(times)
            rate = n * k * (d**3 / 3 + 3 * d**2) / seconds
            print(f"| {n:,} x {d}, K = {k} | {separation} | {1e3 * seconds:.0f} | {1e9 * seconds / n / k:.1f} | {rate / 1e9:.1f} "
                  f"| {100 * rate / max(rates):.0f} |", flush=True)


if __name__ == "__main__":
    main()
