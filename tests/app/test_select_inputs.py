# gmmpi select on transformed and on labelled rows: each candidate is the fit of the same options.
import json
import unittest

import h5py
import numpy as np

from harness import DATA, OLD_FAITHFUL, ProgramTest, gmmpi
from interrupt import checkpoints, interrupt

IRIS = np.genfromtxt(DATA / "iris.csv", delimiter=",", skip_header=1, dtype=str)


def attributes(path):
    with h5py.File(path) as f:
        return dict(f["model"].attrs), {name: f["grid"][name][()] for name in f["grid"]} | dict(f["grid"].attrs)


class Transformed(ProgramTest):
    def test_the_model_is_that_of_fit(self):
        for more in ("--standardize", "--pca 1", "--pca 2 --whiten"):
            with self.subTest(more):
                self.run_ok(f"select {OLD_FAITHFUL} -k 1:3 --covariance-type tied,diag {more} -o best.h5 --force", ranks=3)
                model, grid = attributes(self.dir / "best.h5")
                kind, K = model["covariance_type"], model["n_components"]
                fit = f"fit {OLD_FAITHFUL} -k {K} --covariance-type {kind} {more} -o fit.h5 --force --json"
                result = json.loads(self.run_ok(fit).out)
                self.assertEqual(model["digest"], result["digest"])
                self.assertEqual(grid["bic"][grid["best"]], result["bic"])
                score = json.loads(self.run_ok(f"score {OLD_FAITHFUL} best.h5 --json").out)
                np.testing.assert_allclose(score["log_likelihood"], model["log_likelihood"], rtol=1e-12)
                again = self.run_ok(f"select {OLD_FAITHFUL} -k 1:3 --covariance-type tied,diag {more} -o best.h5")
                self.assertIn("complete already", again.err)
        other = gmmpi(f"select {OLD_FAITHFUL} -k 1:3 --covariance-type tied,diag -o best.h5", self.dir)
        self.check_failure(other, 73, ("best.h5", "--force"))

    def test_standardising_changes_no_choice_of_full_covariances(self):
        """It moves every log-likelihood as the volume does, which is taken back."""
        command = f"select {OLD_FAITHFUL} -k 1:3 --covariance-type full --reg-covar 0 --criterion cv --folds 3"
        grids = []
        for more in ("", "--standardize"):
            self.run_ok(f"{command} {more} -o best.h5 --force", ranks=2)
            grids.append(attributes(self.dir / "best.h5")[1])
        np.testing.assert_allclose(grids[0]["bic"], grids[1]["bic"], rtol=1e-4)
        np.testing.assert_allclose(grids[0]["cv"][:2], grids[1]["cv"][:2], rtol=1e-5)  # with K = 3 starts differ

    def test_groups_and_stops(self):
        command = f"select {OLD_FAITHFUL} -k 2:4 --covariance-type tied,diag --standardize --tol 0 --max-iter 300"
        self.run_ok(f"{command} -o whole.h5")
        interrupt(self, f"{command} --groups 2 -o part.h5", 2, ready=checkpoints("part.ckpt.*.h5", 1))
        self.assertIn("resumed from", self.run_ok(f"{command} -o part.h5", ranks=3).err)
        self.assertEqual(attributes(self.dir / "part.h5")[0]["digest"], attributes(self.dir / "whole.h5")[0]["digest"])

    def test_contradictions(self):
        for more, words in (("--standardize --pca 1", ("--standardize", "gmmpi transform")), ("--whiten", ("--whiten", "--pca")),
                            ("--pca 7", ("--pca 7", "2 columns"))):
            self.check_failure(gmmpi(f"select {OLD_FAITHFUL} -k 1:3 {more} -o m.h5", self.dir, 3), 64, words)


class Labelled(ProgramTest):
    def setUp(self):
        super().setUp()
        self.x, self.y = IRIS[:, :4].astype(float), np.unique(IRIS[:, 4], return_inverse=True)[1]
        np.save(self.dir / "x.npy", self.x)
        np.save(self.dir / "all.npy", self.y)
        np.save(self.dir / "some.npy", np.where(np.arange(150) % 3 == 0, self.y, -1))

    def test_the_model_is_that_of_fit(self):
        for labels, K in (("all.npy", "3"), ("some.npy", "3:4")):
            with self.subTest(labels):
                self.run_ok(f"select x.npy -k {K} --labels {labels} --covariance-type full,tied,diag -o best.h5 --force", ranks=3)
                model, grid = attributes(self.dir / "best.h5")
                fit = f"fit x.npy -k {model['n_components']} --covariance-type {model['covariance_type']} --labels {labels} --json -o fit.h5 --force"
                result = json.loads(self.run_ok(fit).out)
                self.assertEqual(model["digest"], result["digest"])
                self.assertEqual(model["n_labelled"], np.sum(np.load(self.dir / labels) >= 0))
                self.assertEqual(grid["bic"][grid["best"]], result["bic"])

    def test_folds_know_only_their_own_labels(self):
        """Of each fold's fit: the classes' means are those of its training rows."""
        self.run_ok("select x.npy -k 3 --labels all.npy --covariance-type tied --criterion cv --folds 5 -o best.h5", ranks=2)
        self.run_ok("select x.npy -k 3 --labels all.npy --covariance-type tied --criterion cv --folds 5 --groups 2 -o groups.h5", ranks=2)
        held_out = attributes(self.dir / "best.h5")[1]["cv"]
        self.assertTrue(np.isfinite(held_out).all())
        np.testing.assert_equal(attributes(self.dir / "groups.h5")[1]["cv"], held_out)
        mean = json.loads(self.run_ok("score x.npy best.h5 --json").out)["mean_log_likelihood"]
        self.assertLess(held_out[0], mean)
        self.assertGreater(held_out[0], mean - 0.5)

    def test_other_labels_are_another_selection(self):
        command = "select x.npy -k 3 --covariance-type tied -o best.h5"
        self.run_ok(f"{command} --labels all.npy")
        self.assertIn("complete already", self.run_ok(f"{command} --labels all.npy").err)
        for other in ("", "--labels some.npy"):
            self.check_failure(gmmpi(f"{command} {other}", self.dir, 2), 73, ("best.h5",))

    def test_too_few_components(self):
        self.check_failure(gmmpi("select x.npy -k 2:4 --labels some.npy -o best.h5", self.dir, 3), 65, ("some.npy", "-k 2"))
        self.check_failure(gmmpi("select x.npy -k 3:4 --labels all.npy -o best.h5", self.dir, 3), 65, ("all.npy", "class 3 has no rows"))


