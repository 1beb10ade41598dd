# What a fit says while it is on its way: how long it will take, who is at work on a checkpoint, that it is too large.
import json
import os
import subprocess
import time
import unittest

import numpy as np

from harness import MPIRUN, OLD_FAITHFUL, PROGRAM, TIMEOUT, ProgramTest, environment, gmmpi


class TimeLeft(ProgramTest):
    def test_the_guess_is_steady_and_right(self):
        """In iterations, since seconds depend on what else the machine does."""
        self.run_ok(f"fit {OLD_FAITHFUL} -k 3 --covariance-type tied --tol 1e-9 --log-json log.json -o m.h5")
        events = [json.loads(line) for line in (self.dir / "log.json").read_text().splitlines()]
        left = np.array([e["iterations_left"] for e in events if e["event"] == "iteration"])
        n_iter = len(left) - 1
        self.assertGreater(n_iter, 60)
        self.assertEqual(left[-1], 0)
        late, true = left[-31:-1], np.arange(30.0, 0.0, -1)
        self.assertLess(np.diff(late).max(), 0)
        self.assertLess(np.abs(late - true).max(), 3, late)

    def test_without_an_end_it_is_what_the_limit_leaves(self):
        self.run_ok(f"fit {OLD_FAITHFUL} -k 3 --tol 0 --max-iter 20 --log-json log.json -o m.h5")
        events = [json.loads(line) for line in (self.dir / "log.json").read_text().splitlines()]
        left = [e["iterations_left"] for e in events if e["event"] == "iteration"]
        self.assertEqual(left[2:], list(range(18, -1, -1)))


class Checkpoints(ProgramTest):
    LONG = f"fit {OLD_FAITHFUL} -k 3 --tol 0 --max-iter 100000000 -o m.h5"

    def newest(self):
        return max(self.dir.glob("m.ckpt.*.h5"), key=lambda path: int(path.name.split(".")[2])).name

    def test_info_says_whether_the_run_is_at_work(self):
        process = subprocess.Popen([PROGRAM, *self.LONG.split()], cwd=self.dir, env=environment(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.kill)
        give_up = time.monotonic() + TIMEOUT
        while not list(self.dir.glob("m.ckpt.*.h5")) and time.monotonic() < give_up:
            time.sleep(0.01)
        said = self.run_ok(f"info {self.newest()}").out
        self.assertIn(f"process {process.pid} on {os.uname().nodename} is at work on it", said)
        self.assertNotIn("run the command that was stopped again", said)
        process.terminate()
        self.assertEqual(process.wait(TIMEOUT), 75)
        self.assertIn("next: run the command that was stopped again", self.run_ok(f"info {self.newest()}").out)
        (self.dir / "m.ckpt.lock").write_text(f"{os.uname().nodename} {process.pid} 1\n")  # of a run that was killed
        self.assertIn("next: run the command that was stopped again", self.run_ok(f"info {self.newest()}").out)
        (self.dir / "m.ckpt.lock").write_text("elsewhere 12 1\n")
        self.assertIn("process 12 on elsewhere is at work on it", self.run_ok(f"info {self.newest()}").out)
        os.utime(self.dir / "m.ckpt.lock", (0, 0))
        self.assertIn("next: run the command that was stopped again", self.run_ok(f"info {self.newest()}").out)


class Size(ProgramTest):
    def warnings(self, args, ranks=1):
        run = self.run_ok(f"{args} -o m.h5 --force", ranks)
        return [line for line in run.err.splitlines() if line.startswith("gmmpi: warning: ") and "so large a model" in line]

    def test_as_many_components_as_rows(self):
        np.save(self.dir / "x.npy", np.random.default_rng(2).normal(size=(40, 3)))
        for args, warns in (("-k 21 --covariance-type spherical", True), ("-k 39 --covariance-type tied", True), ("-k 40 --engine kmeans", True),
                            ("-k 13", True), ("-k 12", False), ("-k 2", False), ("-k 20 --covariance-type tied", False), ("-k 8 --covariance-type diag", False)):
            with self.subTest(args):
                found = self.warnings(f"fit x.npy {args} --max-iter 2", 3)
                self.assertEqual(len(found), warns)
        self.assertIn("13 components and 129 parameters for 40 rows of 3 columns", self.warnings("fit x.npy -k 13 --max-iter 2")[0])
        self.assertEqual(self.warnings(f"fit {OLD_FAITHFUL} -k 9 --max-iter 2"), [])


class Decided(ProgramTest):
    def test_rank_0_decides_what_was_given(self):
        """The environments of hosts may differ; a covariance type that is given is refused for Bernoulli components."""
        np.save(self.dir / "bits.npy", np.random.default_rng(1).integers(0, 2, (60, 4)))
        fit = [str(PROGRAM), "fit", "bits.npy", "-k", "2", "--family", "bernoulli", "-o", "m.h5", "--force"]
        other = ["env", "GMMPI_COVARIANCE_TYPE=full", *fit]
        for first, second, code in ((fit, other, 0), (other, fit, 64)):
            done = subprocess.run([*MPIRUN, "-n", "1", *first, ":", "-n", "1", *second], cwd=self.dir, env=environment(),
                                  capture_output=True, text=True, timeout=TIMEOUT, check=False)
            errors = [line for line in done.stderr.splitlines() if line.startswith("gmmpi: error: ")]
            self.assertEqual(len(errors), code != 0, done.stderr)
            self.assertEqual((self.dir / "m.h5").exists(), code == 0)
            (self.dir / "m.h5").unlink(missing_ok=True)


class Unexpected(ProgramTest):
    def test_what_a_command_does_not_know(self):
        for args, words in ((f"fit {OLD_FAITHFUL} -k 2 --folds 3 -o m.h5", ("--folds is no option of gmmpi fit", "of gmmpi select;")),
                            (f"fit {OLD_FAITHFUL} -k 2 --folds=3 -o m.h5", ("--folds is no option of gmmpi fit", "of gmmpi select;")),
                            (f"fit {OLD_FAITHFUL} -k 2 --covarianc-type diag -o m.h5", ("--covarianc-type", "did you mean --covariance-type?")),
                            (f"score {OLD_FAITHFUL} m.h5 -k 3", ("-k is no option of gmmpi score", "gmmpi fit, gmmpi select, gmmpi simulate")),
                            (f"fit {OLD_FAITHFUL} -k 2 --frobnicate 3 -o m.h5", ("--frobnicate is no option of gmmpi fit; see gmmpi fit --help",)),
                            (f"fit {OLD_FAITHFUL} other.csv third.csv -k 2 -o m.h5", ("gmmpi fit: 'other.csv' was not expected",))):
            with self.subTest(args):
                self.check_failure(gmmpi(args, self.dir), 64, words)

    def test_help_offers_what_the_command_takes(self):
        self.assertNotIn("model file", self.run_ok("select --help").out.split("--init")[1].split("--n-init")[0])
        self.assertIn("model file", self.run_ok("fit --help").out.split("--init")[1].split("--n-init")[0])


class Prior(ProgramTest):
    def test_bernoulli_components_have_none(self):
        np.save(self.dir / "bits.npy", np.random.default_rng(1).integers(0, 2, (60, 4)))
        for command in ("fit", "select"):
            run = gmmpi(f"{command} bits.npy -k 2 --family bernoulli --prior auto -o m.h5", self.dir, 3)
            self.check_failure(run, 64, ("--prior", "Gaussian"))


if __name__ == "__main__":
    unittest.main()
