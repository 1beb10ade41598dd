# Bernoulli mixtures through the commands: fit on ranks, resume, score, predict, sample, info, bad input.
# covers: src/model/components/registry.cpp
import json
import sys

import h5py
import matplotlib
import numpy as np

from harness import DATA, ROOT, Case, ProgramTest, gmmpi

sys.path.insert(0, str(ROOT / "scripts/python"))
matplotlib.use("Agg")
import gmmpi as package


class Bernoulli(ProgramTest):
    def setUp(self):
        super().setUp()
        self.digits = np.loadtxt(DATA / "digits.csv", delimiter=",", skiprows=1)[:, :64] >= 8
        with h5py.File(self.dir / "digits.h5", "w") as f:
            f["X"] = self.digits.astype("u1")

    def fit(self, output, more="", ranks=1):
        return json.loads(self.run_ok(f"fit digits.h5 --family bernoulli -k 10 --json -o {output} {more}", ranks).out)

    def test_every_command_on_any_ranks(self):
        one, three = self.fit("m1.h5"), self.fit("m3.h5", ranks=3)
        self.assertEqual(one["digest"], three["digest"])
        score = json.loads(self.run_ok("score digits.h5 m3.h5 --json", 3).out)
        self.assertEqual(score["log_likelihood"], one["log_likelihood"])
        self.run_ok("predict digits.h5 m1.h5 --responsibilities --log-density -o p.h5", 3)
        with h5py.File(self.dir / "m1.h5") as m, h5py.File(self.dir / "p.h5") as p:
            weights, mu, shown = m["model/weights"][()], m["model/means"][()], m["model"].attrs
            self.assertEqual(shown["family"], "bernoulli")
            self.assertNotIn("covariances", m["model"])
            with np.errstate(divide="ignore"):
                joint = np.log(weights) + np.where(self.digits[:, None, :], np.log(mu), np.log1p(-mu)).sum(axis=2)
            top = joint.max(axis=1, keepdims=True)
            density = top[:, 0] + np.log(np.exp(joint - top).sum(axis=1))
            np.testing.assert_allclose(p["log_density"][()], density, rtol=1e-12)
            np.testing.assert_allclose(p["responsibilities"][()], np.exp(joint - density[:, None]), atol=1e-12)
            np.testing.assert_array_equal(p["labels"][()], joint.argmax(axis=1))
        self.assertIn("Bernoulli mixture, 10 components in 64 columns", self.run_ok("info m1.h5").out)

    def test_python_has_the_program_s_numbers(self):
        self.fit("m.h5", "--max-iter 5")
        with h5py.File(self.dir / "m.h5", "a") as f:  # an event of probability zero, and one of probability one
            f["model/means"][0, :2] = [0, 1]
        mixture = package.read_model(self.dir / "m.h5").mixture
        self.assertIsInstance(mixture, package.BernoulliMixture)
        package.save(mixture, self.dir / "saved.h5")
        for model in ("m.h5", "saved.h5"):
            self.run_ok(f"predict digits.h5 {model} --responsibilities --log-density -o p.h5 --force")
            with h5py.File(self.dir / "p.h5") as p:
                np.testing.assert_allclose(mixture.log_density(self.digits), p["log_density"][()], rtol=1e-12)
                np.testing.assert_allclose(mixture.responsibilities(self.digits), p["responsibilities"][()], atol=1e-12)
        self.run_ok("marginal m.h5 --keep 0,3 -o two.h5")
        np.testing.assert_array_equal(mixture.marginal([0, 3]).means, package.read_model(self.dir / "two.h5").mixture.means)
        mean, variances = mixture.moments()
        np.testing.assert_allclose(variances, mean * (1 - mean), rtol=1e-12)  # of zeros and ones, whatever their mixture
        fitted = package.load(self.dir / "m.h5")
        np.testing.assert_array_equal(fitted.predict(self.digits), mixture.log_joint(self.digits).argmax(axis=1))
        score = json.loads(self.run_ok("score digits.h5 m.h5 --json").out)
        np.testing.assert_allclose([fitted.bic(self.digits), fitted.score(self.digits)],
                                   [score["bic"], score["log_likelihood"] / len(self.digits)], rtol=1e-12)
        with self.assertRaisesRegex(package.GmmpiError, "row 0, column 1 is 0.5, but .* zeros and ones; binarise"):
            mixture.log_prob(np.full((2, 64), [1, 0.5] * 32))
        with self.assertRaisesRegex(package.GmmpiError, "is a Bernoulli mixture, which this picture does not show; draw"):
            package.plot.scatter(self.digits, self.dir / "m.h5")
        with self.assertRaisesRegex(ValueError, "a probability"):
            package.BernoulliMixture([1], [[1.5]])

    def test_drawn_rows_have_the_probabilities(self):
        self.fit("m.h5", "--max-iter 5")
        self.run_ok("sample m.h5 -n 40000 -o drawn.h5", 3)
        with h5py.File(self.dir / "m.h5") as m, h5py.File(self.dir / "drawn.h5") as f:
            x, labels, mu = f["X"][()], f["labels"][()], m["model/means"][()]
        self.assertEqual(set(np.unique(x)), {0.0, 1.0})
        for k in range(10):
            mine = x[labels == k]
            error = np.sqrt(mu[k] * (1 - mu[k]) / len(mine)) + 1e-12
            self.assertTrue((abs(mine.mean(axis=0) - mu[k]) < 5 * error).all())

    def test_acceleration(self):
        fast = "--accelerate lbfgs --tol 1e-8"
        plain, one, three = self.fit("plain.h5", "--tol 1e-8"), self.fit("m1.h5", fast), self.fit("m3.h5", fast, ranks=3)
        self.assertEqual(one["digest"], three["digest"])
        self.assertLess(one["n_sweeps"], plain["n_sweeps"])
        with h5py.File(self.dir / "m1.h5") as m:
            self.assertTrue((np.diff(m["history/log_likelihood"]) > -1e-9).all())
            self.assertTrue(((m["model/means"][()] >= 0) & (m["model/means"][()] <= 1)).all())

    def test_a_model_is_a_start_and_a_stopped_fit_goes_on(self):
        whole = self.fit("whole.h5", "--tol 0 --max-iter 20")
        self.fit("first.h5", "--tol 0 --max-iter 5")
        self.fit("again.h5", "--tol 0 --max-iter 15 --init first.h5")
        with h5py.File(self.dir / "whole.h5") as a, h5py.File(self.dir / "again.h5") as b:
            np.testing.assert_array_equal(a["model/means"][()], b["model/means"][()])
        env = {"GMMPI_CHECKPOINT_EVERY": "1it", "GMMPI_TIME_LIMIT": "0.000001s"}
        stopped = gmmpi("fit digits.h5 --family bernoulli -k 10 --tol 0 --max-iter 20 -o part.h5", self.dir, 2, env=env)
        self.assertEqual(stopped.codes, [75, 75])
        self.assertEqual(self.fit("part.h5", "--tol 0 --max-iter 20", ranks=3)["digest"], whole["digest"])

    def test_bad_input(self):
        with h5py.File(self.dir / "half.h5", "w") as f:
            f["X"] = np.where(np.arange(640).reshape(10, 64) == 130, 0.5, 1.0)
        with h5py.File(self.dir / "gaussian.h5", "w") as f:
            f["model/weights"], f["model/means"], f["model/covariances"] = [1.0], np.zeros((1, 64)), [1.0]
            f["model"].attrs["covariance_type"] = "spherical"
        with h5py.File(self.dir / "no_probability.h5", "w") as f:
            f["model/weights"], f["model/means"] = [1.0], np.full((1, 64), 1.5)
            f["model"].attrs["family"] = "bernoulli"
        (self.dir / "run.toml").write_text('covariance-type = "diag"\n')
        fit = "fit in/{} --family bernoulli -k 1 -o m.h5"
        both = ("--covariance-type", "--family bernoulli", "leave one")
        self.check_cases([
            Case("not binary", fit.format("half.h5"), 65, ("half.h5", "row 2, column 2 is 0.5", "gaussian")),
            Case("a Gaussian start", fit.format("digits.h5 --init in/gaussian.h5"), 64, ("gaussian", "bernoulli")),
            Case("no probability", fit.format("digits.h5 --init in/no_probability.h5"), 65, ("mean", "[0, 1]")),
            Case("a covariance type", fit.format("digits.h5 --covariance-type diag"), 64, ("--covariance-type diag", *both)),
            Case("the default type, but given", fit.format("digits.h5 --covariance-type full"), 64, both, ranks=(1,)),
            Case("a type from the environment", fit.format("digits.h5"), 64, both, env={"GMMPI_COVARIANCE_TYPE": "tied"}, ranks=(1,)),
            Case("a type from a file", fit.format("digits.h5 --config in/run.toml"), 64, both, ranks=(1,)),
            Case("types to select from", "select in/digits.h5 --family bernoulli -k 1:2 --covariance-type full,diag -o m.h5", 64, both),
            Case("unknown family", "fit in/digits.h5 -k 2 --family poisson -o m.h5", 64, ("--family", "bernoulli")),
        ], inputs=self.dir)
