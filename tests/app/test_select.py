# gmmpi select: mclust's choice on Old Faithful, the same bits on ranks and after stops, what is listed, and bad input.
# covers: src/io/grid_fields.cpp
import contextlib
import json
import os
import re
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import matplotlib
import numpy as np

from harness import DATA, OLD_FAITHFUL, PROGRAM, ROOT, Case, ProgramTest, gmmpi, in_parallel
from interrupt import checkpoints, interrupt, stop_on_the_way
from picture_checks import check_layout

sys.path.insert(0, str(ROOT / "scripts/python"))
matplotlib.use("Agg")
import gmmpi as package
from gmmpi import plot

TYPES = {"VVV": "full", "EEE": "tied", "VVI": "diag", "VII": "spherical"}
MCLUST = json.loads((DATA / "cases" / "mclust_bic_old_faithful.json").read_text())
SMALL = f"select {OLD_FAITHFUL} -k 1:3 --covariance-type tied,diag --n-init 2"


def grid_of(path):
    """Columns by name, text as str."""
    with h5py.File(path) as f:
        columns = {name: d.asstr()[()] if d.dtype == object else d[()] for name, d in f["grid"].items()}
        return columns, dict(f["grid"].attrs)


def digests(path):
    with h5py.File(path) as f:
        return f["model"].attrs["digest"], f["grid"].attrs["digest"]


class OldFaithful(ProgramTest):
    def test_the_best_of_mclust_is_found(self):
        run = self.run_ok(f"select {OLD_FAITHFUL} -k 1..9 --n-init 5 --tol 1e-8 --json -o best.h5")
        grid, attributes = grid_of(self.dir / "best.h5")
        result = json.loads(run.out)
        self.assertEqual((result["covariance_type"], result["n_components"]), ("tied", 3))
        self.assertAlmostEqual(result["log_likelihood"], MCLUST["selected"]["run_to_convergence"]["log_likelihood"], delta=1e-4)
        self.assertAlmostEqual(result["bic"], 2314.2957, delta=1e-4 * 2)
        self.assertEqual(result["bic"], grid["bic"][attributes["best"]])
        self.assertEqual(result["grid"]["n_components"], grid["n_components"].tolist())

        pairs, better = [], 0
        for name, covariance_type in TYPES.items():
            for K, theirs in zip(MCLUST["G"], MCLUST["bic"][name]):
                (i,) = np.flatnonzero((grid["covariance_type"] == covariance_type) & (grid["n_components"] == K))
                self.assertEqual(grid["n_parameters"][i], MCLUST["df"][name][K - 1])
                if abs(grid["bic"][i] + theirs) < 0.2:  # the same optimum; mclust stops earlier
                    pairs.append((-theirs, grid["bic"][i]))
                better += grid["bic"][i] < -theirs - 0.2
        self.assertGreater(len(pairs), 12)
        self.assertGreater(better, 10)
        ours = [bic for _, bic in sorted(pairs)]
        self.assertEqual(ours, sorted(ours))

        spurious = (grid["covariance_type"] == "diag") & (grid["n_components"] == 5)
        self.assertEqual(grid["degenerate"][spurious], 1)
        self.assertLess(grid["bic"][spurious], result["bic"])
        self.assertIn("no variance of its own", grid["reason"][spurious][0])
        kept = json.loads(self.run_ok(f"select {OLD_FAITHFUL} -k 1..9 --n-init 5 --tol 1e-8 --degenerate keep --json -o kept.h5").out)
        self.assertEqual((kept["covariance_type"], kept["n_components"]), ("diag", 5))


