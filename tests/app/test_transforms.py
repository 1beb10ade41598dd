# Standardised columns and principal components: pca, transform, and fits that remember them. Judged by scikit-learn.
# covers: src/io/transform_file.cpp
import json
import shutil
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from harness import DATA, OLD_FAITHFUL, Case, ProgramTest, gmmpi, in_parallel
from interrupt import checkpoints, interrupt

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts/python"))
import gmmpi as package  # noqa: E402

X = np.loadtxt(OLD_FAITHFUL, delimiter=",", skiprows=1)
DIGITS = np.loadtxt(DATA / "digits.csv", delimiter=",", skiprows=1)[:, :-1]
TYPES = ("full", "tied", "diag", "spherical")
RTOL = 1e-9


def close(actual, expected, rtol=RTOL, atol=0.0):
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)


def values(path, name="X"):
    with h5py.File(path) as f:
        return f[name][()]


def signs(actual, expected):
    """Of each column, so that actual * signs is near expected."""
    return np.sign((actual * expected).sum(axis=0))


class Inputs(ProgramTest):
    """In self.dir: digits.npy, faithful.npy, and weights.npy for its rows."""

    def setUp(self):
        super().setUp()
        np.save(self.dir / "digits.npy", DIGITS.astype("f4"))
        np.save(self.dir / "faithful.npy", X)
        np.save(self.dir / "weights.npy", np.arange(len(X)) % 3)

    def json(self, args, ranks=1):
        return json.loads(self.run_ok(args + " --json", ranks).out)

    def same_everywhere(self, command, outputs):
        """Runs with each layout; `command` holds {}, the output's name. Returns the digests, which are equal."""
        layouts = ((1, 1), (3, 2))
        runs = in_parallel(lambda name, ranks, threads: self.run_ok(command.format(name), ranks, threads=threads),
                           [(name, *layout) for name, layout in zip(outputs, layouts)])
        digests = {line for run in runs for line in run.out.splitlines() if line.startswith("digest")}
        self.assertEqual(len(digests), 1)


class PrincipalComponents(Inputs):
    def test_digits_as_scikit_learn(self):
        self.same_everywhere("pca digits.npy --variance 0.99 -o {}", ("p.h5", "p3.h5"))
        expected = PCA(0.99, svd_solver="full").fit(DIGITS)
        n = len(DIGITS)
        with h5py.File(self.dir / "p.h5") as f:
            t = {name: data[()] for name, data in f["transform"].items()}
            self.assertEqual(f.attrs["filetype"], "gmmpi-transform")
        self.assertEqual(t["components"].shape, (41, 64))
        close(t["center"], expected.mean_)
        close(t["explained_variance"] * n / (n - 1), expected.explained_variance_)
        close(t["explained_variance_ratio"], expected.explained_variance_ratio_)
        flips = signs(t["components"].T, expected.components_.T)
        close(t["components"] * flips[:, None], expected.components_, atol=1e-12)
        largest = np.abs(t["components"]).argmax(axis=1)
        self.assertTrue((t["components"][np.arange(41), largest] > 0).all())

        self.run_ok("transform digits.npy p.h5 -o scores.h5", 3)
        self.run_ok("transform digits.npy p.h5 -o scores1.h5")
        scores = values(self.dir / "scores.h5")
        np.testing.assert_array_equal(scores, values(self.dir / "scores1.h5"))
        close(scores * flips, expected.transform(DIGITS), atol=1e-10)
        stored = np.loadtxt(DATA / "digits_pca41.csv", delimiter=",", skiprows=1)[:, :-1]
        close(scores * signs(scores, stored), stored, rtol=0, atol=5.1e-5)
        self.run_ok("transform scores.h5 p.h5 --inverse -o back.h5", 3)
        close(values(self.dir / "back.h5"), expected.inverse_transform(expected.transform(DIGITS)), atol=1e-10)

    def test_counts_and_whitening(self):
        result = self.json("pca digits.npy --n-components 7 --whiten -o p.h5")
        self.assertEqual((result["n_components"], result["n_features"], result["whitened"]), (7, 64, True))
        close(result["cumulative_ratio"], np.cumsum(result["explained_variance_ratio"]))
        self.run_ok("transform digits.npy p.h5 -o s.h5")
        scores = values(self.dir / "s.h5")
        close(np.cov(scores.T, ddof=0), np.eye(7), atol=1e-12)
        self.run_ok("transform s.h5 p.h5 --inverse -o back.h5")
        expected = PCA(7, whiten=True, svd_solver="full").fit(DIGITS)
        close(values(self.dir / "back.h5"), expected.inverse_transform(expected.transform(DIGITS)), atol=1e-10)
        shown = self.run_ok("info p.h5").out
        self.assertIn("7 principal components of 64 columns, whitened", shown)
        self.assertIn(f"{result['explained_variance_ratio'][6]:.6f}", shown)
        close(self.json("info p.h5")["transform"]["explained_variance"], result["explained_variance"])
        everything = self.json("pca digits.npy -o all.h5")
        self.assertEqual(everything["n_components"], np.linalg.matrix_rank(DIGITS - DIGITS.mean(axis=0)))
        self.assertAlmostEqual(everything["cumulative_ratio"][-1], 1.0, places=12)

    def test_weights(self):
        w = np.arange(len(X)) % 3
        result = self.json("pca faithful.npy --sample-weight weights.npy -o p.h5", 2)
        close(result["explained_variance"], np.sort(np.linalg.eigvalsh(np.cov(X.T, aweights=w, ddof=0)))[::-1])

    def test_a_repeated_command_is_done(self):
        for command in ("pca faithful.npy -o p.h5", "transform faithful.npy p.h5 -o s.h5"):
            self.run_ok(command)
            self.assertIn("holds this already", self.run_ok(command).err)

    def test_streamed_rows(self):
        np.save(self.dir / "long.npy", np.tile(DIGITS, (60, 1)).astype("f4"))
        digests = {self.json(f"pca long.npy -o p{i}.h5 {limit}")["digest"]
                   for i, limit in enumerate(("", "--memory-limit 60M"))}
        self.assertEqual(len(digests), 1)


