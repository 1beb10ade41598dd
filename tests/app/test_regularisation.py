# --reg-covar: the default adds nothing and keeps the likelihood rising; a number is added, and shows; degenerate components.
import re
import sys

import h5py
import numpy as np

from harness import ROOT, ProgramTest
from interrupt import stop_on_the_way

sys.path.insert(0, str(ROOT / "scripts/python"))
import gmmpi as package


def model(path):
    with h5py.File(path) as f:
        return {name: d[()] for name, d in f["model"].items()}, dict(f["model"].attrs), f["history/log_likelihood"][()]


def warnings(run):
    return [line for line in run.err.splitlines() if line.startswith("gmmpi: warning: ")]


class Default(ProgramTest):
    def test_narrow_components_far_apart_keep_their_variances(self):
        r = np.random.default_rng(1)
        X = np.vstack([r.normal(size=(1000, 1)), r.normal(size=(1000, 1)) + 1e4])
        np.save(self.dir / "x.npy", X)
        run = self.run_ok("fit x.npy -k 2 -o m.h5")
        self.assertEqual(warnings(run), [])
        arrays, attributes, _ = model(self.dir / "m.h5")
        variances = arrays["covariances"].ravel()[np.argsort(arrays["means"].ravel())]
        np.testing.assert_allclose(variances, [X[:1000].var(), X[1000:].var()], rtol=1e-9)  # 1.0504, 0.9727
        self.assertAlmostEqual(attributes["log_likelihood"], -4234.934657, delta=1e-5)  # scikit-learn, reg_covar=0
        np.testing.assert_allclose(arrays["variance_floor"], [1e-12 * X.var()], rtol=1e-12)
        self.assertEqual(attributes["reg_covar"], 0.0)

    def test_a_fit_is_that_of_no_regularisation_where_nothing_is_degenerate(self):
        X = np.random.default_rng(2).normal(size=(400, 3)) * [1, 1e-3, 1e4]
        np.save(self.dir / "x.npy", X)
        for kind in ("full", "tied", "diag", "spherical"):
            with self.subTest(kind):
                self.run_ok(f"fit x.npy -k 3 --covariance-type {kind} -o auto.h5 --force")
                self.run_ok(f"fit x.npy -k 3 --covariance-type {kind} --reg-covar 0 -o zero.h5 --force")
                auto, zero = model(self.dir / "auto.h5"), model(self.dir / "zero.h5")
                for name in ("weights", "means", "covariances"):
                    self.assertEqual(auto[0][name].tobytes(), zero[0][name].tobytes())
                self.assertEqual(auto[2].tobytes(), zero[2].tobytes())

    def test_degenerate_components_are_named_and_score_the_same_everywhere(self):
        r = np.random.default_rng(3)
        X = r.normal(size=(90, 3))
        X[:30, 2] = X[:30, 0] - X[:30, 1]  # the first group lies in a plane
        X[30:] += 10
        np.savetxt(self.dir / "x.csv", X, delimiter=",", header="a,b,c", comments="")
        run = self.run_ok("fit x.csv -k 2 -o m.h5")
        (warning,) = warnings(run)
        found = re.search(r"degenerate: component (\d) \((.*)\)", warning)
        arrays, attributes, history = model(self.dir / "m.h5")
        self.assertEqual(arrays["degenerate"].tolist(), [int(found[1])])
        for name in "abc":
            self.assertIn(f" {name}", " " + found[2])
        self.assertTrue((np.diff(history) > -1e-9 * abs(history[-1])).all())
        self.assertIn(f"degenerate, at the floor under the variances: component {found[1]}\n", self.run_ok("info m.h5").out)
        digest = attributes["digest"]
        self.run_ok("fit x.csv -k 2 -o m3.h5", ranks=3, threads=2)
        self.assertEqual(model(self.dir / "m3.h5")[1]["digest"], digest)
        score = float(re.search(r"log-likelihood (\S+)", self.run_ok("score x.csv m.h5").out)[1])
        self.assertAlmostEqual(score, attributes["log_likelihood"], delta=1e-6)
        self.assertAlmostEqual(package.load(self.dir / "m.h5").score_samples(X).sum(), attributes["log_likelihood"], delta=1e-5)
        # Through standardised columns and turned ones: what reads such a model gets its components back.
        for option in ("--standardize", "--pca 3"):
            with self.subTest(option):
                self.run_ok(f"fit x.csv -k 2 {option} -o t.h5 --force")
                fitted = model(self.dir / "t.h5")[1]["log_likelihood"]
                if option == "--standardize":  # else the floor is that of other columns
                    self.assertAlmostEqual(fitted, attributes["log_likelihood"], delta=1e-4)
                score = float(re.search(r"log-likelihood (\S+)", self.run_ok("score x.csv t.h5").out)[1])
                self.assertAlmostEqual(score, fitted, delta=1e-6)
                self.run_ok("marginal t.h5 --keep 0,1 -o part.h5 --force")
                self.run_ok("compare m.h5 t.h5 -n 1000")

    def test_a_degenerate_fit_that_was_stopped_goes_on_to_the_same_bits(self):
        r = np.random.default_rng(4)
        X = r.normal(size=(2000, 3))
        X[:, 2] = X[:, 0] + X[:, 1]
        np.save(self.dir / "x.npy", X)
        options = "fit x.npy -k 6 --init random --max-iter 200 --tol 0"
        self.run_ok(f"{options} -o whole.h5")
        stop_on_the_way(self, f"{options} -o parts.h5 --checkpoint-every 1it")
        self.run_ok(f"{options} -o parts.h5", ranks=2)
        (whole, attributes, _), parts = model(self.dir / "whole.h5"), model(self.dir / "parts.h5")
        self.assertEqual(attributes["digest"], parts[1]["digest"])
        self.assertEqual(whole["degenerate"].tolist(), list(range(6)))


