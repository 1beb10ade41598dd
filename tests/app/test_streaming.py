# --memory-limit: the same results as in memory, from files of four times the limit; below it; and errors that help.
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import h5py
import numpy as np

from harness import MPIRUN, NOTE_CODE, PROGRAM, SANITIZED, TIMEOUT, ProgramTest, Run, environment, gmmpi, start_and_wait
from interrupt import interrupt

MIB = 2**20
D = 16

# Waits for one program and writes its peak memory in KiB to peak.<rank>.
MEASURE = """
import os, sys
pid = os.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
with open("peak." + os.environ.get("OMPI_COMM_WORLD_RANK", "0"), "w") as f:
    f.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def write_rows(to, n):
    """The rows of one small table of numbers that f4 holds, too, over and over, moved a little."""
    rng = np.random.default_rng(6)
    table = np.round(64 * (rng.normal(size=(5000, D)) + rng.integers(0, 4, (5000, 1)))) / 64
    for first in range(0, n, len(table)):
        to[first:first + len(table)] = (table + first // len(table) % 7)[:n - first]


class StreamingTest(ProgramTest):
    """Files of one class lie in cls.data."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = Path(tempfile.mkdtemp(prefix="gmmpi-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.data)

    def peaks(self, args, ranks=1):
        """Output of a run, and the most memory that each rank had, in bytes."""
        command = [sys.executable, "-c", MEASURE, str(PROGRAM), *args.split()]
        if ranks > 1:
            command = [*MPIRUN, "-n", str(ranks), *command]
        out, err, code = start_and_wait(command, self.dir, environment(threads=2 if ranks == 1 else 1), 2 * TIMEOUT)
        self.assertEqual(code, 0, err)
        return out + err, [1024 * int((self.dir / f"peak.{rank}").read_text()) for rank in range(ranks)]


@unittest.skipIf(SANITIZED, "a sanitizer takes memory for itself")
class FourTimesTheLimit(StreamingTest):
    LIMIT = 52  # MiB; the program alone takes 27
    N = 4 * LIMIT * MIB // (8 * D)
    FIT = "-k 4 --init random --max-iter 2 --tol 0 -o m.h5 --force"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with h5py.File(cls.data / "x.h5", "w") as f:
            write_rows(f.create_dataset("X", (cls.N, D), "f8"), cls.N)
            write_rows(f.create_dataset("X4", (2 * cls.N, D), "f4"), 2 * cls.N)
            write_rows(f.create_dataset("gzip", (cls.N, D), "f8", chunks=(5000, 3), compression="gzip", compression_opts=1,
                                        shuffle=True), cls.N)
            f["sample_weight"] = np.arange(cls.N) % 4 * 0.25
        write_rows(np.lib.format.open_memmap(cls.data / "x.npy", "w+", "f8", (cls.N, D)), cls.N)

    def digest(self, args, ranks=1, limit=None):
        out, peaks = self.peaks(f"fit {self.data}/{args} {self.FIT}" + (f" --memory-limit {limit}M" if limit else ""), ranks)
        self.assertIn("streamed from the file" if limit else "held in memory", out)
        if limit:
            self.assertLess(max(peaks), limit * MIB)
            self.assertGreater(max(peaks), 0.8 * limit * MIB, "what may be held is not")
        return re.search("^digest (.*)", out, re.MULTILINE)[1]

    def test_digests_and_memory(self):
        for same in (("x.h5", "x.npy", "x.h5:/gzip"), ("x.h5:/X4",), (f"x.h5 --sample-weight {self.data}/x.h5",)):
            expected = self.digest(same[0])
            for args in same:
                for ranks in (1, 3):
                    with self.subTest(args, ranks=ranks):
                        self.assertEqual(self.digest(args, ranks, self.LIMIT), expected)