class Standardised(Inputs):
    def test_fits_are_of_raw_rows(self):
        """The density of the raw data, whatever the coordinates of the fit."""
        for t in TYPES:
            with self.subTest(t):
                self.same_everywhere(f"fit faithful.npy -k 2 --covariance-type {t} --standardize -o {{}}", (f"{t}.h5", f"{t}3.h5"))
                with h5py.File(self.dir / f"{t}.h5") as f:
                    close(f["transform/center"], X.mean(axis=0))
                    close(f["transform/scale"], X.std(axis=0))
                    attributes, history = dict(f["model"].attrs), f["history/log_likelihood"][()]
                gm = package.load(self.dir / f"{t}.h5")
                self.assertEqual(gm.covariance_type, "diag" if t == "spherical" else t)
                self.assertEqual(gm.means_.shape, (2, 2))
                total = gm.score_samples(X).sum()
                close([attributes["log_likelihood"], history[-1]], total)
                score = self.json(f"score faithful.npy {t}.h5 -o ld.h5 --force", 3)
                close([score["log_likelihood"], score["bic"]], [total, attributes["bic"]])
                close(values(self.dir / "ld.h5", "log_density"), gm.score_samples(X))
                if t != "spherical":
                    close(score["bic"], gm.bic(X))
                self.run_ok(f"predict faithful.npy {t}.h5 --responsibilities --mahalanobis -o p.h5 --force", 2)
                close(values(self.dir / "p.h5", "responsibilities"), gm.predict_proba(X), atol=1e-12)
                np.testing.assert_array_equal(values(self.dir / "p.h5", "labels"), gm.predict(X))

    def test_full_fits_are_those_of_raw_columns(self):
        """The family is closed under scaling, so the optimum is the same."""
        for output, option in (("raw.h5", ""), ("s.h5", "--standardize")):
            self.run_ok(f"fit faithful.npy -k 2 --tol 1e-12 --reg-covar 0 {option} -o {output}")
        a, b = package.load(self.dir / "raw.h5"), package.load(self.dir / "s.h5")
        close(b.means_, a.means_, rtol=1e-5)
        close(b.covariances_, a.covariances_, rtol=1e-4)
        comparison = self.json("compare raw.h5 s.h5 -n 1000 --data faithful.npy")
        self.assertEqual((comparison["adjusted_rand_index"], comparison["n_labelled"]), (1.0, len(X)))
        self.assertLess(max(c["mean_error"] for c in comparison["components"]), 1e-3)

    def test_marginal_condition_regress_sample_info_in_raw_units(self):
        self.run_ok("fit faithful.npy -k 2 --standardize -o s.h5")
        gm = package.load(self.dir / "s.h5")
        package.save(gm, self.dir / "raw.h5")
        for m in ("s", "raw"):
            self.run_ok(f"marginal {m}.h5 --keep 1 -o marginal.{m}.h5")
            self.run_ok(f"condition {m}.h5 --given 0=3 -o given.{m}.h5")
            self.run_ok(f"regress faithful.npy {m}.h5 --target 1 -o expected.{m}.h5", 2)
            self.run_ok(f"sample {m}.h5 -n 500 --seed 3 -o drawn.{m}.h5", 3)
        for made in ("marginal", "given"):
            for name in ("weights", "means", "covariances"):
                close(values(self.dir / f"{made}.s.h5", f"model/{name}"), values(self.dir / f"{made}.raw.h5", f"model/{name}"))
        for name in ("mean", "variance"):
            close(values(self.dir / "expected.s.h5", name), values(self.dir / "expected.raw.h5", name))
        close(values(self.dir / "drawn.s.h5"), values(self.dir / "drawn.raw.h5"))
        mixture = self.json("info s.h5")["mixture"]
        close(mixture["mean"], X.mean(axis=0))
        close(mixture["covariance"], self.json("info raw.h5")["mixture"]["covariance"])
        self.assertIn("standardised columns", self.run_ok("info s.h5").out)

    def test_fit_from_python(self):
        gm = package.fit(X, 2, covariance_type="spherical", standardize=True)
        self.assertEqual(gm.covariance_type, "diag")
        close(gm.lower_bound_, gm.score(X))

    def test_starts_are_of_raw_rows(self):
        """A start in raw units, and a standardised model itself, go on from where they are."""
        self.run_ok("fit faithful.npy -k 2 --standardize -o s.h5")
        package.save(package.load(self.dir / "s.h5"), self.dir / "raw.h5")
        last = values(self.dir / "s.h5", "history/log_likelihood")[-1]
        for start in ("raw.h5", "s.h5"):
            for option in ("", "--standardize"):
                with self.subTest(start, option=option):
                    self.run_ok(f"fit faithful.npy -k 2 {option} --init {start} --max-iter 0 -o again.h5 --force", 2)
                    close(values(self.dir / "again.h5", "history/log_likelihood"), [last])

    def test_constant_columns_and_offsets(self):
        np.save(self.dir / "c.npy", np.column_stack([X, np.full(len(X), 7.0), 1e9 + 1000 * X[:, 0]]))
        self.run_ok("fit c.npy -k 2 --standardize --reg-covar 1e-3 --max-iter 20 --tol 0 -o m.h5")
        self.assertEqual(values(self.dir / "m.h5", "transform/scale")[2], 1.0)
        self.run_ok("sample m.h5 -n 1000 -o drawn.h5")
        drawn = values(self.dir / "drawn.h5")
        close(drawn[:, 2].mean(), 7.0, atol=0.02)
        close(drawn[:, 3].mean(), 1e9 + 1000 * X[:, 0].mean(), rtol=1e-6)

    def test_log_and_history_agree(self):
        self.run_ok("fit faithful.npy -k 2 --standardize --n-init 2 -o m.h5 --log-json log.json")
        events = [json.loads(line) for line in (self.dir / "log.json").read_text().splitlines()]
        ends = [e["log_likelihood"] for e in events if e["event"] == "restart_end"]
        np.testing.assert_array_equal(ends, values(self.dir / "m.h5", "history/restart_log_likelihood"))
        with h5py.File(self.dir / "m.h5") as f:
            best = f["model"].attrs["best_restart"]
            history = [e["log_likelihood"] for e in events if e["event"] == "iteration" and e["restart"] == best]
            np.testing.assert_array_equal(history, f["history/log_likelihood"])