class Added(ProgramTest):
    def test_what_is_added_is_warned_of_where_it_shows_or_lowers_the_likelihood(self):
        np.save(self.dir / "x.npy", np.random.default_rng(9).normal(size=(3000, 2)))
        run = self.run_ok("fit x.npy -k 50 --covariance-type diag --reg-covar 0.1 -o m.h5")
        _, _, history = model(self.dir / "m.h5")
        falls = int((np.diff(history) < 0).sum())
        self.assertGreater(falls, 0)
        shows, fell = warnings(run)
        self.assertRegex(shows, r"--reg-covar adds 0.1 to every variance, which is [\d.e+]+ % of the least one of component \d+ \(column [01]\)")
        self.assertIn(f"the log-likelihood fell in {falls} of {len(history) - 1} iterations", fell)
        run = self.run_ok("fit x.npy -k 50 --covariance-type diag -o m.h5 --force")
        self.assertEqual(warnings(run), [])
        self.assertTrue((np.diff(model(self.dir / "m.h5")[2]) >= -1e-9).all())
        self.assertEqual(warnings(self.run_ok("fit x.npy -k 2 --reg-covar 1e-6 -o small.h5")), [])


class Select(ProgramTest):
    def test_singular_covariances_never_win_whatever_is_added(self):
        np.save(self.dir / "few.npy", np.random.default_rng(3).normal(size=(20, 30)))
        np.save(self.dir / "short.npy", np.random.default_rng(5).normal(size=(12, 4)))
        doubled = np.random.default_rng(6).normal(size=(200, 3))
        doubled[:, 2] = 2.0 * doubled[:, 0]
        np.save(self.dir / "doubled.npy", doubled)
        for option in ("", "--reg-covar 1e-3", "--reg-covar 1e-6", "--reg-covar 1e-9"):
            with self.subTest(option):
                few = self.run_ok(f"select few.npy -k 1:3 {option} -o m.h5 --force").out
                for line in few.splitlines():
                    if line.startswith(("full", "tied")):
                        self.assertIn("degenerate", line)
                self.assertRegex(few, r"(diag|spherical) .*<- best")
                columns = self.run_ok(f"select doubled.npy -k 1:2 {option} -o m.h5 --force").out
                self.assertEqual(len(re.findall(r"(?m)^(?:full|tied) .*degenerate", columns)), 4)
                self.assertRegex(columns, r"(diag|spherical) .*<- best")
        short = self.run_ok("select short.npy -k 1:10 --covariance-type tied -o m.h5 --force").out
        for K in (9, 10):
            self.assertRegex(short, rf"tied +{K} .*(degenerate|not fitted)")
        (best,) = re.findall(r"tied +(\d+) .*<- best", short)
        self.assertLess(int(best), 9)
