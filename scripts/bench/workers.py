"""Programs that hold their data and do a given number of iterations on demand, so that rounds interleave finely."""

import os
import pathlib
import subprocess
import sys

import dgemm
from timing import environment, program

HERE = pathlib.Path(__file__).resolve().parent
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none"]


class Worker:
    """A process (or several ranks) that reads numbers of iterations from the pipes CONTROL.<rank>, waits there
    without using a processor, and prints a line that begins with the seconds they took."""

    n_started = 0

    def __init__(self, folder, command, threads, ranks=1, **environ):
        Worker.n_started += 1
        control = folder / f"control{Worker.n_started}"
        paths = [f"{control}.{rank}" for rank in range(ranks)]
        for path in paths:
            os.mkfifo(path)
        launcher = MPIRUN + ["-n", str(ranks)] if ranks > 1 else []
        words = [*launcher, *(control if word == "CONTROL" else word for word in command)]
        self.errors = open(f"{control}.errors", "w+", encoding="utf-8")
        self.process = subprocess.Popen([str(word) for word in words], cwd=folder, env=environment(threads, OMP_WAIT_POLICY="passive", **environ),
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True)
        # Open for reading as well: opening does not wait for a process that may never come.
        self.pipes = [os.open(path, os.O_RDWR) for path in paths]
        self.facts = self.answer().removeprefix("ready").strip()
        self.answers = []  # the numbers of each answer

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            sys.exit(f"{' '.join(self.process.args)}\nended early:\n{self.errors.read()[-2000:]}")
        return line.strip()

    def seconds(self, n):
        """For n iterations."""
        for pipe in self.pipes:
            os.write(pipe, f"{n}\n".encode())
        self.answers.append([float(word) for word in self.answer().split()])
        return self.answers[-1][0]

    def close(self):
        for pipe in self.pipes:
            os.close(pipe)
        self.process.communicate()
        self.errors.close()


class Workers:
    """Named workers that are closed together."""

    def __init__(self, folder):
        self.folder, self.all = folder, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self.all.values():
            worker.close()

    def __getitem__(self, name):
        return self.all[name]

    def add_sweep(self, name, build, threads, skip, ranks=1, plain=False, data="data.h5", start="start.h5", simd="auto"):
        """EM iterations of the library on `data` from `start`; `skip` and `simd` as gmmpi's options."""
        path = program(build, "sweep_bench_plain" if plain else "sweep_bench")
        self.all[name] = Worker(self.folder, [path, data, start, "CONTROL", threads, skip, simd], threads, ranks)

    def add_dgemm(self, threads, size):
        """One worker for each kind of DGEMM; their names."""
        names = []
        for kind in dgemm.kinds():
            # Its threads shall sleep, not spin, while others are measured.
            worker = Worker(self.folder, [sys.executable, HERE / "dgemm.py", "CONTROL", size], threads,
                            OPENBLAS_THREAD_TIMEOUT="16", **kind)
            names.append(f"{worker.facts}, {threads} threads" if threads > 1 else f"{worker.facts}, 1 thread")
            self.all[names[-1]] = worker
        return names

    def count_for(self, name, seconds):
        """How many iterations take about that long."""
        self[name].seconds(1)  # first touches
        n, taken = 1, 0.0
        while (taken := self[name].seconds(n)) < 0.2 * seconds and n < 10_000:
            n *= 4
        return max(1, round(seconds * n / taken))

    def interleave(self, counts, n_rounds):
        """{name: seconds per iteration in each round}; counts: iterations of each. The order changes by turns."""
        result = {name: [] for name in counts}
        for r in range(n_rounds):
            names = list(counts)
            names = names[r % len(names):] + names[:r % len(names)]
            for name in names:
                result[name].append(self[name].seconds(counts[name]) / counts[name])
        return result
