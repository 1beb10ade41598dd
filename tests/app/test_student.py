# --family student through the command line and Python: densities, tails, draws and conditionals against scipy, bits, bad input.
import json
import sys

import h5py
import matplotlib
import numpy as np
from scipy import stats

from harness import DATA, ROOT, Case, ProgramTest, gmmpi
from interrupt import interrupt

sys.path.insert(0, str(ROOT / "scripts/python"))
matplotlib.use("Agg")
import gmmpi as package
from gmmpi import plot

TYPES = ("full", "tied", "diag", "spherical")
ROWS = np.loadtxt(DATA / "t_mixture.csv", delimiter=",", skiprows=1)[:, :2]


def arrays(path):
    """weights, means, full scale matrices, dof of a model file."""
    with h5py.File(path) as f:
        m = f["model"]
        kind, scales, (K, d) = m.attrs["covariance_type"], m["scales"][()], m["means"].shape
        full = {"full": lambda k: scales[k], "tied": lambda k: scales, "diag": lambda k: np.diag(scales[k]),
                "spherical": lambda k: scales[k] * np.eye(d)}[kind]
        return m["weights"][()], m["means"][()], np.stack([full(k) for k in range(K)]), m["dof"][()]


def log_density(path, X):
    """scipy's, of the arrays of a model file."""
    parts = [np.log(w) + stats.multivariate_t(mean, scale, nu).logpdf(X).reshape(len(X)) for w, mean, scale, nu in zip(*arrays(path))]
    return np.logaddexp.reduce(parts, axis=0)


def write_model(path, weights, means, scales, dof, kind="full", **attributes):
    with h5py.File(path, "w") as f:
        group = f.create_group("model")
        group.attrs.update({"family": "student", "covariance_type": kind, **attributes})
        for name, value in {"weights": weights, "means": means, "scales": scales, "dof": dof}.items():
            group[name] = np.asarray(value, dtype="f8")


