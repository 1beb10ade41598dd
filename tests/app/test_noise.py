# fit --noise through the command line and Python: what is written and meant, the same bits on ranks and after a stop, bad input.
import json
import re
import sys

import h5py
import matplotlib
import numpy as np

from harness import DATA, ROOT, Case, ProgramTest, gmmpi
from interrupt import interrupt

sys.path.insert(0, str(ROOT / "scripts/python"))
matplotlib.use("Agg")
import gmmpi as package
from gmmpi import plot

NOISY = DATA / "old_faithful_noise.csv"
TYPES = ("full", "tied", "diag", "spherical")


def log_normal(X, mean, covariance):
    away = X - mean
    squares = np.einsum("nj,nj->n", away, np.linalg.solve(covariance, away.T).T)
    return -0.5 * (squares + np.linalg.slogdet(2 * np.pi * covariance)[1])


def log_joint(path, X):
    """(N, K + 1): the components and last the noise, from the arrays of a model file without a transform."""
    with h5py.File(path) as f:
        m, K = f["model"], len(f["model/weights"])
        c, kind = m["covariances"][()], m.attrs["covariance_type"]
        full = {"full": lambda k: c[k], "tied": lambda k: c, "diag": lambda k: np.diag(c[k]), "spherical": lambda k: c[k] * np.eye(X.shape[1])}
        columns = [np.log(m["weights"][k]) + log_normal(X, m["means"][k], full[kind](k)) for k in range(K)]
        noise = np.log(m.attrs["noise_weight"]) - m.attrs["noise_log_volume"]
    return np.column_stack([*columns, np.full(len(X), noise)])


