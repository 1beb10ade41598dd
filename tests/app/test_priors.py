# --prior, --fix and collapses through the command line: what is written, the same bits on ranks and after a stop, bad input.
import json

import h5py
import numpy as np

from harness import DATA, OLD_FAITHFUL, Case, ProgramTest, gmmpi
from interrupt import interrupt

TYPES = ("full", "tied", "diag", "spherical")


def clusters(rows=30000):
    rng = np.random.default_rng(8)
    return rng.normal(size=(rows, 4)) + rng.integers(0, 3, rows)[:, None]


class Priors(ProgramTest):
    def fit(self, output, more="", ranks=1, data=OLD_FAITHFUL):
        return json.loads(self.run_ok(f"fit {data} -k 2 --prior auto --json -o {output} {more}", ranks).out)

    def test_what_is_written(self):
        X = np.loadtxt(OLD_FAITHFUL, delimiter=",", skiprows=1)
        for name in TYPES:
            one, three = self.fit(f"{name}1.h5", f"--covariance-type {name}"), self.fit(f"{name}3.h5", f"--covariance-type {name}", 3)
            self.assertEqual(one["digest"], three["digest"])
            with h5py.File(self.dir / f"{name}1.h5") as f:
                model, posterior = dict(f["model"].attrs), f["history/log_posterior"][()]
                self.assertEqual(len(posterior), len(f["history/log_likelihood"]))
                np.testing.assert_allclose(f["model/prior_mean"], X.mean(axis=0), rtol=1e-14)
                scale = np.cov(X.T) / 2
                expected = {"full": scale, "tied": scale, "diag": np.diag(scale), "spherical": [np.trace(scale) / 2]}[name]
                np.testing.assert_allclose(f["model/prior_scale"], expected, rtol=1e-13)
                self.assertEqual(dict(f["options"].attrs)["prior"], "auto")
                score = json.loads(self.run_ok(f"score {OLD_FAITHFUL} {name}1.h5 --json").out)
                self.assertEqual(score["log_likelihood"], model["log_likelihood"])
                self.assertEqual(score["bic"], model["bic"])
            self.assertTrue((np.diff(posterior) >= -1e-10).all())
            self.assertEqual(posterior[-1], one["log_posterior"])
            self.assertEqual((model["prior_dof"], model["prior_shrinkage"], model["prior_weight"], model["reg_covar"]), (4, 0.01, 1, 0))

    def test_log_and_result_name_the_posterior(self):
        run = self.run_ok(f"fit {OLD_FAITHFUL} -k 2 --prior auto -o m.h5 --log-json log.jsonl")
        self.assertIn("with a prior", run.err)
        self.assertRegex(run.out, r"log posterior -\d+\.\d+ \(up to a constant\)")
        events = [json.loads(line) for line in (self.dir / "log.jsonl").read_text().splitlines()]
        with h5py.File(self.dir / "m.h5") as f:
            self.assertEqual([e["log_posterior"] for e in events if e["event"] == "iteration"], list(f["history/log_posterior"]))

    def test_interrupted_and_resumed(self):
        np.save(self.dir / "x.npy", clusters())
        fit = "fit x.npy -k 3 --prior auto --prior-weight 2 --fix covariances --n-init 2 --tol 0 --max-iter 100"
        whole = json.loads(self.run_ok(f"{fit} --json -o whole.h5").out)
        interrupt(self, f"{fit} -o part.h5", 2)
        for old, new in (("--prior auto --prior-weight 2", ""), ("--prior-weight 2", ""), ("--fix covariances", ""), ("covariances", "weights")):
            refused = gmmpi(fit.replace(old, new) + " -o part.h5", self.dir)
            self.check_failure(refused, 76, ("part.ckpt", "--" + (old.split()[0][2:] if old[0] == "-" else "fix")))
        run = self.run_ok(f"{fit} --json -o part.h5", 3)
        self.assertIn("resumed from", run.err)
        self.assertEqual(json.loads(run.out)["digest"], whole["digest"])

    def test_another_prior_is_another_fit(self):
        self.fit("m.h5")
        for other in ("--prior-shrinkage 0.02", "--prior-dof 5", "--prior-scale 0.4", "--prior-weight 2"):
            self.check_failure(gmmpi(f"fit {OLD_FAITHFUL} -k 2 --prior auto {other} -o m.h5", self.dir), 73, ("m.h5", "--force"))
        self.check_failure(gmmpi(f"fit {OLD_FAITHFUL} -k 2 -o m.h5", self.dir), 73, ("m.h5", "--force"))
        self.assertIn("complete already", self.run_ok(f"fit {OLD_FAITHFUL} -k 2 --prior auto -o m.h5").err)

    def test_select_under_a_prior(self):
        """The spurious winner of diag covariances, a component on a few equal values, is no longer there."""
        command = f"select {OLD_FAITHFUL} -k 2:5 --covariance-type diag --prior auto --degenerate keep --json -o"
        one, three = (json.loads(self.run_ok(f"{command} s{r}.h5", r).out) for r in (1, 3))
        self.assertEqual(one["digest"], three["digest"])
        self.assertLess(one["n_components"], 5)
        with h5py.File(self.dir / "s1.h5") as f:
            self.assertEqual(f["options"].attrs["prior"], "auto")
            self.assertEqual(len(f["history/log_posterior"]), f["model"].attrs["n_iter"] + 1)

    def test_bad_input(self):
        fit = f"fit {OLD_FAITHFUL} -k 2 -o m.h5 "
        np.save(self.dir / "b.npy", np.eye(6))
        self.check_cases([
            Case("a prior's option alone", fit + "--prior-dof 9", 64, ("--prior-dof", "--prior auto")),
            Case("too few degrees of freedom", fit + "--prior auto --prior-dof 1", 64, ("--prior-dof", "full", "> 1")),
            Case("no scale", fit + "--prior auto --prior-scale 0", 64, ("--prior-scale", "> 0")),
            Case("accelerated", fit + "--prior auto --accelerate lbfgs", 64, ("--accelerate", "--prior")),
            Case("Bernoulli", "fit in/b.npy -k 2 --family bernoulli -o m.h5 --prior auto", 64, ("--prior", "Gaussian")),
            Case("Bernoulli covariances", "fit in/b.npy -k 2 --family bernoulli -o m.h5 --fix covariances", 64, ("--fix", "covariances")),
            Case("all fixed", fit + "--fix weights,means,covariances", 64, ("--fix", "gmmpi score")),
            Case("fixed and accelerated", fit + "--fix means --accelerate lbfgs", 64, ("--accelerate", "--fix")),
        ], inputs=self.dir)