class Streaming(StreamingTest):
    N = 48 * MIB // (8 * D)
    FIT = "-k 4 --init random-from-data --seed 3 --tol 0 -o m.h5"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with h5py.File(cls.data / "x.h5", "w") as f:
            write_rows(f.create_dataset("X", (cls.N, D), "f8"), cls.N)
            write_rows(f.create_dataset("chunked", (cls.N, D), "f8", chunks=(1000, D)), cls.N)
        write_rows(np.lib.format.open_memmap(cls.data / "x.npy", "w+", "f8", (cls.N, D)), cls.N)
        cls.limits = {ranks: cls.least(f"fit {cls.data}/x.h5 {cls.FIT}", cls.data, ranks) for ranks in (1, 3)}

    @staticmethod
    def least(args, cwd, ranks=1):
        """MiB that the message names."""
        run = gmmpi(f"{args} --memory-limit 1M", cwd, ranks)
        return int(re.search(r"give --memory-limit (\d+)M or more", run.err)[1])

    def streamed(self, ranks=1):
        return f"--memory-limit {self.limits[ranks]}M"

    def test_the_least_limit_is_named_and_suffices(self):
        fit = f"fit {self.data}/x.h5 {self.FIT} --max-iter 1 --force"
        for args in (fit, fit.replace("random-from-data", "kmeans"), f"score {self.data}/x.h5:/chunked m.h5"):
            for ranks in (1, 3):
                with self.subTest(args, ranks=ranks):
                    least = self.least(args, self.dir, ranks)
                    out, peaks = self.peaks(f"{args} --memory-limit {least}M", ranks)
                    if not SANITIZED:
                        self.assertLess(max(peaks), least * MIB)
                    run = gmmpi(f"{args} --memory-limit {least // 2}M", self.dir, ranks)
                    self.check_failure(run, 71, ["x.h5", "--memory-limit"])

    def test_dry_run_and_log_say_how(self):
        run = self.run_ok(f"fit {self.data}/x.h5 {self.FIT} {self.streamed()} --dry-run")
        self.assertRegex(run.err, r"rows: streamed from the file in every sweep, through \d+ buffers of \S+ \w+; \S+ \w+ are held")
        self.assertIn("rows: held in memory", self.run_ok(f"fit {self.data}/x.h5 {self.FIT} --memory-limit 2T --dry-run").err)
        for limit, streamed in ((self.streamed(), True), ("", False)):
            self.run_ok(f"fit {self.data}/x.h5 {self.FIT} --max-iter 1 --force --log-json log.json {limit}")
            start = json.loads((self.dir / "log.json").read_text().splitlines()[0])
            self.assertEqual(start["streamed"], streamed)
            (self.dir / "log.json").unlink()

    def test_the_limit_is_an_option_without_a_digit(self):
        """It is written down, but not part of the digest: a fit that is complete stays complete."""
        fit = f"fit {self.data}/x.h5 {self.FIT} --max-iter 1"
        self.run_ok(f"{fit} {self.streamed()}")
        with h5py.File(self.dir / "m.h5") as f:
            self.assertEqual(f["options"].attrs["memory_limit"], f"{self.limits[1]}M")
            digest = f["model"].attrs["digest"]
        self.assertIn(f"digest {digest}", self.run_ok(fit).out)

    def test_what_a_model_is_used_for(self):
        """Streamed or not, every command prints and writes the same."""
        self.run_ok(f"fit {self.data}/x.h5 {self.FIT} --max-iter 2")
        self.run_ok(f"fit {self.data}/x.h5 {self.FIT} --max-iter 3 -o other.h5".replace("-o m.h5", ""))
        commands = (f"score {self.data}/x.h5:/chunked m.h5", f"compare m.h5 other.h5 --data {self.data}/x.h5 -n 1000",
                    f"predict {self.data}/x.h5 m.h5 --responsibilities --mahalanobis --outliers 0.01 -o out.h5 --force",
                    f"regress {self.data}/x.h5 m.h5 --target 3,1 -o out.h5 --force")
        for command in commands:
            def results(run):
                written = h5py.File(self.dir / "out.h5") if "out.h5" in command else {}
                return run.out, {name: written[name][()].tobytes() for name in written}

            expected = results(self.run_ok(command))
            for ranks in (1, 3):
                with self.subTest(command, ranks=ranks):
                    limit = self.least(command, self.dir, ranks)
                    self.assertEqual(results(self.run_ok(f"{command} --memory-limit {limit}M", ranks)), expected)

    def test_text_is_refused(self):
        np.savetxt(self.dir / "x.csv", np.arange(40_000.0).reshape(-1, 4), delimiter=",")
        run = gmmpi(f"fit x.csv {self.FIT} --memory-limit 2M", self.dir)
        self.check_failure(run, 71, ["x.csv", "gmmpi convert", "--memory-limit"])
        enough = re.search(r"give --memory-limit (\d+M)", run.err)[1]
        self.run_ok(f"fit x.csv {self.FIT} --max-iter 1 --memory-limit {enough}")

    def test_interrupted_and_resumed(self):
        """Also in the other way, and on another number of ranks."""
        fit = f"fit {self.data}/x.h5 {self.FIT} --max-iter 40"
        expected = json.loads(self.run_ok(f"{fit} --json").out)["digest"]
        os.remove(self.dir / "m.h5")
        for ranks, then_ranks, then in ((1, 1, self.streamed()), (3, 1, ""), (1, 3, self.streamed(3))):
            with self.subTest(ranks=ranks, then_ranks=then_ranks, then=then):
                stopped = interrupt(self, f"{fit} {self.streamed(ranks)}", ranks)
                self.assertIn("streamed from the file", stopped.err)
                run = self.run_ok(f"{fit} {then} --json", then_ranks)
                self.assertIn("resumed from ./m.ckpt.", run.err)
                self.assertEqual(json.loads(run.out)["digest"], expected)
                os.remove(self.dir / "m.h5")

    def start(self, args, ranks):
        """An endless fit, when it has done some iterations."""
        log = self.dir / "log.json"
        log.unlink(missing_ok=True)
        command = [str(PROGRAM), *args.split(), "--log-json", "log.json"]
        if ranks > 1:
            self.codes = Path(tempfile.mkdtemp(dir=self.dir))
            command = [*MPIRUN, "-n", str(ranks), "sh", "-c", "trap : USR1\n" + NOTE_CODE, str(self.codes), *command]
        process = subprocess.Popen(command, cwd=self.dir, env=environment(), text=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        give_up = time.monotonic() + TIMEOUT
        while not log.exists() or log.read_text().count('"event":"iteration"') < 3:
            if process.poll() is not None or time.monotonic() > give_up:
                self.fail(f"no iterations: {process.communicate()}")
            time.sleep(0.01)
        self.assertIn('"streamed":true', log.read_text())
        return process

    def end(self, process, ranks):
        out, err = process.communicate(timeout=TIMEOUT)
        codes = [process.returncode] if ranks == 1 else [int((self.codes / str(r)).read_text()) for r in range(ranks)]
        return Run(codes, out, err, 0.0)

    def test_a_file_that_changes_during_the_fit(self):
        def cut(path):
            os.truncate(path, os.path.getsize(path) // 3)

        def alter(path):
            with h5py.File(path, "r+") as f:
                f["chunked"][self.N // 2, 3] += 1e-9

        cases = [("x.h5", cut, "shorter"), ("x.npy", cut, "shorter"), ("x.h5:/chunked", cut, "shorter"),
                 ("x.h5:/chunked", alter, "are not what they were")]
        for (name, change, word), ranks in zip(cases, (1, 3, 3, 1)):
            with self.subTest(name, ranks=ranks, change=change.__name__):
                path = self.dir / name.split(":")[0]
                shutil.copy(self.data / path.name, path)
                process = self.start(f"fit {name} {self.FIT} --max-iter 1000000 {self.streamed(ranks)}", ranks)
                change(path)
                self.check_failure(self.end(process, ranks), 74, [path.name, word])
                for left in self.dir.glob("m.ckpt*"):
                    left.unlink()


if __name__ == "__main__":
    unittest.main()
