# Rows with measurement errors in Python: the program's numbers from numpy, gmmpi.denoise, refusals, and pictures of errors.
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


class Noisy(ProgramTest):
    def setUp(self):
        super().setUp()
        self.X = np.genfromtxt(DATA / "overlap3d_noisy.csv", delimiter=",", skip_header=1, usecols=range(3))
        self.errors = np.genfromtxt(DATA / "overlap3d_noisy_sd.csv", delimiter=",", skip_header=1)
        warnings.simplefilter("ignore")  # few iterations do not converge
        self.addCleanup(warnings.resetwarnings)

    def save(self, X, errors):
        np.save(self.dir / "x.npy", X)
        np.save(self.dir / "e.npy", errors)

    def check_numbers(self, X, errors, **kind):
        """Fits, and compares what Python says of the rows with the program's numbers."""
        self.save(X, errors)
        missing = "--missing em" if np.isnan(X).any() else ""
        if missing:
            kind["missing"] = "em"
        model = package.fit(X, 2, errors=errors, max_iter=6, output=str(self.dir / "m.h5"), force=True, **HOW, **kind)
        self.run_ok(f"predict x.npy m.h5 --errors e.npy {missing} --responsibilities --log-density -o p.h5 --force")
        with h5py.File(self.dir / "p.h5") as f:
            np.testing.assert_array_equal(model.predict(X, errors=errors), f["labels"][()])
            np.testing.assert_allclose(model.predict_proba(X, errors=errors), f["responsibilities"][()], rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(model.score_samples(X, errors=errors), f["log_density"][()], rtol=1e-10)
        told = json.loads(self.run_ok(f"score x.npy m.h5 --errors e.npy {missing} --json").out)
        np.testing.assert_allclose([model.bic(X, errors=errors), model.aic(X, errors=errors), model.score(X, errors=errors)],
                                   [told["bic"], told["aic"], told["mean_log_likelihood"]], rtol=1e-10)
        return model

    def test_the_programs_numbers(self):
        rows, holes = self.X[:, :2], self.X[:, :2].copy()
        covariances = np.genfromtxt(DATA / "two_gaussians_noisy_cov.csv", delimiter=",", skip_header=1).reshape(-1, 2, 2)[:len(rows)]
        holes[::3, 0], holes[1::7, 1] = NAN, NAN
        self.check_numbers(self.X, self.errors)
        self.check_numbers(self.X, self.errors, noise=True)
        self.check_numbers(self.X[:, :1], self.errors[:, :1])
        self.check_numbers(rows, covariances, covariance_type="diag")
        model = self.check_numbers(holes, covariances)
        anything = np.where(np.isnan(holes), -5.0, self.errors[:, :2])
        np.testing.assert_array_equal(model.score_samples(holes, errors=anything), model.score_samples(holes, errors=np.abs(anything)))
        plain = package.fit(rows, 2, max_iter=6, **HOW)
        self.assertEqual(package.fit(rows, 2, errors=np.zeros_like(rows), max_iter=6, **HOW).digest_, plain.digest_)
        np.testing.assert_array_equal(plain.predict_proba(rows, errors=np.zeros_like(rows)), plain.predict_proba(rows))

    def test_frames_masks_and_columns(self):
        import pandas

        names = ["a", "b", "c"]
        frame = pandas.DataFrame(self.X, columns=names)
        beside = pandas.DataFrame(self.errors, columns=names)
        both = pandas.concat([frame, beside.add_suffix("_error").astype("Float64")], axis=1)
        columns = [f"{name}_error" for name in names]
        both.to_csv(self.dir / "both.csv", index=False)
        table = package.Table(X=np.hstack([self.X, self.errors]), feature_names=[*names, *columns])
        new = lambda: package.GaussianMixture(2, max_iter=3, **HOW)
        fits = [new().fit(frame, errors=beside[["c", "a", "b"]]), new().fit(self.X, errors=np.ma.array(self.errors)), new().fit(both, errors=columns),
                new().fit(table, errors=columns), new().fit(str(self.dir / "both.csv"), errors=columns)]
        self.assertEqual(len({fit.digest_ for fit in fits}), 1)
        self.assertEqual([list(getattr(fit, "feature_names_in_", [])) for fit in fits], [names, [], names, names, names])
        expected = fits[1].predict_proba(self.X, errors=self.errors)
        np.testing.assert_array_equal(fits[2].predict_proba(both, errors=columns), expected)
        np.testing.assert_array_equal(fits[0].predict_proba(frame, errors=beside[["b", "c", "a"]]), expected)
        mean, _ = fits[2].denoise(both, columns, return_std=True)
        self.assertEqual(list(mean.columns), names)
        np.testing.assert_array_equal(fits[0].fit_predict(frame, errors=beside), expected.argmax(axis=1))

    def test_denoise(self):
        model = self.check_numbers(self.X, self.errors)
        self.run_ok("denoise x.npy m.h5 --errors e.npy -o d.h5")
        mean, covariance = package.denoise(self.X, model, self.errors, **HOW)
        with h5py.File(self.dir / "d.h5") as f:
            np.testing.assert_array_equal(mean, f["mean"])
            np.testing.assert_array_equal(covariance, f["covariance"])
        deviation = package.denoise(str(self.dir / "x.npy"), str(self.dir / "m.h5"), str(self.dir / "e.npy"), return_std=True, **HOW)[1]
        np.testing.assert_allclose(deviation**2, np.einsum("nii->ni", covariance), rtol=1e-12)
        # One row by hand: each component's posterior of the true value, then their mixture.
        share, S = model.predict_proba(self.X[:1], errors=self.errors[:1])[0], model.covariances_
        gain = [s @ np.linalg.inv(s + np.diag(self.errors[0] ** 2)) for s in S]
        b = [m + g @ (self.X[0] - m) for m, g in zip(model.means_, gain)]
        B = [s - g @ s for s, g in zip(S, gain)]
        expected = share @ np.array(b)
        np.testing.assert_allclose(mean[0], expected, rtol=1e-10)
        np.testing.assert_allclose(covariance[0], sum(p * (v + np.outer(m - expected, m - expected)) for p, m, v in zip(share, b, B)), rtol=1e-9)
        own = package.load(str(self.dir / "m.h5")).set_params(**HOW).denoise(np.ma.array(self.X), self.errors)
        np.testing.assert_array_equal(own[0], mean)

    def test_refusals(self):
        import pandas

        X, errors = self.X, self.errors
        frame = pandas.DataFrame(X, columns=list("abc"))
        model = package.fit(frame, 2, max_iter=2, **HOW)
        bare = package.fit(X, 2, max_iter=2, **HOW)
        student = package.fit(X, 2, max_iter=2, family="student", **HOW)
        negative, indefinite = errors.copy(), np.tile(np.array([[1.0, 2, 0], [2, 1, 0], [0, 0, 1]]), (300, 1, 1))
        negative[4, 1] = -1
        twisted = np.tile(np.eye(3), (300, 1, 1))
        twisted[7, 0, 1] = 0.5
        cases = [("score", lambda e: bare.score(X, errors=e)), ("fit", lambda e: package.fit(X, 2, errors=e, **HOW)),
                 ("denoise", lambda e: package.denoise(X, bare, e, **HOW))]
        for name, call in cases:
            for bad, words in ((errors[:-1], r"errors: shape \(299, 3\)"), (errors[:, :2], r"\(300, 2\).*\(300, 3, 3\)"), (negative, "row 4, column 1.*negative"),
                               (indefinite, "row 0.*semidefinite"), (twisted, "row 7.*mirror"), (["x", "y", "z"], "X has none"),
                               (np.where(errors > 0, errors, NAN) / (errors > errors.min()), "finite")):
                with self.subTest(f"{name}: {words}"), self.assertRaisesRegex(package.GmmpiValueError, words):
                    call(bad)
        for call, words in ((lambda: student.predict(X, errors=errors), "Gaussian"), (lambda: package.fit(X, 2, errors=errors, family="student", **HOW), "Gaussian"),
                            (lambda: package.fit(X, 2, errors=errors, standardize=True, **HOW), "errors"),
                            (lambda: package.fit(frame, 2, errors=["a", "q"], **HOW), "no column q"),
                            (lambda: package.fit(frame, 2, errors=pandas.DataFrame(errors, columns=list("abq")), **HOW), "errors has no column c"),
                            (lambda: model.denoise(frame[["b", "a", "c"]], errors), "columns b, a, c")):
            with self.subTest(words), self.assertRaisesRegex(package.GmmpiValueError, words):
                call()

    def test_pictures_show_errors(self):
        names = ["x", "y", "z"]
        np.savetxt(self.dir / "both.csv", np.hstack([self.X, self.errors]), delimiter=",", header="x,y,z,ex,ey,ez", comments="", fmt="%.17g")
        self.run_ok("fit both.csv -k 2 --errors ex,ey,ez -o m.h5")
        both, m = str(self.dir / "both.csv"), str(self.dir / "m.h5")
        model = package.load(m)
        wide, narrow = self.errors[::2, :2].max(axis=1), self.errors[::2, :2].min(axis=1)

        def ellipses(figure):
            return next(c for c in figure.axes[0].collections if c.get_gid() == "errors")

        def texts(figure):
            return str([text.get_text() for text in figure.findobj(matplotlib.text.Text)])

        figure = plot.scatter(both, m, errors="ex,ey,ez")
        drawn = ellipses(figure)
        np.testing.assert_array_equal(drawn.get_offsets(), self.X[::2, :2])
        np.testing.assert_allclose(2 * drawn._widths, 2 * wide, rtol=1e-12)
        np.testing.assert_allclose(2 * drawn._heights, 2 * narrow, rtol=1e-12)
        self.assertIn("one standard deviation", texts(figure))
        self.assertIn("those of 150 rows", texts(figure))
        self.assertIn("log-likelihood", texts(figure).split("fitted to")[0])  # the numbers are of these rows
        np.testing.assert_allclose(figure.axes[0].collections[0].get_facecolors()[:, :3],
                                   np.clip(model.predict_proba(self.X, errors=self.errors) @ plot.style.colours(2), 0, 1), atol=1e-9)
        self.save(self.X, self.errors)
        package.write_data(self.dir / "x.h5", self.X, feature_names=names)
        with h5py.File(self.dir / "x.h5", "a") as f:
            f["errors"] = np.array([np.diag(e**2) for e in self.errors])
        for data, errors in ((self.X, self.errors), (str(self.dir / "x.h5"), str(self.dir / "x.h5")), (str(self.dir / "x.h5"), str(self.dir / "e.npy"))):
            again = ellipses(plot.scatter(data, m, errors=errors))
            np.testing.assert_allclose(again._widths, drawn._widths, rtol=1e-9)
        few = plot.scatter(both, m, errors=["3", "4", "5"], rows=100, columns="y,z")
        self.assertEqual(len(ellipses(few).get_offsets()), 100)
        self.assertNotIn("rows, in even steps", texts(few))
        many = plot.scatter(np.vstack([self.X] * 4), m, errors=np.vstack([self.errors] * 4))
        np.testing.assert_array_equal(ellipses(many).get_offsets(), np.vstack([self.X] * 4)[::8, :2])
        self.run_ok("plot scatter both.csv m.h5 --errors ex,ey,ez -o p.png", env={"GMMPI_PYTHON": sys.executable})
        for errors, words in ((self.errors[:-1], "shape"), (-self.errors, "negative")):
            with self.assertRaisesRegex(package.GmmpiValueError, words):
                plot.scatter(self.X, m, errors=errors)
        for errors, words in (("ex,ey,q", "no column"), ("nowhere.npy", "neither columns")):
            with self.assertRaisesRegex(package.GmmpiError, words):
                plot.scatter(both, m, errors=errors)