class Projected(Inputs):
    FIT = "fit digits.npy -k 5 --covariance-type diag --pca 0.99 --max-iter 8 --tol 0"

    def test_fits_are_of_the_components(self):
        self.same_everywhere(f"{self.FIT} -o {{}}", ("m.h5", "m3.h5"))
        self.run_ok("pca digits.npy --variance 0.99 -o p.h5")
        self.run_ok("transform digits.npy p.h5 -o scores.h5")
        for name in ("center", "scale", "components"):
            np.testing.assert_array_equal(values(self.dir / "m.h5", f"transform/{name}"), values(self.dir / "p.h5", f"transform/{name}"))
        self.run_ok("fit scores.h5 -k 5 --covariance-type diag --max-iter 8 --tol 0 -o direct.h5")
        for name in ("model/weights", "model/means", "model/covariances", "history/log_likelihood"):
            np.testing.assert_array_equal(values(self.dir / "m.h5", name), values(self.dir / "direct.h5", name))
        self.run_ok("transform digits.npy m.h5 -o again.h5")
        np.testing.assert_array_equal(values(self.dir / "again.h5"), values(self.dir / "scores.h5"))
        a, b = self.json("score digits.npy m.h5", 2), self.json("score scores.h5 direct.h5")
        self.assertEqual(a, b)
        for data, model in (("digits.npy", "m"), ("scores.h5", "direct")):
            self.run_ok(f"predict {data} {model}.h5 --log-density --outliers 0.05 -o {model}.p.h5", 3)
        for name in ("labels", "log_density", "outliers"):
            np.testing.assert_array_equal(values(self.dir / "m.p.h5", name), values(self.dir / "direct.p.h5", name))

    def test_samples_live_among_the_columns(self):
        self.run_ok(f"{self.FIT} -o m.h5")
        self.run_ok("sample m.h5 -n 3000 -o drawn.h5", 3)
        self.run_ok("sample m.h5 -n 3000 -o drawn1.h5")
        drawn = values(self.dir / "drawn.h5")
        np.testing.assert_array_equal(drawn, values(self.dir / "drawn1.h5"))
        self.assertEqual(drawn.shape, (3000, 64))
        close(drawn.mean(axis=0), DIGITS.mean(axis=0), atol=0.5)
        self.run_ok("predict drawn.h5 m.h5 -o p.h5")
        self.assertGreater((values(self.dir / "p.h5", "labels") == values(self.dir / "drawn.h5", "labels")).mean(), 0.9)
        mixture = self.json("info m.h5")["mixture"]
        close(mixture["mean"], DIGITS.mean(axis=0), atol=1e-9)

    def test_whitened_log_densities_are_per_raw_volume(self):
        for options, output in (("", "plain.h5"), ("--whiten", "white.h5")):
            self.run_ok(f"fit digits.npy -k 1 --pca 10 {options} --reg-covar 0 -o {output}")
        a, b = (self.json(f"score digits.npy {m}.h5")["log_likelihood"] for m in ("plain", "white"))
        close(a, b)
        scores = PCA(10, svd_solver="full").fit_transform(DIGITS)
        close(a, GaussianMixture(1, reg_covar=0.0).fit(scores).score_samples(scores).sum())

    def test_all_components_are_a_turn(self):
        """As many components as columns: the density of the columns themselves."""
        self.run_ok("fit faithful.npy -k 2 --pca 2 --whiten -o turned.h5")
        gm = package.load(self.dir / "turned.h5")
        score = self.json("score faithful.npy turned.h5", 2)
        close([score["log_likelihood"], score["bic"]], [gm.score_samples(X).sum(), gm.bic(X)])
        self.run_ok("marginal turned.h5 --keep 1 -o waiting.h5")
        close(values(self.dir / "waiting.h5", "model/means")[:, 0], gm.means_[:, 1])

    def test_compare_in_the_same_components(self):
        for seed in (0, 1):
            self.run_ok(f"{self.FIT} --seed {seed} -o m{seed}.h5")
        comparison = self.json("compare m0.h5 m0.h5 -n 500 --data digits.npy", 2)
        self.assertEqual((comparison["adjusted_rand_index"], comparison["kl_ab"]), (1.0, 0.0))
        self.assertEqual(self.json("compare m0.h5 m1.h5 -n 500 --data digits.npy")["n_labelled"], len(DIGITS))

    def test_python(self):
        self.run_ok(f"{self.FIT} -o m.h5")
        self.run_ok("predict digits.npy m.h5 --responsibilities --log-density -o p.h5")
        score, fitted = self.json("score digits.npy m.h5"), package.load(self.dir / "m.h5")
        np.testing.assert_array_equal(fitted.predict(DIGITS), values(self.dir / "p.h5", "labels"))
        np.testing.assert_allclose(fitted.predict_proba(DIGITS), values(self.dir / "p.h5", "responsibilities"), atol=1e-10)
        close(fitted.score_samples(DIGITS), values(self.dir / "p.h5", "log_density"))
        close([fitted.bic(DIGITS), fitted.aic(DIGITS)], [score["bic"], score["aic"]])
        with self.assertRaisesRegex(package.GmmpiError, "principal components"):
            package.save(fitted, self.dir / "saved.h5")
        figure = package.plot.digits(str(self.dir / "m.h5"))
        self.assertEqual(figure.axes[0].images[0].get_array().shape, (8, 8))