class Selection(ProgramTest):
    def test_the_model_is_that_of_fit(self):
        self.run_ok(f"{SMALL} -o best.h5", ranks=3)
        self.run_ok(f"fit {OLD_FAITHFUL} -k 3 --covariance-type tied --n-init 2 -o fit.h5")
        with h5py.File(self.dir / "best.h5") as best, h5py.File(self.dir / "fit.h5") as fit:
            self.assertEqual(best["model"].attrs["digest"], fit["model"].attrs["digest"])
            self.assertEqual(best["options"].attrs["criterion"], "bic")

    def test_the_same_bits_on_ranks_and_after_stops(self):
        for more in ("", "--criterion cv --folds 2"):
            with self.subTest(more):
                name = "cv" if more else "bic"
                small = SMALL + " --tol 0 --max-iter 300"  # long enough to be stopped
                self.run_ok(f"{small} {more} -o {name}.h5")
                self.run_ok(f"{small} {more} -o {name}3.h5", ranks=3)
                self.run_ok(f"{small} {more} -o {name}2.h5", threads=2, env={"OMP_WAIT_POLICY": "passive"})
                whole = digests(self.dir / f"{name}.h5")
                self.assertEqual(digests(self.dir / f"{name}3.h5"), whole)
                self.assertEqual(digests(self.dir / f"{name}2.h5"), whole)
                for ranks in (1, 2):
                    stopped = stop_on_the_way(self, f"{small} {more} -o {name}part.h5", ranks)
                    self.assertRegex(stopped.err, r"\d of 6 candidates done; checkpoint \S+ .*run the same command again")
                self.assertIn("resumed from ", self.run_ok(f"{small} {more} -o {name}part.h5", ranks=2).err)
                self.assertEqual(digests(self.dir / f"{name}part.h5"), whole)
                self.assertEqual([p.name for p in self.dir.glob("*ckpt*")], [])

    def test_finished_candidates_are_not_fitted_again(self):
        long = f"select {OLD_FAITHFUL} -k 1:9 --n-init 20 --tol 0 --max-iter 200 --share-starts no -o best.h5"
        stopped = interrupt(self, long, ready=checkpoints("best.ckpt.full.3.*.h5"))
        self.assertGreaterEqual(int(re.search(r"(\d+) of 36 candidates done", stopped.err)[1]), 8)
        fewer = self.run_ok(long.replace("1:9", "1:2") + " --covariance-type full")  # the first two of the larger grid
        self.assertEqual(len(re.findall(r"best.ckpt.full.[12].\d+.h5 \(done\)", fewer.err)), 2)

    def test_repeated_and_other_requests(self):
        first = self.run_ok(f"{SMALL} -o best.h5 --json")
        again = self.run_ok(f"{SMALL} -o best.h5 --json", ranks=2)
        self.assertIn("complete already", again.err)
        self.assertEqual(json.loads(again.out), json.loads(first.out) | {"complete_already": True})
        for more in ("--criterion aic", "--degenerate keep", "--seed 1", "-k 1:4"):
            command = SMALL.replace("-k 1:3", "") if "-k" in more else SMALL + " "
            self.check_failure(gmmpi(f"{command} {more} -o best.h5", self.dir), 73, ("best.h5", "--force"))
        self.run_ok(f"{SMALL} --criterion aic -o best.h5 --force")

    def test_info_and_plot_show_the_grid(self):
        out = self.run_ok(f"{SMALL} --criterion cv --folds 4 -o best.h5").out
        shown = self.run_ok("info best.h5").out
        table = out[out.index("type "):out.index("digest")]
        self.assertIn(table, shown)
        self.assertEqual(table.count("<- best"), 1)
        self.assertIn("higher is better", table)
        grid = json.loads(self.run_ok("info best.h5 --json").out)["grid"]
        self.assertEqual(grid["cv"], grid_of(self.dir / "best.h5")[0]["cv"].tolist())
        self.assertEqual(grid["best"], int(np.argmax(grid["cv"])))
        self.run_ok("plot criteria best.h5 -o criteria.png", env={"GMMPI_PYTHON": "/usr/bin/python3"})
        self.assertGreater((self.dir / "criteria.png").stat().st_size, 10_000)

    def test_criteria_of_a_selection_are_those_of_its_grid(self):
        self.run_ok(f"select {OLD_FAITHFUL} -k 1:5 --covariance-type tied,diag --n-init 5 --criterion cv --folds 2 -o best.h5")
        grid = package.read_model(self.dir / "best.h5").grid
        figure = plot.criteria(self.dir / "best.h5")
        check_layout(self, figure)
        degenerate = np.array(grid["degenerate"])  # at least diag, K = 5
        for ax, name in zip(figure.axes, ("bic", "aic", "icl", "cv")):
            values = np.array(grid[name])
            for i, t in enumerate(("tied", "diag")):
                np.testing.assert_array_equal(next(each for each in ax.get_lines() if each.get_label() == t).get_ydata(), values[5 * i: 5 * i + 5])
            crosses, ring = (each.get_ydata() for each in ax.get_lines()[-2:])
            self.assertEqual(sorted(crosses), sorted(values[degenerate == 1]))
            self.assertEqual(ring[0], (max if name == "cv" else min)(values[degenerate == 0]))

    def test_what_cannot_be_fitted_is_listed(self):
        np.savetxt(self.dir / "few.csv", np.repeat([[0.0, 1], [1, 0], [4, 4], [5, 6.5], [9, 2]], 8, axis=0), delimiter=",")
        run = self.run_ok("select few.csv -k 1,2,7 --covariance-type diag,tied -o best.h5", ranks=2)
        self.assertEqual(run.out.count("fewer distinct rows"), 2)
        grid, attributes = grid_of(self.dir / "best.h5")
        self.assertEqual(grid["fitted"].tolist(), [1, 1, 0, 1, 1, 0])
        self.assertTrue(np.isnan(grid["bic"][[2, 5]]).all())
        self.assertIn(attributes["best"], (0, 1, 3, 4))

    def test_bernoulli_and_weights(self):
        rng = np.random.default_rng(0)
        p = np.array([[0.9] * 6 + [0.1] * 6, [0.1] * 6 + [0.9] * 6])
        np.save(self.dir / "bits.npy", (rng.random((300, 12)) < p[np.arange(300) % 2]).astype(float))
        np.save(self.dir / "w.npy", 1.0 + np.arange(300) % 3)
        command = "select bits.npy -k 1:4 --family bernoulli --sample-weight w.npy --json"
        runs = in_parallel(self.run_ok, [(f"{command} -o {r}.h5", r) for r in (1, 3)])
        self.assertEqual(digests(self.dir / "1.h5"), digests(self.dir / "3.h5"))
        result = json.loads(runs[0].out)
        self.assertEqual((result["covariance_type"], result["n_components"]), ("bernoulli", 2))

    def test_dry_run_and_log(self):
        run = self.run_ok(f"{SMALL} --dry-run -o best.h5")
        self.assertIn("candidates: 6 (tied, diag; K 1 2 3) by bic", run.err)
        self.assertEqual(list(self.dir.iterdir()), [])
        self.run_ok(f"{SMALL} --log-json log.json -o best.h5")
        events = [json.loads(line) for line in (self.dir / "log.json").read_text().splitlines()]
        candidates = [e for e in events if e["event"] == "candidate"]
        self.assertEqual([e["n_components"] for e in candidates], [1, 1, 2, 2, 3, 3])
        self.assertEqual([e["bic"] for e in candidates], grid_of(self.dir / "best.h5")[0]["bic"].reshape(2, 3).T.ravel().tolist())
        self.assertEqual((events[0]["event"], events[-1]["event"]), ("start", "end"))