class Student(ProgramTest):
    def setUp(self):
        super().setUp()
        np.save(self.dir / "x.npy", ROWS)

    def fit(self, output, more="", ranks=1):
        return json.loads(self.run_ok(f"fit x.npy -k 2 --family student --json -o {output} {more}", ranks).out)

    def three_columns(self, name="three.h5"):
        """Two components of three columns, with 5 and 12 degrees of freedom."""
        means, scales = [[0, 1, 2], [4, -1, 0]], [[[2, 0.5, 0.3], [0.5, 1, -0.2], [0.3, -0.2, 1.5]], [[1, -0.4, 0], [-0.4, 2, 0.5], [0, 0.5, 1]]]
        write_model(self.dir / name, [0.4, 0.6], means, scales, [5, 12])
        return name

    def test_fits_of_every_type_have_scipys_densities_everywhere(self):
        for kind in TYPES:
            one, three = (self.fit(f"{kind}{r}.h5", f"--covariance-type {kind} --tol 1e-9", r) for r in (1, 3))
            self.assertEqual(one["digest"], three["digest"])
            path = self.dir / f"{kind}1.h5"
            expected = log_density(path, ROWS)
            self.assertAlmostEqual(one["log_likelihood"] / expected.sum(), 1, places=13)
            score = json.loads(self.run_ok(f"score x.npy {path.name} --json").out)
            self.assertAlmostEqual(score["bic"] / one["bic"], 1, places=13)
            self.run_ok(f"predict x.npy {path.name} --responsibilities --log-density --mahalanobis -o p{kind}.h5", 2)
            model = package.load(path)
            with h5py.File(self.dir / f"p{kind}.h5") as f:
                np.testing.assert_allclose(f["log_density"], expected, rtol=1e-12)
                np.testing.assert_allclose(model.score_samples(ROWS), f["log_density"], rtol=1e-12)
                np.testing.assert_allclose(model.predict_proba(ROWS), f["responsibilities"], atol=1e-12)
                np.testing.assert_array_equal(model.predict(ROWS), f["labels"])
            self.assertAlmostEqual(model.bic(ROWS) / one["bic"], 1, places=12)
            with h5py.File(path) as f:
                self.assertTrue((np.diff(f["history/log_likelihood"]) >= -1e-9).all())
                self.assertEqual(f["model"].attrs["n_parameters"], model.mixture_.n_parameters)

    def test_degrees_of_freedom_each_shared_and_given(self):
        each, shared, four = (self.fit(f"{dof}.h5", f"--dof {dof} --tol 1e-9") for dof in ("each", "shared", "4"))
        self.assertGreater(each["log_likelihood"], shared["log_likelihood"])
        self.assertGreater(shared["log_likelihood"], four["log_likelihood"])
        found = [arrays(self.dir / f"{dof}.h5")[3] for dof in ("each", "shared", "4")]
        self.assertNotEqual(found[0][0], found[0][1])
        self.assertEqual(found[1][0], found[1][1])
        np.testing.assert_array_equal(found[2], [4, 4])
        with h5py.File(self.dir / "each.h5") as a, h5py.File(self.dir / "shared.h5") as b, h5py.File(self.dir / "4.h5") as c:
            self.assertEqual([f["model"].attrs["n_parameters"] for f in (a, b, c)], [13, 12, 11])
            self.assertEqual([f["options"].attrs["dof"] for f in (a, b, c)], ["each", "shared", 4.0])
        self.assertEqual(self.fit("again.h5")["digest"], self.fit("default.h5", "--dof each")["digest"])
        info = self.run_ok("info each.h5").out
        for word in ("Student t mixture", "scale", "dof", "covariance"):
            self.assertIn(word, info)

    def test_the_same_bits_after_a_stop_and_from_a_stream(self):
        np.save(self.dir / "many.npy", np.tile(ROWS, (100, 1)) + np.linspace(0, 0.01, 40000)[:, None])
        fit = "fit many.npy -k 3 --family student --tol 0 --max-iter 60 --n-init 2 --seed 3 --json"
        whole = json.loads(self.run_ok(f"{fit} -o whole.h5").out)["digest"]
        interrupt(self, f"{fit} -o part.h5", 2)
        self.check_failure(gmmpi(f"{fit} --dof shared -o part.h5", self.dir), 76, ("part.ckpt", "--dof"))
        resumed = self.run_ok(f"{fit} -o part.h5", 3)
        self.assertIn("resumed from", resumed.err)
        self.assertEqual(json.loads(resumed.out)["digest"], whole)
        self.assertEqual(json.loads(self.run_ok(f"{fit} -o streamed.h5 --memory-limit 40M", 2).out)["digest"], whole)

    def test_columns_that_are_transformed(self):
        for more in ("--standardize", "--pca 2 --whiten"):
            fitted = self.fit("t.h5", f"{more} --tol 1e-9 --force")
            score = json.loads(self.run_ok("score x.npy t.h5 --json").out)
            self.assertAlmostEqual(score["log_likelihood"] / fitted["log_likelihood"], 1, places=12)
            self.assertAlmostEqual(package.load(self.dir / "t.h5").score_samples(ROWS).sum() / fitted["log_likelihood"], 1, places=12)
        plain = self.fit("plain.h5", "--tol 1e-9")
        self.assertAlmostEqual(plain["log_likelihood"] / fitted["log_likelihood"], 1, places=5)

    def test_draws_have_the_distribution_and_the_same_bits(self):
        write_model(self.dir / "m.h5", [1], [[1, -2]], [[[2, 0.5], [0.5, 1]]], [1.5])
        self.run_ok("sample m.h5 -n 20000 --seed 5 -o a.h5")
        self.run_ok("sample m.h5 -n 20000 --seed 5 -o b.h5", 3)
        with h5py.File(self.dir / "a.h5") as a, h5py.File(self.dir / "b.h5") as b:
            X = a["X"][()]
            np.testing.assert_array_equal(X, b["X"])
        away = X - [1, -2]
        squares = np.einsum("nj,nj->n", away, np.linalg.solve([[2, 0.5], [0.5, 1]], away.T).T)
        self.assertGreater(stats.kstest(squares / 2, stats.f(2, 1.5).cdf).pvalue, 1e-3)
        self.assertGreater(stats.kstest(away[:, 1], stats.t(1.5).cdf).pvalue, 1e-3)

    def test_outliers_by_the_tail_of_each_component(self):
        path = self.three_columns()
        self.run_ok(f"sample {path} -n 4000 -o drawn.h5")
        out = json.loads(self.run_ok(f"predict drawn.h5 {path} --mahalanobis --outliers 0.01 --outlier-rule chi2 --json -o p.h5").out)
        limits = 3 * stats.f.isf(0.01, 3, [5, 12])
        self.assertAlmostEqual(out["outlier_threshold"] / limits.max(), 1, places=11)
        with h5py.File(self.dir / "p.h5") as f:
            np.testing.assert_array_equal(f["outliers"], (f["mahalanobis"][()] ** 2 > limits).all(axis=1))
        self.assertTrue(0 < out["n_outliers"] <= 0.015 * 4000)

    def test_marginals_and_conditionals_are_those_of_the_density(self):
        path, point = self.three_columns(), np.array([[1.0, 3.5, -2.0]])
        for kind in ("full", "tied", "diag"):
            weights, means, scales, dof = arrays(self.dir / "three.h5")
            scales = {"full": scales, "tied": scales[0], "diag": np.einsum("kjj->kj", scales)}[kind]
            write_model(self.dir / "m.h5", weights, means, scales, dof, kind)
            joint = log_density(self.dir / "m.h5", point)[0]
            self.run_ok("marginal m.h5 --keep 1 -o b.h5 --force")
            self.run_ok("condition m.h5 --given 1=3.5 -o c.h5 --force")
            given = log_density(self.dir / "b.h5", point[:, [1]])[0]
            self.assertAlmostEqual(log_density(self.dir / "c.h5", point[:, [0, 2]])[0], joint - given, places=11)
            np.testing.assert_array_equal(arrays(self.dir / "c.h5")[3], [6, 13])
            # regress: mean and variance of the conditional mixture, without sampling
            np.save(self.dir / "row.npy", point)
            self.run_ok("regress row.npy m.h5 --target 0,2 -o r.h5 --force")
            w, mu, S, nu = arrays(self.dir / "c.h5")
            mean = w @ mu
            variance = w @ (np.einsum("kjj->kj", S) * (nu / (nu - 2))[:, None] + (mu - mean) ** 2)
            with h5py.File(self.dir / "r.h5") as f:
                np.testing.assert_allclose(f["mean"][0], mean, rtol=1e-11)
                np.testing.assert_allclose(f["variance"][0], variance, rtol=1e-11)

    def test_python_covariances_saving_and_pictures(self):
        mixture = package.StudentMixture("tied", [0.5, 0.5], [[0, 0], [3, 1]], None, scales=[[1, 0.2], [0.2, 2]], dof=[2, 6])
        self.assertTrue(np.isinf(np.diag(mixture.covariances[0])).all())
        np.testing.assert_allclose(mixture.covariances[1], 1.5 * mixture.scales)
        package.save(mixture, self.dir / "saved.h5")
        np.testing.assert_allclose(package.load(self.dir / "saved.h5").score_samples(ROWS), log_density(self.dir / "saved.h5", ROWS), rtol=1e-12)
        started = package.fit(ROWS, 2, family="student", dof="4", init_params=str(self.dir / "saved.h5"))
        np.testing.assert_array_equal(started.dof_, [4, 4])
        for draw in (plot.scatter, plot.density):
            draw(ROWS, self.dir / "saved.h5").savefig(self.dir / "picture.png")

    def test_select_compare_noise_and_labels(self):
        grid = json.loads(self.run_ok("select x.npy -k 1:3 --family student --covariance-type full,diag --json -o s.h5", 2).out)
        self.assertEqual(grid["n_components"], 2)
        self.fit("a.h5", "--dof 4")
        compared = json.loads(self.run_ok("compare s.h5 a.h5 --json").out)
        self.assertEqual(len(compared["components"]), 2)
        noisy = self.fit("noisy.h5", "--noise --tol 1e-9")
        self.assertAlmostEqual(json.loads(self.run_ok("score x.npy noisy.h5 --json").out)["log_likelihood"] / noisy["log_likelihood"], 1, places=12)
        np.save(self.dir / "classes.npy", np.repeat([0, 1], 200))
        labelled = self.fit("l.h5", "--labels classes.npy --tol 1e-9")
        self.assertGreater(labelled["n_iter"], 2, "weights of rows are unknown still")

    def test_what_is_refused(self):
        def bad(**changes):
            def write(folder):
                whole = dict(weights=[0.5, 0.5], means=[[0, 0], [1, 1]], scales=[np.eye(2)] * 2, dof=[3, 4]) | changes
                write_model(folder / "m.h5", **whole)
            return write
        fit = "fit in/x.npy -k 2 -o m.h5 --family student"
        self.check_cases([
            Case("dof of Gaussians", "fit in/x.npy -k 2 -o m.h5 --dof 4", 64, ("--dof 4", "gaussian"), (1,)),
            Case("no number", f"{fit} --dof many", 64, ("--dof", "each, shared"), (1,)),
            Case("zero", f"{fit} --dof 0", 64, ("--dof 0", "0.001"), (1,)),
            Case("engine", f"{fit} --engine stepwise", 64, ("--engine stepwise", "student")),
            Case("accelerate", f"{fit} --accelerate lbfgs", 64, ("--accelerate", "student"), (1,)),
            Case("trace", f"{fit} --trace elbo", 64, ("--trace elbo", "student"), (1,)),
            Case("prior", f"{fit} --prior auto", 64, ("--prior",), (1,)),
            Case("negative dof in a file", "score in/x.npy m.h5", 65, ("m.h5", "degrees of freedom"), setup=bad(dof=[-1, 3])),
            Case("dof of another shape", "score in/x.npy m.h5", 65, ("m.h5", "dof"), (1,), setup=bad(dof=[3])),
            Case("unknown sharing", "info m.h5", 65, ("m.h5", "dof_sharing"), (1,), setup=bad(dof_sharing="some")),
            Case("another family", "compare m.h5 in/g.h5", 65, ("student",), (1,), setup=bad()),
        ], self.inputs())

    def inputs(self):
        folder = self.dir / "inputs"
        folder.mkdir()
        np.save(folder / "x.npy", ROWS)
        self.run_ok(f"fit x.npy -k 2 -o {folder / 'g.h5'}")
        return folder
