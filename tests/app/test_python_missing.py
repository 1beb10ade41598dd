# Incomplete rows in Python: the program's numbers from numpy, gmmpi.impute, the imputer, and pictures of imputed rows.
import json
import sys
import warnings

import h5py
import matplotlib
import numpy as np

from harness import DATA, PROGRAM, ROOT, ProgramTest

sys.path.insert(0, str(ROOT / "scripts/python"))
matplotlib.use("Agg")
import gmmpi as package
from gmmpi import plot

NAN = np.nan
HOW = {"program": str(PROGRAM)}


class Incomplete(ProgramTest):
    def setUp(self):
        super().setUp()
        self.X = np.genfromtxt(DATA / "overlap3d_holes.csv", delimiter=",", skip_header=1, usecols=range(3))
        self.gaps = np.isnan(self.X)
        np.save(self.dir / "x.npy", self.X)
        warnings.simplefilter("ignore")  # few iterations do not converge
        self.addCleanup(warnings.resetwarnings)

    def fit(self, **more):
        return package.fit(self.X, 2, missing="em", max_iter=6, output=str(self.dir / "m.h5"), force=True, **HOW, **more)

    def test_the_programs_numbers(self):
        for kind in ({}, {"family": "student"}, {"noise": True}, {"engine": "kmeans"}, {"covariance_type": "tied"}, {"covariance_type": "spherical"}):
            with self.subTest(kind):
                model = self.fit(**kind)
                self.run_ok("predict x.npy m.h5 --missing em --responsibilities --log-density -o p.h5 --force")
                with h5py.File(self.dir / "p.h5") as f:
                    np.testing.assert_array_equal(model.predict(self.X), f["labels"][()])
                    np.testing.assert_allclose(model.predict_proba(self.X), f["responsibilities"][()], rtol=1e-9, atol=1e-12)
                    np.testing.assert_allclose(model.score_samples(self.X), f["log_density"][()], rtol=1e-10)
                told = json.loads(self.run_ok("score x.npy m.h5 --missing em --json").out)
                np.testing.assert_allclose([model.bic(self.X), model.aic(self.X), model.score(self.X)],
                                           [told["bic"], told["aic"], told["mean_log_likelihood"]], rtol=1e-10)
        loaded = package.load(str(self.dir / "m.h5"))
        self.assertEqual(loaded.missing, "em")
        np.testing.assert_array_equal(loaded.predict(self.X), model.predict(self.X))

    def test_masks_frames_and_refusals(self):
        import pandas

        frame = pandas.DataFrame(self.X, columns=list("abc")).astype("Float64")
        fits = [package.GaussianMixture(2, missing="em", **HOW).fit(X) for X in (self.X, np.ma.masked_invalid(self.X), frame)]
        self.assertEqual(len({fit.digest_ for fit in fits}), 1)
        np.testing.assert_array_equal(fits[2].predict(frame), fits[1].predict(np.ma.masked_invalid(self.X)))
        dropped = package.GaussianMixture(2, missing="drop", **HOW).fit(self.X)
        np.testing.assert_allclose(dropped.weights_.sum(), 1)
        for call, words in ((lambda: package.GaussianMixture(2, **HOW).fit(self.X), "missing em"),
                            (lambda: fits[0].set_params(missing="error").predict(self.X), "missing='em'"),
                            (lambda: package.GaussianMixture(2, missing="mean", **HOW).fit(self.X), "error, drop, em"),
                            (lambda: fits[1].predict(np.full((2, 3), NAN)), "no row has any value"),
                            (lambda: fits[1].predict([[1, NAN, np.inf]]), "inf"),
                            (lambda: package.impute(frame[["c", "a", "b"]], fits[2], **HOW), "columns c, a, b")):
            with self.assertRaisesRegex(package.GmmpiValueError, words):
                call()

    def test_impute(self):
        import pandas

        model = self.fit()
        self.run_ok("impute x.npy m.h5 --standard-deviation --draws 2 --seed 7 -o i.h5")
        filled, deviation, draws = package.impute(self.X, model, return_std=True, draws=2, random_state=7, **HOW)
        with h5py.File(self.dir / "i.h5") as f:
            np.testing.assert_array_equal(filled, f["X"])
            np.testing.assert_array_equal(deviation, f["standard_deviation"])
            np.testing.assert_array_equal(draws, [f["draw0"], f["draw1"]])
        np.testing.assert_array_equal(package.impute(str(self.dir / "x.npy"), str(self.dir / "m.h5"), **HOW), filled)
        np.testing.assert_array_equal(package.impute(np.ma.masked_invalid(self.X), model, **HOW), filled)
        frame = pandas.DataFrame(self.X, columns=list("abc"), index=np.arange(300) + 5)
        out = package.impute(frame, model, **HOW)
        self.assertEqual((list(out.columns), out.index[0]), (list("abc"), 5))
        np.testing.assert_array_equal(out.to_numpy(), filled)
        narrow = package.impute(self.X.astype("f4"), model, **HOW)
        self.assertEqual(narrow.dtype, np.float32)

    def test_the_imputer(self):
        import pandas
        from sklearn.base import clone
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        imputer = package.GaussianMixtureImputer(2, random_state=3, **HOW)
        filled = make_pipeline(imputer, StandardScaler()).fit_transform(self.X)
        self.assertTrue(np.isfinite(filled).all())
        np.testing.assert_allclose(imputer.transform(self.X)[~self.gaps], self.X[~self.gaps], rtol=0)
        np.testing.assert_array_equal(imputer.transform([[1.0, NAN, 2.0]])[0, [0, 2]], [1, 2])
        frame = pandas.DataFrame(self.X, columns=list("abc"))
        drawn = [clone(imputer).set_params(sample_posterior=True, random_state=seed).fit(frame).transform(frame) for seed in (3, 3, 4)]
        self.assertEqual(list(drawn[0].columns), list("abc"))
        pandas.testing.assert_frame_equal(drawn[0], drawn[1])
        self.assertFalse(drawn[0].equals(drawn[2]))
        fitted = clone(imputer).fit(frame)
        self.assertEqual(list(fitted.get_feature_names_out()), list("abc"))
        with self.assertRaises(package.GmmpiValueError):
            fitted.transform(frame[["b", "a", "c"]])
        with self.assertRaises(package.GmmpiValueError):
            package.GaussianMixtureImputer(2).transform(self.X)

    def test_pictures_mark_what_was_imputed(self):
        data = DATA / "old_faithful_holes.csv"
        self.run_ok(f"fit {data} -k 2 --missing em -o h.h5")
        self.run_ok(f"impute {data} h.h5 --standard-deviation -o filled.h5")
        X = np.genfromtxt(data, delimiter=",", skip_header=1)
        with h5py.File(self.dir / "filled.h5") as f:
            filled, deviation = f["X"][()], f["standard_deviation"][()]
        figure = plot.scatter(str(data), str(self.dir / "h.h5"), imputed=str(self.dir / "filled.h5"))
        ax = figure.axes[0]
        rings = next(c for c in ax.collections if c.get_gid() == "imputed")
        rows = np.isnan(X).any(axis=1)
        np.testing.assert_array_equal(rings.get_offsets(), filled[rows])
        bars = [c.get_segments() for c in ax.collections if hasattr(c, "get_segments")]
        widths = np.array([segment[1][0] - segment[0][0] for segment in bars[0]])
        np.testing.assert_allclose(widths, 2 * deviation[rows, 0], atol=1e-12)
        self.assertIn("imputed", str([text.get_text() for text in figure.findobj(matplotlib.text.Text)]))
        plain = plot.scatter(str(data), str(self.dir / "h.h5"))
        self.assertFalse([c for c in plain.axes[0].collections if c.get_gid() == "imputed"])
        self.run_ok(f"plot scatter {data} h.h5 --imputed filled.h5 -o p.png", env={"GMMPI_PYTHON": sys.executable})
        for other, words in ((filled[:-1], "rows"), (filled + 1, "other values")):
            with self.assertRaisesRegex(package.GmmpiValueError, words):
                plot.scatter(str(data), str(self.dir / "h.h5"), imputed=other)