class Resumed(Inputs):
    def test_the_same_digest(self):
        for fit in ("--standardize --reg-covar 1e-2 --covariance-type diag", "--pca 20 --whiten --covariance-type tied"):
            with self.subTest(fit):
                command = f"fit digits.npy -k 4 {fit} --max-iter 60 --tol 0 --force"
                whole = self.json(f"{command} -o whole.h5")
                interrupt(self, f"{command} --checkpoint-every 1it -o part.h5", ready=checkpoints("part.ckpt.*.h5", 4))
                resumed = self.run_ok(f"{command} --resume must -o part.h5 --json", 3)
                self.assertIn("resumed from", resumed.err)
                self.assertEqual(json.loads(resumed.out)["digest"], whole["digest"])
                np.testing.assert_array_equal(values(self.dir / "part.h5", "history/log_likelihood"),
                                              values(self.dir / "whole.h5", "history/log_likelihood"))

    def test_another_transform_is_another_fit(self):
        command = "fit digits.npy -k 4 --covariance-type diag --max-iter 60 --tol 0 -o m.h5"
        interrupt(self, f"{command} --standardize --checkpoint-every 1it", ready=checkpoints("m.ckpt.*.h5", 4))
        for option in ("", "--pca 64"):
            self.check_failure(gmmpi(f"{command} {option}", self.dir), 76, ("m.ckpt", "--standardize"))