class Noise(ProgramTest):
    def setUp(self):
        super().setUp()
        self.X, labels = np.split(np.loadtxt(NOISY, delimiter=",", skiprows=1), [2], axis=1)
        self.truth = labels[:, 0].astype(int)
        np.save(self.dir / "x.npy", self.X)

    def fit(self, output, more="", ranks=1):
        return json.loads(self.run_ok(f"fit x.npy -k 2 --noise --tol 1e-10 --json -o {output} {more}", ranks).out)

    def test_what_is_written_and_what_rows_are_said_to_be(self):
        for kind in TYPES:
            one, three = (self.fit(f"m{r}.h5", f"--force --covariance-type {kind}", r) for r in (1, 3))
            self.assertEqual(one["digest"], three["digest"])
            with h5py.File(self.dir / "m3.h5") as f:
                model, options = dict(f["model"].attrs), dict(f["options"].attrs)
                np.testing.assert_array_equal(f["model/noise_minimum"], self.X.min(axis=0))
                np.testing.assert_array_equal(f["model/noise_maximum"], self.X.max(axis=0))
                self.assertAlmostEqual(f["model/weights"][()].sum() + model["noise_weight"], 1, places=14)
                self.assertTrue((np.diff(f["history/log_likelihood"]) >= -1e-9).all())
            self.assertAlmostEqual(model["noise_log_volume"], np.log(np.ptp(self.X, axis=0)).sum(), places=13)
            self.assertEqual((options["noise"], options["noise_weight"], options["noise_volume"]), ("true", 0.05, "auto"))
            free = {"full": 6, "tied": 3, "diag": 4, "spherical": 2}[kind] + 4 + 1 + 2
            self.assertEqual(model["n_parameters"], free)
            np.testing.assert_allclose(model["bic"], -2 * model["log_likelihood"] + free * np.log(len(self.X)), rtol=1e-14)

            joint = log_joint(self.dir / "m3.h5", self.X)
            density = np.logaddexp.reduce(joint, axis=1)
            np.testing.assert_allclose(density.sum(), model["log_likelihood"], rtol=1e-12)
            np.testing.assert_allclose(model["icl"], model["bic"] + 2 * (density - joint.max(axis=1)).sum(), rtol=1e-12)
            score = json.loads(self.run_ok("score x.npy m3.h5 --json", 3).out)
            self.assertEqual([score[name] for name in ("log_likelihood", "bic", "icl")], [model[name] for name in ("log_likelihood", "bic", "icl")])
            said = json.loads(self.run_ok("predict x.npy m3.h5 --responsibilities --log-density --mahalanobis --json --force -o p.h5", 3).out)
            expected = joint.argmax(axis=1)
            with h5py.File(self.dir / "p.h5") as f:
                np.testing.assert_array_equal(f["labels"], np.where(expected == 2, -1, expected))
                self.assertEqual(f["mahalanobis"].shape, (len(self.X), 2))
                np.testing.assert_allclose(f["responsibilities"], np.exp(joint - density[:, None]), rtol=1e-9, atol=1e-15)
                np.testing.assert_allclose(f["log_density"], density, rtol=1e-12)
                if kind == "full":  # of the 68 rows of noise some lie in the clusters
                    found = f["labels"][()] == -1
                    self.assertGreater((found & (self.truth == -1)).sum(), 40)
                    self.assertLess((found & (self.truth != -1)).sum(), 20)
            self.assertEqual(said["label_sizes"], [int((expected == k).sum()) for k in range(2)])
            self.assertEqual(said["n_noise"], (expected == 2).sum())
        info = self.run_ok("info m3.h5").out
        self.assertRegex(info, r"noise +weight 0\.\d+, uniform \(label -1\); ln V = 5\.57")
        self.assertIn("noise: ", self.run_ok("predict x.npy m3.h5 -o q.h5").out)

    def test_samples_are_uniform_in_the_box_where_they_are_noise(self):
        self.fit("m.h5")
        for ranks in (1, 3):
            self.run_ok(f"sample m.h5 -n 20000 --seed 3 -o s{ranks}.h5", ranks)
        with h5py.File(self.dir / "s1.h5") as f, h5py.File(self.dir / "s3.h5") as g, h5py.File(self.dir / "m.h5") as m:
            np.testing.assert_array_equal(f["X"], g["X"])
            noise = f["X"][()][f["labels"][()] == -1]
            weight, low, high = m["model"].attrs["noise_weight"], m["model/noise_minimum"][()], m["model/noise_maximum"][()]
            X = f["X"][()]
        self.assertAlmostEqual(len(noise) / 20000, weight, delta=0.01)
        places = (noise - low) / (high - low)
        self.assertTrue(((places >= 0) & (places <= 1)).all())
        for quantile in (0.1, 0.5, 0.9):
            np.testing.assert_allclose(np.quantile(places, quantile, axis=0), quantile, atol=0.02)
        whole = json.loads(self.run_ok("info m.h5 --json").out)["mixture"]
        np.testing.assert_allclose(whole["mean"], X.mean(axis=0), rtol=0.02)
        np.testing.assert_allclose(whole["covariance"], np.cov(X.T), rtol=0.05)

    def test_interrupted_and_resumed(self):
        rng = np.random.default_rng(8)
        rows = rng.normal(size=(40000, 4)) + 3 * rng.integers(0, 3, 40000)[:, None]
        rows[::6] = rng.uniform(-8, 14, size=rows[::6].shape)
        np.save(self.dir / "big.npy", rows)
        fit = "fit big.npy -k 3 --noise --noise-weight 0.1 --noise-volume 234256 --engine ENGINE --n-init 2 --tol 0 --max-iter 60"
        for engine in ("em", "hard"):
            command = fit.replace("ENGINE", engine)
            whole = json.loads(self.run_ok(f"{command} --json -o whole.h5 --force").out)
            interrupt(self, f"{command} -o part.h5 --force", 2)
            for old, new, named in (("--noise --noise-weight 0.1 --noise-volume 234256", "", "--noise"), ("weight 0.1", "weight 0.2", "--noise-weight"),
                                    (" --noise-volume 234256", "", "--noise-volume")):
                self.check_failure(gmmpi(command.replace(old, new) + " -o part.h5", self.dir), 76, ("part.ckpt", named))
            run = self.run_ok(f"{command} --json -o part.h5", 3)
            self.assertIn("resumed from", run.err)
            self.assertEqual(json.loads(run.out)["digest"], whole["digest"])
            (self.dir / "part.h5").unlink()

    def test_another_noise_is_another_fit(self):
        self.fit("m.h5")
        for other in ("--noise --noise-weight 0.1", "--noise --noise-volume 300", ""):
            self.check_failure(gmmpi(f"fit x.npy -k 2 {other} --tol 1e-10 -o m.h5", self.dir), 73, ("m.h5", "--force"))
        self.assertIn("complete already", self.run_ok("fit x.npy -k 2 --noise --tol 1e-10 -o m.h5").err)
        self.assertIn("complete already", self.run_ok("fit x.npy -k 2 --tol 1e-10 -o m.h5", env={"GMMPI_NOISE": "true"}).err)

    def test_a_warm_start_goes_on_and_streaming_changes_nothing(self):
        one = self.fit("m.h5")
        again = json.loads(self.run_ok("fit x.npy -k 2 --noise --init m.h5 --max-iter 0 --json -o w.h5").out)
        self.assertEqual(again["log_likelihood"], one["log_likelihood"])
        np.save(self.dir / "many.npy", np.tile(self.X, (3000, 1)))
        fit = "fit many.npy -k 2 --noise --init m.h5 --max-iter 5 --tol 0 --json -o"
        held = json.loads(self.run_ok(f"{fit} held.h5").out)
        refused = gmmpi(f"{fit} streamed.h5 --memory-limit 1M", self.dir, 2)
        least = re.search(r"--memory-limit (\d+M) or more", refused.errors[0])[1]
        streamed = self.run_ok(f"{fit} streamed.h5 --memory-limit {least}", 2)
        self.assertIn("rows: streamed", streamed.err)
        self.assertEqual(json.loads(streamed.out)["digest"], held["digest"])

    def test_standardised_and_rotated_columns(self):
        """The box of standardised columns is the same box; that of all principal components is another one."""
        plain, scaled, rotated = self.fit("a.h5"), self.fit("b.h5", "--standardize"), self.fit("c.h5", "--pca 2")
        self.assertAlmostEqual(scaled["log_likelihood"], plain["log_likelihood"], delta=1e-3)
        self.assertNotAlmostEqual(rotated["log_likelihood"], plain["log_likelihood"], delta=1e-3)
        for name, result in (("b", scaled), ("c", rotated)):
            score = json.loads(self.run_ok(f"score x.npy {name}.h5 --json", 3).out)
            self.assertEqual(score["log_likelihood"], result["log_likelihood"])
            np.testing.assert_allclose(package.read_model(self.dir / f"{name}.h5").mixture.log_density(self.X).sum(), result["log_likelihood"], rtol=1e-12)
        self.run_ok("sample b.h5 -n 5000 -o s.h5")
        with h5py.File(self.dir / "s.h5") as f:
            noise = f["X"][()][f["labels"][()] == -1]
        self.assertTrue((noise >= self.X.min(axis=0) - 1e-9).all() and (noise <= self.X.max(axis=0) + 1e-9).all())
        self.assertLess(np.abs(noise.min(axis=0) - self.X.min(axis=0)).max(), 0.5)

    def test_select_finds_two_components_where_it_needs_more_without_noise(self):
        chosen = {}
        for noise in ("", "--noise"):
            command = f"select x.npy -k 1:5 --covariance-type full,diag --n-init 2 {noise} --json --force -o"
            one, three = (json.loads(self.run_ok(f"{command} s{r}.h5", r).out) for r in (1, 3))
            self.assertEqual(one["digest"], three["digest"])
            chosen[noise] = one
        self.assertEqual(chosen["--noise"]["n_components"], 2)
        self.assertGreater(chosen[""]["n_components"], 2)
        self.assertLess(chosen["--noise"]["bic"], chosen[""]["bic"])
        self.assertEqual(chosen["--noise"]["grid"]["n_parameters"][0] - chosen[""]["grid"]["n_parameters"][0], 2)

    def test_python_and_pictures(self):
        self.fit("m.h5")
        model = package.read_model(self.dir / "m.h5")
        joint = log_joint(self.dir / "m.h5", self.X)
        np.testing.assert_allclose(model.mixture.log_density(self.X), np.logaddexp.reduce(joint, axis=1), rtol=1e-12)
        np.testing.assert_allclose(1 - model.mixture.responsibilities(self.X).sum(axis=1), np.exp(joint[:, -1] - np.logaddexp.reduce(joint, axis=1)), atol=1e-12)
        path = str(self.dir / "m.h5")
        fitted = package.load(path)
        self.assertIsInstance(fitted, package.FittedMixture)
        self.run_ok("predict x.npy m.h5 --responsibilities --log-density -o p.h5")
        score = json.loads(self.run_ok("score x.npy m.h5 --json").out)
        with h5py.File(self.dir / "p.h5") as p:
            np.testing.assert_array_equal(fitted.predict(self.X), p["labels"][()])
            np.testing.assert_allclose(fitted.predict_proba(self.X), p["responsibilities"][()], atol=1e-12)
            np.testing.assert_allclose(fitted.score_samples(self.X), p["log_density"][()], rtol=1e-12)
        np.testing.assert_allclose([fitted.bic(self.X), fitted.aic(self.X)], [score["bic"], score["aic"]], rtol=1e-12)
        for refused in (lambda: package.save(model.mixture, str(self.dir / "s.h5")), lambda: plot.density(self.X, path),
                        lambda: plot.bound(self.X, path), lambda: plot.compare(path, path)):
            with self.assertRaises(package.GmmpiError) as caught:
                refused()
            self.assertEqual(caught.exception.exit_code, 65)
            self.assertIn("noise", str(caught.exception))
        (self.dir / "pink.h5").write_bytes((self.dir / "m.h5").read_bytes())
        with h5py.File(self.dir / "pink.h5", "r+") as f:
            f["model"].attrs["noise_kind"] = "pink"
        with self.assertRaisesRegex(package.GmmpiError, "pink"):
            package.load(str(self.dir / "pink.h5"))
        figure = plot.scatter(self.X, path, colour_by="prediction")
        drawn = figure.axes[0].collections[0].get_facecolors()[:, :3]
        grey = np.abs(drawn - matplotlib.colors.to_rgb(plot.style.NOISE)).max(axis=1) < 1e-9
        np.testing.assert_array_equal(grey, joint.argmax(axis=1) == 2)
        self.assertTrue(any("noise, weight 0.2" in text.get_text() for legend in (*figure.legends, figure.axes[0].get_legend()) if legend for text in legend.get_texts()))
        for command in ("scatter x.npy m.h5", "history m.h5"):
            self.run_ok(f"plot {command} -o picture.png")

    def test_bad_input(self):
        self.fit("m.h5")
        self.run_ok("fit x.npy -k 2 -o plain.h5")
        np.save(self.dir / "flat.npy", np.column_stack([self.X, np.ones(len(self.X))]))
        np.save(self.dir / "b.npy", np.eye(6))
        for name, changed in (("nobox", lambda m: m.__delitem__("noise_minimum")), ("heavy", lambda m: m.attrs.modify("noise_weight", 0.9)),
                              ("turned", lambda m: m["noise_minimum"].write_direct(np.array([1e3, 1e3]))), ("nan", lambda m: m.attrs.modify("noise_log_volume", np.nan)),
                              ("pink", lambda m: m.attrs.create("noise_kind", "pink")), ("negative", lambda m: m.attrs.modify("noise_weight", -0.1))):
            (self.dir / f"{name}.h5").write_bytes((self.dir / "m.h5").read_bytes())
            with h5py.File(self.dir / f"{name}.h5", "r+") as f:
                changed(f["model"])
        fit = "fit in/x.npy -k 2 -o out.h5 "
        self.check_cases([
            Case("a weight alone", fit + "--noise-weight 0.1", 64, ("--noise-weight", "give --noise")),
            Case("a volume alone", fit + "--noise-volume 10", 64, ("--noise-volume", "give --noise")),
            Case("no weight", fit + "--noise --noise-weight 0", 64, ("--noise-weight", "between 0 and 1")),
            Case("all weight", fit + "--noise --noise-weight 1", 64, ("--noise-weight", "between 0 and 1")),
            Case("no volume", fit + "--noise --noise-volume 0", 64, ("--noise-volume", "> 0")),
            Case("volume in other units", fit + "--noise --noise-volume 9 --standardize", 64, ("--noise-volume", "--standardize")),
            Case("k-means", fit + "--noise --engine kmeans", 64, ("--engine kmeans", "--noise")),
            Case("stepwise", fit + "--noise --engine stepwise", 64, ("--engine stepwise", "--noise")),
            Case("accelerated", fit + "--noise --accelerate lbfgs", 64, ("--accelerate", "--noise")),
            Case("Bernoulli", "fit in/b.npy -k 2 -o out.h5 --family bernoulli --noise", 64, ("--noise", "Gaussian")),
            Case("a constant column", "fit in/flat.npy -k 2 -o out.h5 --noise", 65, ("flat.npy", "column 2", "--noise-volume")),
            Case("noise takes all", fit + "--noise --noise-volume 1e-200", 79, ("noise has taken all rows", "--noise-volume")),
            Case("a start with noise", fit + "--init in/m.h5", 64, ("in/m.h5", "give --noise")),
            Case("marginal", "marginal in/m.h5 --keep 0 -o out.h5", 65, ("in/m.h5", "noise")),
            Case("condition", "condition in/m.h5 --given 0=1 -o out.h5", 65, ("in/m.h5", "noise")),
            Case("regress", "regress in/x.npy in/m.h5 --target 0 -o out.h5", 65, ("in/m.h5", "noise")),
            Case("compare", "compare in/plain.h5 in/m.h5", 65, ("in/m.h5", "noise")),
            Case("a picture", "plot density in/x.npy in/m.h5 -o out.png", 65, ("m: ", "noise"), ranks=(1,)),
            Case("weights that do not sum to 1", "score in/x.npy in/heavy.h5", 65, ("in/heavy.h5", "sum to")),
            Case("a box without its minimum", "score in/x.npy in/nobox.h5", 65, ("in/nobox.h5", "noise_minimum")),
            Case("noise of another kind", "score in/x.npy in/pink.h5", 65, ("in/pink.h5", "pink", "uniform")),
            Case("noise of a negative weight", "score in/x.npy in/negative.h5", 65, ("in/negative.h5", "noise_weight")),
            Case("a box that is none", "sample in/turned.h5 -n 5 -o out.h5", 65, ("in/turned.h5", "noise_minimum")),
            Case("no number", "score in/x.npy in/nan.h5", 65, ("in/nan.h5", "noise")),
        ], inputs=self.dir)