class FromLabels(ProgramTest):
    """--init-labels: the start of as many components as there are classes."""

    def setUp(self):
        super().setUp()
        self.y = np.unique(IRIS[:, 4], return_inverse=True)[1]
        np.save(self.dir / "x.npy", IRIS[:, :4].astype(float))
        np.save(self.dir / "y.npy", self.y)
        self.select = "select x.npy -k 2:4 --covariance-type full,VEV --init-labels y.npy"

    def test_each_candidate_is_that_of_fit(self):
        few = "--tol 0 --max-iter 2 --n-init 3"
        self.run_ok(f"{self.select} {few} --share-starts no --init random -o best.h5", ranks=3)
        grid = attributes(self.dir / "best.h5")[1]
        for i, K in enumerate(grid["n_components"]):
            kind, start = grid["covariance_type"][i].decode(), "--init-labels y.npy" if K == 3 else "--init random"
            fit = json.loads(self.run_ok(f"fit x.npy -k {K} --covariance-type {kind} {start} {few} -o fit.h5 --force --json").out)
            with self.subTest(K=K, kind=kind):
                self.assertEqual(grid["log_likelihood"][i], fit["log_likelihood"])
        self.run_ok(f"{self.select} {few} --share-starts no --init random --groups 2 -o groups.h5", ranks=2)
        np.testing.assert_equal(attributes(self.dir / "groups.h5")[1], grid)

    def test_models_from_labels_are_starts_of_others(self):
        """Shared, stopped and continued; the option is kept with a model that comes of it, and with no other."""
        command = f"{self.select} --tol 0 --max-iter 300"
        run = self.run_ok(f"{command} --criterion icl -o whole.h5")
        self.assertIn("init labels: 150 of 150 rows have one; candidates of K = 3 start from them", run.err)
        model, grid = attributes(self.dir / "whole.h5")
        self.assertIn("started_from", grid)
        interrupt(self, f"{command} --criterion icl -o part.h5", 2, ready=checkpoints("part.ckpt.*.h5", 1))
        self.assertIn("resumed from", self.run_ok(f"{command} --criterion icl -o part.h5", ranks=3).err)
        np.testing.assert_equal(attributes(self.dir / "part.h5")[1], grid)
        self.assertIn("complete already", self.run_ok(f"{command} --criterion icl -o part.h5").err)
        np.save(self.dir / "y.npy", np.roll(self.y, 1))
        self.check_failure(gmmpi(f"{command} --criterion icl -o part.h5", self.dir, 2), 73, ("part.h5",))
        for K, kept in (("2:3", model["n_components"] == 3), ("3", True)):
            self.run_ok(f"select x.npy -k {K} --covariance-type full --criterion icl --init-labels y.npy -o one.h5 --force")
            with h5py.File(self.dir / "one.h5") as f:
                self.assertEqual("init_labels" in f["options"].attrs, kept, K)

    def test_folds_start_from_their_own_rows(self):
        cv = "--criterion cv --folds 5 --tol 0 --max-iter 2"
        for y, reason in ((self.y, ""), (np.where(np.arange(150) < 149, self.y % 2, 2), "class 2 has no rows")):
            np.save(self.dir / "y.npy", y)
            self.run_ok(f"select x.npy -k 2:3 --covariance-type tied --init-labels y.npy {cv} -o best.h5 --force", ranks=2)
            grid = attributes(self.dir / "best.h5")[1]
            self.assertTrue(np.isfinite(grid["cv"][0]))
            self.assertEqual(bool(grid["fitted"][1]), reason == "")
            self.assertIn(reason, grid["reason"][1].decode())

    def test_refusals(self):
        gap = np.where(self.y == 1, 2, self.y)
        gap[0] = -1
        np.save(self.dir / "gap.npy", gap)
        np.save(self.dir / "half.npy", self.y + 0.5)
        for args, code, words in (
            ("select x.npy -k 4:6 --init-labels y.npy", 64, ("--init-labels", "3 classes", "let -k include 3")),
            ("select x.npy -k 3 --init-labels y.npy --labels y.npy", 64, ("--init-labels", "--labels")),
            ("select x.npy -k 2:3 --init-labels gap.npy", 65, ("gap.npy", "class 1 has no rows")),
            ("fit x.npy -k 3 --init-labels gap.npy", 65, ("gap.npy", "class 1 has no rows")),
            ("select x.npy -k 2:3 --init-labels half.npy", 65, ("half.npy", "row 0")),
        ):
            with self.subTest(args):
                self.check_failure(gmmpi(f"{args} -o best.h5", self.dir, 3), code, words)
                self.assertFalse((self.dir / "best.h5").exists())


if __name__ == "__main__":
    unittest.main()