class BadInput(ProgramTest):
    def test_cases(self):
        folder = Path(tempfile.mkdtemp(prefix="gmmpi-test-"))
        self.addCleanup(shutil.rmtree, folder)
        rng = np.random.default_rng(0)
        x = rng.normal(size=(100, 3))
        np.save(folder / "x.npy", x)
        np.save(folder / "two.npy", x[:, :2])
        np.save(folder / "flat.npy", np.ones((100, 3)))
        np.save(folder / "thin.npy", x[:, [0, 0, 1]])
        np.save(folder / "bits.npy", x > 0)
        x[50, 1] = np.nan
        np.save(folder / "nan.npy", x)
        program = package.program
        program.run("pca", folder / "x.npy", n_components=2, output=folder / "p.h5")
        program.run("fit", folder / "x.npy", n_components=1, pca=2, output=folder / "m.h5")
        program.run("fit", folder / "x.npy", n_components=1, output=folder / "plain.h5")
        program.run("fit", folder / "x.npy", n_components=1, standardize=True, output=folder / "s.h5")
        damages = {"turned": ("components", lambda v: v * 2), "negative": ("scale", lambda v: -v), "short": ("scale", lambda v: v[:1]),
                   "infinite": ("center", lambda v: v * np.inf)}
        for name, (dataset, change) in damages.items():
            shutil.copy(folder / "m.h5", folder / f"{name}.h5")
            with h5py.File(folder / f"{name}.h5", "a") as f:
                changed = change(f["transform"][dataset][()] + 0.5)
                del f["transform"][dataset]
                f["transform"][dataset] = changed
        fit, pca = "fit in/x.npy -k 1 -o m.h5", "pca in/x.npy -o p.h5"
        self.check_cases([
            Case("both", f"{fit} --standardize --pca 2", 64, ("--standardize", "--pca", "choose one")),
            Case("whiten alone", f"{fit} --whiten", 64, ("--whiten", "--pca")),
            Case("no number", f"{fit} --pca many", 64, ("--pca", "'many'")),
            Case("no component", f"{fit} --pca 0", 64, ("--pca", "'0'")),
            Case("more than everything", f"{fit} --pca 1.5", 64, ("--pca", "'1.5'")),
            Case("more components than columns", f"{fit} --pca 4", 64, ("--pca 4", "3 principal components", "1 to 3")),
            Case("constant data", "fit in/flat.npy -k 1 --pca 1 -o m.h5", 65, ("constant",)),
            Case("nothing to whiten by", "fit in/thin.npy -k 1 --pca 3 --whiten -o m.h5", 65, ("--whiten", "only 2")),
            Case("bernoulli", "fit in/bits.npy -k 1 --family bernoulli --standardize -o m.h5", 64, ("--standardize", "bernoulli")),
            Case("bernoulli pca", "fit in/bits.npy -k 1 --family bernoulli --pca 1 -o m.h5", 64, ("--pca", "bernoulli")),
            Case("nan", "fit in/nan.npy -k 1 --standardize -o m.h5", 65, ("row 50", "column 1", "nan")),
            Case("start of components", f"{fit} --standardize --init in/m.h5", 65, ("in/m.h5", "2 principal components")),
            Case("start of other columns", "fit in/two.npy -k 1 --standardize --init in/plain.h5 -o m.h5", 65, ("in/plain.h5", "2 columns")),
            Case("pca: both", f"{pca} --n-components 2 --variance 0.5", 64, ("--n-components", "--variance", "choose one")),
            Case("pca: share", f"{pca} --variance 1.1", 64, ("--variance", "1.1")),
            Case("pca: no share", f"{pca} --variance 0", 64, ("--variance",)),
            Case("pca: too many", f"{pca} --n-components 4", 64, ("--n-components 4", "3 principal components")),
            Case("pca: nothing to whiten by", "pca in/thin.npy --n-components 3 --whiten -o p.h5", 65, ("--whiten", "only 2")),
            Case("pca: constant data", "pca in/flat.npy -o p.h5", 65, ("constant",)),
            Case("pca: nan", "pca in/nan.npy -o p.h5", 65, ("row 50", "column 1", "nan")),
            Case("transform: columns", "transform in/two.npy in/p.h5 -o s.h5", 65, ("in/two.npy", "in/p.h5", "3 columns")),
            Case("transform: inverse columns", "transform in/x.npy in/p.h5 --inverse -o s.h5", 65, ("in/x.npy", "in/p.h5", "2 columns")),
            Case("transform: nan", "transform in/nan.npy in/p.h5 -o s.h5", 65, ("row 50", "column 1", "nan")),
            Case("transform: none", "transform in/x.npy in/plain.h5 -o s.h5", 65, ("in/plain.h5", "/transform")),
            Case("transform: missing", "transform in/x.npy in/none.h5 -o s.h5", 66, ("in/none.h5",)),
            Case("score: columns", "score in/two.npy in/m.h5", 65, ("in/two.npy", "in/m.h5", "3 columns")),
            Case("score: nan", "score in/nan.npy in/m.h5", 65, ("row 50", "column 1", "nan")),
            Case("predict: nan", "predict in/nan.npy in/s.h5 -o p.h5", 65, ("row 50", "column 1", "nan")),
            Case("marginal of components", "marginal in/m.h5 --keep 0 -o o.h5", 65, ("in/m.h5", "2 principal components", "3 columns")),
            Case("condition of components", "condition in/m.h5 --given 0=1 -o o.h5", 65, ("in/m.h5", "principal components")),
            Case("regress of components", "regress in/x.npy in/m.h5 --target 0 -o o.h5", 65, ("in/m.h5", "principal components")),
            Case("compare with columns", "compare in/m.h5 in/plain.h5", 65, ("in/m.h5", "principal components")),
            Case("not orthonormal", "score in/x.npy in/turned.h5", 65, ("in/turned.h5", "orthonormal")),
            Case("negative scale", "score in/x.npy in/negative.h5", 65, ("in/negative.h5", "not positive")),
            Case("too short", "score in/x.npy in/short.h5", 65, ("in/short.h5", "(m, d)")),
            Case("infinite", "score in/x.npy in/infinite.h5", 65, ("in/infinite.h5", "infinite")),
        ], inputs=folder)