def rank_pid(cwd, rank):
    """The process id of that rank of the program that mpirun runs in `cwd`; None if it is not there."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "exe").resolve() == PROGRAM.resolve() and (process / "cwd").resolve() == Path(cwd).resolve():
                if f"OMPI_COMM_WORLD_RANK={rank}" in (process / "environ").read_text().split("\0"):
                    return int(process.name)
        except OSError:
            continue  # it has ended meanwhile
    return None


class Groups(ProgramTest):
    LONG = f"select {OLD_FAITHFUL} -k 2:5 --covariance-type tied --tol 0 --max-iter 100000000 -o best.h5"

    def test_the_same_bits_in_any_number_of_groups(self):
        for more in ("--sample-weight w.npy", "--criterion cv --folds 2"):
            with self.subTest(more):
                np.save(self.dir / "w.npy", 1.0 + np.arange(272) % 3)
                command = f"{SMALL} {more}"
                self.run_ok(f"{command} -o whole.h5 --force")
                whole = digests(self.dir / "whole.h5")
                grid = grid_of(self.dir / "whole.h5")
                cases = [(3, 1), (3, 2), (3, 3), (4, 2), (4, 3), (4, "auto"), (7, 7)]
                runs = in_parallel(self.run_ok, [(f"{command} --groups {g} -o {p}.{g}.h5 --force", p) for p, g in cases])
                for (p, g), run in zip(cases, runs):
                    self.assertEqual(digests(self.dir / f"{p}.{g}.h5"), whole, (p, g))
                    np.testing.assert_equal(grid_of(self.dir / f"{p}.{g}.h5"), grid)
                    n = {"auto": 4}.get(g, min(int(g) if g != "auto" else 0, 18 if "cv" in more else 6))
                    self.assertIn(f"{p} ranks x 1 thread" + (f" in {n} groups" if n > 1 else ";"), run.err)
                    if n > 1:
                        fits = 18 if "cv" in more else 6
                        self.assertEqual(sorted(re.findall(r"done \((\d+) of", run.err), key=int), [str(i + 1) for i in range(fits)])
                    self.assertNotIn("resumed", run.err)
                self.assertEqual([p.name for p in self.dir.glob("*ckpt*")], [])

    def test_large_data_are_worked_on_together(self):
        with h5py.File(self.dir / "large.h5", "w") as f:
            f.create_dataset("X", data=np.zeros((2 ** 18, 3), dtype="f4"), chunks=True)
        for ranks, groups in ((2, 1), (3, 1), (4, 1), (6, 2), (7, 2)):
            run = self.run_ok("select large.h5 -k 1:9 --dry-run -o best.h5", ranks=ranks)
            self.assertIn("in 2 groups;" if groups == 2 else f"{ranks} ranks x 1 thread;", run.err)
        run = self.run_ok("select large.h5 -k 1:9 --dry-run -o best.h5", ranks=3, threads=2)
        self.assertIn("3 ranks x 2 threads;", run.err)
        run = self.run_ok("select large.h5 -k 1:9 --dry-run -o best.h5", ranks=3, threads=3)
        self.assertIn("3 ranks x 3 threads in 3 groups;", run.err)
        for more in ("--checkpoint-every never", "--watchdog 60s"):
            self.assertIn("3 ranks x 1 thread;", self.run_ok(f"{SMALL} {more} --dry-run -o best.h5", ranks=3).err)

    def test_stopped_and_resumed_with_other_groups(self):
        for more in ("", "--criterion cv --folds 2"):
            command = f"{SMALL} {more} --tol 0 --max-iter 1000"
            self.run_ok(f"{command} -o whole.h5 --force")
            for ranks, groups in ((3, 3), (4, 2), (1, 1), (2, 2)):
                stopped = stop_on_the_way(self, f"{command} --groups {groups} -o part.h5", ranks)
                self.assertRegex(stopped.err, r"\d of 6 candidates done; checkpoint \S+ .*run the same command again")
                self.assertEqual(stopped.err.count("stopped early"), 1)
            run = self.run_ok(f"{command} --groups 2 --resume must -o part.h5", ranks=3)
            self.assertEqual(digests(self.dir / "part.h5"), digests(self.dir / "whole.h5"))
            self.assertEqual([p.name for p in self.dir.glob("*ckpt*")], [])
            (self.dir / "part.h5").unlink()

    def test_killed_and_resumed(self):
        command = f"{SMALL} --tol 0 --max-iter 5000 --checkpoint-every 250it"
        self.run_ok(f"{command} -o whole.h5")
        with ThreadPoolExecutor(1) as pool:
            for _ in range(20):  # it may be over before it is killed
                run = pool.submit(gmmpi, f"{command} --groups 2 -o part.h5", self.dir, 2)
                while not run.done() and len(list(self.dir.glob("part.ckpt.*.3.h5"))) < 2:
                    time.sleep(0.002)
                if pid := rank_pid(self.dir, 1):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                if run.result().codes != [0, 0]:
                    break
                (self.dir / "part.h5").unlink()
            self.assertNotEqual(run.result().codes, [0, 0], "it is always over too soon")
        self.assertGreaterEqual(len(list(self.dir.glob("part.ckpt.*"))), 2)
        self.assertIn("resumed from", self.run_ok(f"{command} --groups 3 -o part.h5", ranks=3).err)
        self.assertEqual(digests(self.dir / "part.h5"), digests(self.dir / "whole.h5"))

    def test_a_rank_that_is_told_to_stop_stops_all(self):
        for rank in (0, 2):
            with ThreadPoolExecutor(1) as pool:
                run = pool.submit(gmmpi, f"{self.LONG} --groups 3", self.dir, 3)
                while not run.done() and len(list(self.dir.glob("best.ckpt.tied.*.h5"))) < 3:
                    time.sleep(0.01)
                os.kill(rank_pid(self.dir, rank), signal.SIGTERM)
                self.assertEqual(run.result().codes, [75] * 3, run.result().err)
            stopped = [line for line in run.result().err.splitlines() if "stopped early" in line]
            self.assertEqual(len(stopped), 1)
            self.assertIn("signal SIGTERM: 0 of 4 candidates done; checkpoint best.ckpt.tied.", stopped[0])
            for left in self.dir.glob("best.ckpt*"):
                left.unlink()

    def test_a_group_that_fails_stops_all(self):
        for k in (5, 3):  # given to the first group, and to the last
            (self.dir / f"best.ckpt.tied.{k}.0.h5").write_text("no checkpoint")
            self.check_failure(gmmpi(f"{self.LONG} --groups 3", self.dir, 3), 76, (f"best.ckpt.tied.{k}.0.h5", "--resume never"))
            for left in self.dir.glob("best.ckpt*"):
                left.unlink()

    def test_candidates_that_cannot_be_fitted(self):
        np.savetxt(self.dir / "few.csv", np.repeat([[0.0, 1], [1, 0], [4, 4], [5, 6.5], [9, 2]], 8, axis=0), delimiter=",")
        command = "select few.csv -k 1,2,7 --covariance-type diag,tied"
        self.run_ok(f"{command} -o whole.h5")
        run = self.run_ok(f"{command} --groups 3 --resume never -o best.h5", ranks=3)
        self.assertEqual(run.out.count("fewer distinct rows"), 2)
        self.assertEqual(digests(self.dir / "best.h5"), digests(self.dir / "whole.h5"))
        self.check_failure(gmmpi("select few.csv -k 6,7 --groups 2 -o none.h5", self.dir, 3), 65, ("no candidate", "distinct rows"))

    def test_results_of_an_older_run_are_not_taken_for_its_own(self):
        command = f"{SMALL} --tol 0 --max-iter 300"
        stop_on_the_way(self, f"{command} --groups 2 -o best.h5", 2)
        before = {p: p.stat().st_mtime_ns for p in self.dir.glob("best.ckpt.*.h5")}
        self.assertTrue(before)
        run = self.run_ok(f"{command} --groups 2 --resume never -o best.h5", ranks=2)
        self.assertNotIn("resumed", run.err)
        self.check_failure(gmmpi(f"{command} --groups 2 --resume must -o other.h5", self.dir, 2), 66, ("--resume must", "other.h5"))

    def test_bad_values(self):
        self.check_cases([Case(f"--groups {value}", f"select {OLD_FAITHFUL} -k 2 -o out.h5 --groups={value} {more}", 64, ("--groups", *words), ranks=ranks)
                          for value, more, words, ranks in
                          [("0", "", ("0",), (1, 3)), ("-1", "", ("-1",), (1,)), ("two", "", ("two",), (1,)), ("1.5", "", ("1.5",), (1,)),
                           ("", "", (), (1,)), ("2", "", ("1 rank",), (1,)), ("4", "", ("3 ranks", "auto"), (3,)), ("99999999999", "", ("out of range",), (3,)),
                           ("2", "--checkpoint-every never", ("never", "--groups 1"), (3,)), ("3", "--watchdog 60s", ("--watchdog",), (3,))]])


class BadInput(ProgramTest):
    def test_lists_and_words(self):
        bad = [("n-components", f"--n-components='{value}'", ("--n-components", value)) for value in
               ("0", "0:3", "3:1", "1:", ":4", "two", "1:2:3", "2,,4", "1..", "1:9999999", "-1:3", "2.5")]
        bad += [("type", "-k 2 --covariance-type full,fulll", ("fulll", "spherical")), ("no type", "-k 2 --covariance-type full,", ("--covariance-type",)),
                ("criterion", "-k 2 --criterion best", ("best", "bic", "cv")), ("folds", "-k 2 --criterion cv --folds 1", ("--folds", "1")),
                ("folds", "-k 2 --folds many", ("--folds", "many")), ("degenerate", "-k 2 --degenerate drop", ("drop", "exclude")),
                ("model as a start", f"-k 2 --init {DATA}/nothing.h5", ("nothing.h5",))]
        cases = [Case(f"{name} {args}", f"select {OLD_FAITHFUL} -o out.h5 {args}", 64, words,
                      ranks=(1, 3) if i % 5 == 0 else (1,)) for i, (name, args, words) in enumerate(bad)]
        cases += [Case("no -k", f"select {OLD_FAITHFUL} -o out.h5", 64, ("-k", "missing")),
                  Case("no data", "select nothing.csv -k 1:3 -o out.h5", 66, ("nothing.csv",)),
                  Case("none fits", f"select {OLD_FAITHFUL} -k 273,500 --covariance-type diag -o out.h5", 65, ("no candidate", "272 rows")),
                  Case("too many folds", "select few.csv -k 1 --criterion cv --folds 50 -o out.h5", 64, ("--folds 50", "5 rows"),
                       setup=lambda cwd: np.savetxt(cwd / "few.csv", np.eye(5), delimiter=","))]
        self.check_cases(cases)

    def test_a_model_file_is_no_start(self):
        self.run_ok(f"fit {OLD_FAITHFUL} -k 2 -o m.h5")
        self.check_failure(gmmpi(f"select {OLD_FAITHFUL} -k 2:3 --init m.h5 -o out.h5", self.dir, 3), 64, ("--init", "m.h5"))