class Fixed(ProgramTest):
    def test_the_start_stays_and_is_not_counted(self):
        self.run_ok(f"fit {OLD_FAITHFUL} -k 2 --max-iter 1 -o start.h5")
        for fixed, free in (("weights", 4 + 6), ("means", 1 + 6), ("covariances", 1 + 4), ("means,covariances", 1), ("covariances,means", 1)):
            command = f"fit {OLD_FAITHFUL} -k 2 --init start.h5 --fix {fixed} --json"
            one, three = (json.loads(self.run_ok(f"{command} -o m{r}.h5 --force", r).out) for r in (1, 3))
            self.assertEqual(one["digest"], three["digest"])
            with h5py.File(self.dir / "start.h5") as a, h5py.File(self.dir / "m1.h5") as b:
                for name in ("weights", "means", "covariances"):
                    same = (a["model"][name][()] == b["model"][name][()]).all()
                    self.assertEqual(same, name in fixed, f"{fixed}: {name}")
                model = b["model"].attrs
                self.assertEqual(model["n_parameters"], free)
                np.testing.assert_allclose(model["aic"], -2 * one["log_likelihood"] + 2 * free, rtol=1e-14)


class Singularities(ProgramTest):
    def test_they_end_well_by_default_and_with_a_prior_and_fail_clearly(self):
        x = clusters(300)[:, :3]
        far = np.full((20, 3), 50.0)
        np.save(self.dir / "repeated.npy", np.vstack([x, far]))
        np.save(self.dir / "single.npy", np.vstack([x, far[:1]]))
        np.save(self.dir / "constant.npy", np.where(np.arange(3) == 2, 7.0, x))
        for name in ("repeated", "single", "constant"):
            for more in ("", "--prior auto --on-collapse fail"):
                digests = {json.loads(self.run_ok(f"fit {name}.npy -k 4 --json {more} -o m.h5 --force", ranks).out)["digest"] for ranks in (1, 3)}
                self.assertEqual(len(digests), 1)
                with h5py.File(self.dir / "m.h5") as f:
                    self.assertEqual(f["model"].attrs["converged"], 1)
                    self.assertTrue(np.isfinite(f["model/covariances"][()]).all())
                    if more:
                        self.assertNotIn("reseeds", f["model"])
            words = ("singular", "--reg-covar") if name == "constant" else ("component", "collapsed", "--prior auto")
            self.check_failure(gmmpi(f"fit {name}.npy -k 4 --reg-covar 0 --on-collapse fail -o f.h5", self.dir, 3), 79, words)
