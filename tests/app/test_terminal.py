# What people see: a live line on a terminal, a quiet log elsewhere, a model at a glance.
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time

import h5py
import numpy as np

from harness import MPIRUN, OLD_FAITHFUL, PROGRAM, ProgramTest, environment

CLEAR = "\r\x1b[K"
SPARKS = "▁▂▃▄▅▆▇█"


def on_a_terminal(command, cwd, term="xterm", code=0, until=None):
    """What the command writes to standard error where that is a terminal; SIGUSR1 ends it when it has written `until`."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(list(map(str, command)), cwd=cwd, env=environment(TERM=term), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 1 << 16):
            said += piece
            if until and until.encode() in said:
                process.send_signal(signal.SIGUSR1)
                until = None
    except OSError:  # the other side is closed: Linux's end of file
        pass
    os.close(ours)
    assert process.wait() == code, said
    return said.decode().replace("\r\n", "\n")


def screen(said):
    """The lines that are left to be seen."""
    return [line.rpartition(CLEAR)[2] for line in said.split("\n")]


class Progress(ProgramTest):
    COMMAND = [PROGRAM, "fit", OLD_FAITHFUL, "-k", "3", "-o", "m.h5", "--force"]
    FIT = [*COMMAND, "--tol", "0", "--max-iter", "20000"]
    ITERATION = re.compile(r" +(\d+) +-\d+\.\d+")

    def iterations(self, lines):
        return [int(found[1]) for line in lines if (found := self.ITERATION.match(line))]

    def test_one_line_that_is_written_anew(self):
        said = on_a_terminal(self.FIT, self.dir)
        self.assertGreaterEqual(said.count(CLEAR), 2)
        self.assertEqual(self.iterations(screen(said)), [20000])
        self.assertIn("\ntime ", "\n".join(screen(said)))  # the table begins on a line of its own

    def test_a_warning_has_a_line_of_its_own(self):
        said = on_a_terminal([*self.COMMAND, "--tol", "1e-9", "--max-iter", "5"], self.dir)
        self.assertIn("\ngmmpi: warning: not converged after 5 iterations", said)
        self.assertEqual(self.iterations(screen(said)), [5])

    def test_so_has_an_end_before_the_end(self):
        endless = [*self.COMMAND, "--tol", "0", "--max-iter", "100000000"]
        said = on_a_terminal(endless, self.dir, code=75, until=CLEAR)
        self.assertIn(CLEAR, said)
        self.assertIn("\ngmmpi: stopped early: ", said)

    def test_plain_lines_where_nobody_looks(self):
        begin = time.monotonic()
        piped = subprocess.run(self.FIT, cwd=self.dir, env=environment(TERM="xterm"), capture_output=True, text=True, check=True)
        ways = {"pipe": piped.stderr, "dumb": on_a_terminal(self.FIT, self.dir, term="dumb"),
                "mpirun": on_a_terminal([*MPIRUN, "-n", "2", *self.FIT], self.dir)}
        most_seconds = time.monotonic() - begin
        for way, said in ways.items():
            with self.subTest(way):
                self.assertNotRegex(said, r"\r|\x1b")
                shown = self.iterations(said.splitlines())
                self.assertEqual((shown[:11], shown[-1]), (list(range(11)), 20000))
                self.assertLess(len(shown), 20 + most_seconds)  # the first ten, the last, and never two within a second


class AtAGlance(ProgramTest):
    def setUp(self):
        super().setUp()
        self.run_ok(f"fit {OLD_FAITHFUL} -k 3 -o m.h5")
        with h5py.File(self.dir / "m.h5") as f:
            self.weights, self.means, self.covariances = (f["model"][name][()] for name in ("weights", "means", "covariances"))
            self.history = f["history/log_likelihood"][()]
        self.out = self.run_ok("info m.h5").out

    def bound(self, a, b):
        between = (self.covariances[a] + self.covariances[b]) / 2
        shift = self.means[a] - self.means[b]
        roots = np.sqrt(np.linalg.det(self.covariances[a]) * np.linalg.det(self.covariances[b]))
        distance = shift @ np.linalg.solve(between, shift) / 8 + 0.5 * np.log(np.linalg.det(between) / roots)
        return np.sqrt(self.weights[a] * self.weights[b]) * np.exp(-distance)

    def test_the_most_overlapping_pair(self):
        bounds = {(a, b): self.bound(a, b) for b in range(3) for a in range(b)}
        (a, b), bound = max(bounds.items(), key=lambda item: item[1])
        self.assertIn(f"most overlapping: components {a} and {b}; at most {100 * bound:.2g} % of all rows", self.out)
        stated = json.loads(self.run_ok("info m.h5 --json").out)["mixture"]["most_overlapping"]
        self.assertEqual(stated["components"], [a, b])
        self.assertAlmostEqual(stated["bound"], bound, delta=1e-12)

    def test_condition_numbers(self):
        conditions = np.linalg.cond(self.covariances)
        self.assertIn(f"largest condition number of a covariance: {conditions.max():.3g} (component {conditions.argmax()})", self.out)
        stated = json.loads(self.run_ok("info m.h5 --json").out)["mixture"]["condition_numbers"]
        np.testing.assert_allclose(stated, conditions, rtol=1e-10)

    def test_bars_are_as_long_as_the_weights(self):
        bars = [len(bar) for bar in re.findall(r"weight [\d.]+ (#*)\n", self.out)]
        np.testing.assert_allclose(bars, 30 * self.weights / self.weights.max(), atol=0.5)

    def test_the_sparkline_rises_with_the_likelihood(self):
        (sparks,) = re.findall(f"[{SPARKS}]+", self.out)
        heights = [SPARKS.index(spark) for spark in sparks]
        scaled = (self.history - self.history.min()) / np.ptp(self.history)
        np.testing.assert_allclose(heights, np.floor(7.999 * scaled))

    def test_a_model_of_one_component_or_none_that_iterated(self):
        self.run_ok(f"fit {OLD_FAITHFUL} -k 1 --max-iter 0 --tol 0 -o one.h5")
        out = self.run_ok("info one.h5").out
        self.assertNotIn("overlapping", out)
        self.assertNotRegex(out, f"[{SPARKS}]")
        self.assertIn("condition number of a covariance", out)


class NextStep(ProgramTest):
    """Who follows what the outputs say comes next, gets on."""

    ENDS = ("plot", "info labels.h5")  # a picture, and what a prediction holds

    def test_every_output_leads_on(self):
        (self.dir / "t.csv").write_bytes(OLD_FAITHFUL.read_bytes())
        to_do, done = ["info t.csv", "convert t.csv t.h5", "sample model.h5 -n 500 -o drawn.h5"], []
        while to_do:
            command = to_do.pop(0)
            out = self.run_ok(f"{command} --force" if command.startswith(("predict", "fit")) else command,
                              env={"GMMPI_PYTHON": sys.executable}).out
            done.append(command)
            if command.startswith(self.ENDS):
                continue
            last = out.splitlines()[-1]
            self.assertIn("next: gmmpi ", last, command)
            led_to = re.split(", or |next: ", last)[1:]
            self.assertTrue(all(step.startswith("gmmpi ") for step in led_to), last)
            to_do = [step for word in led_to if (step := word.removeprefix("gmmpi ")) not in done + to_do] + to_do
        self.assertEqual({command.split()[0] for command in done}, {"info", "convert", "fit", "plot", "predict", "sample"})
        self.assertTrue((self.dir / "picture.png").stat().st_size > 10_000)

    def test_score_leads_on(self):
        self.run_ok(f"fit {OLD_FAITHFUL} -k 2 -o m.h5")
        out = self.run_ok(f"score {OLD_FAITHFUL} m.h5").out
        self.assertEqual(out.splitlines()[-1], f"next: gmmpi predict {OLD_FAITHFUL} m.h5 -o labels.h5")
