# The Python package: which arrays are refused where, errors in Python's words and as scikit-learn's, newer scikit-learns, warm starts.
import contextlib
import json
import os
import pickle
import tracemalloc
from unittest import mock

import h5py
import numpy as np
import scipy.sparse
import sklearn.base
import sklearn.mixture
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from harness import OLD_FAITHFUL
from test_python import PythonTest, X, at_once, close, import_pandas, gmmpi
from gmmpi.columns import reordered
from gmmpi.data import save_npy
from gmmpi.layouts import LAYOUTS
from gmmpi.transform import Transform
from gmmpi.wording import OptionTable, Wording

MASKED = np.ma.masked_greater(X, 90)  # row 148 is the first with more than 90 minutes
RECORDS = np.zeros(6, [("a", float), ("b", float)])
# name: values, and words of the message
REFUSED = {
    "masked": (MASKED, f"row {np.argmax(X[:, 1] > 90)}, column 1 is masked"),
    "rows masked": ([np.ma.masked_greater(row, 90) for row in X], "is masked"),
    "complex": (X + 1j, "Complex data not supported"),
    "sparse": (scipy.sparse.csr_matrix(X), "sparse matrix"),
    "objects": (X.astype(object), "Python objects"),
    "mixed objects": ([[1.0, None], [2.0, 3.0]], "(None in row 0, column 1)"),
    "text": (X.astype(str), "text ('3.6' in row 0, column 0)"),
    "bytes": (X.astype("S"), "text"),
    "records": (RECORDS, "structured array of the fields a, b"),
    "masked records": (np.ma.zeros(5, RECORDS.dtype), "structured array"),
    "dates": (X.astype("M8[s]"), "holds dates"),
    "times": (X.astype("m8[s]"), "holds times"),
    "ragged": ([[1, 2], [3]], "every row the same length"),
    "one dimension": (X[:, 0], "Reshape your data"),
    "three dimensions": (X[None], "3 dimensions (1, 272, 2)"),
    "a number": (5.0, "0 dimensions"),
    "no columns": (X[:, :0], "0 feature(s)"),
}
METHODS = ("predict", "predict_proba", "score", "score_samples", "bic", "aic")


def gone(_):
    raise AttributeError("a later version has this no more")


class Refused(PythonTest):
    def check_error(self, error, words):
        self.check(error, 65, words)
        self.assertIsInstance(error, ValueError)
        self.assertIsInstance(pickle.loads(pickle.dumps(error)), gmmpi.GmmpiValueError)

    def test_arrays_are_refused_wherever_they_come_in(self):
        gm = gmmpi.GaussianMixture(2).fit(X)
        mixture = gmmpi.Mixture("full", gm.weights_, gm.means_, gm.covariances_)
        unfitted = gmmpi.GaussianMixture()
        ways = {"gmmpi.fit": lambda bad: gmmpi.fit(bad, 2), "fit": unfitted.fit, "fit_predict": unfitted.fit_predict, "predict": gm.predict,
                "predict_proba": gm.predict_proba, "score": gm.score, "score_samples": gm.score_samples, "bic": gm.bic, "aic": gm.aic,
                "log_prob": mixture.log_prob, "responsibilities": mixture.responsibilities,
                "Table": lambda bad: gmmpi.Table(X=bad), "write_data": lambda bad: gmmpi.write_data(self.dir / "x.h5", bad), "scatter": lambda bad: gmmpi.plot.scatter(bad, gm)}
        with mock.patch("subprocess.Popen", side_effect=AssertionError("the program was started")):
            for name, (bad, words) in REFUSED.items():
                for way, call in ways.items():
                    with self.subTest(name, way=way), self.assertRaises(gmmpi.GmmpiError) as caught:
                        call(bad)
                    with self.subTest(name, way=way):
                        self.check_error(caught.exception, words)
        self.assertFalse((self.dir / "x.h5").exists())

    def test_so_are_weights_and_starts(self):
        for name in ("masked", "complex", "objects", "text", "dates"):
            bad, _ = REFUSED[name]
            column = bad[:, 1]
            calls = {"sample_weight": lambda: gmmpi.fit(X, 2, sample_weight=column), "labels": lambda: gmmpi.fit(X, 2, labels=column),
                     "means_init": lambda: gmmpi.fit(X, 2, means_init=bad[:2] if name != "masked" else bad[148:150]),
                     "means": lambda: gmmpi.Mixture("diag", [0.5, 0.5], bad[148:150], [[1, 1]] * 2)}
            for parameter, call in calls.items():
                with self.subTest(name, parameter=parameter), self.assertRaises(gmmpi.GmmpiError) as caught:
                    call()
                with self.subTest(name, parameter=parameter):
                    self.check_error(caught.exception, f"{parameter}: ")

    def test_what_holds_numbers_is_taken(self):
        expected = gmmpi.fit(X, 2).means_
        taken = [np.ma.masked_greater(X, 1e9), X.tolist(), np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], X.astype(">f8"),
                 X.astype(np.longdouble), gmmpi.Table(X=X)]
        for fitted in at_once([lambda data=data: gmmpi.fit(data, 2) for data in taken]):
            np.testing.assert_array_equal(fitted.means_, expected)

    def test_frames_by_their_columns(self):
        pandas = import_pandas(self)
        frame = pandas.DataFrame(X, columns=["eruptions", "waiting"])
        expected = gmmpi.fit(X, 2).means_
        mixed = frame.assign(waiting=frame["waiting"].astype(int))
        for data in (frame, mixed, frame.convert_dtypes(), frame.astype({"eruptions": "Float64"})):
            np.testing.assert_array_equal(gmmpi.fit(data, 2).means_, expected)
        gm = gmmpi.GaussianMixture(2).fit(frame)
        for column, values, words in (("waiting", frame["waiting"].astype(str), "column 'waiting': holds no numbers but object"),
                                      ("eruptions", frame["eruptions"] * 1j, "column 'eruptions': Complex data"),
                                      ("waiting", frame["waiting"].astype("category"), "column 'waiting': holds no numbers but category")):
            for call in (gm.fit, gm.predict, lambda data: gmmpi.fit(data, 2)):
                with self.subTest(words), self.fails(65, words):
                    call(frame.assign(**{column: values}))
        missing = frame.convert_dtypes()
        missing.loc[5, "waiting"] = pandas.NA
        for call in (gm.predict, lambda data: gmmpi.fit(data, 2)):
            with self.fails(65, "X: row 5, column 1 is NaN"):
                call(missing)

    def test_nothing_is_copied_as_a_whole(self):
        pandas = import_pandas(self)
        wide = np.arange(3_000_000.0).reshape(-1, 10)  # 23 MiB
        mixed = pandas.DataFrame(wide).assign(count=np.arange(len(wide)))
        for data in (wide, np.asfortranarray(wide), np.repeat(wide, 2, axis=0)[::2], mixed):
            tracemalloc.start()
            save_npy(self.dir / "x.npy", data)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            self.assertLess(peak, wide.nbytes)
            np.testing.assert_array_equal(np.load(self.dir / "x.npy"), np.asarray(data))

    def test_rows_that_no_model_takes(self):
        gm = gmmpi.GaussianMixture(2).fit(X)
        for value, words in ((np.nan, "X: row 7, column 0 is NaN"), (-np.inf, "X: row 7, column 0 is -inf")):
            bad = X.copy()
            bad[7, 0] = value
            with self.fails(65, words):
                gm.score_samples(bad)
        with self.fails(65, "X has 3 features, but GaussianMixture is expecting 2"):
            gm.predict(np.c_[X, X[:, 0]])
        with self.fails(65, "0 sample(s)"):
            gm.predict(X[:0])
        with self.fails(65, "no rows to draw"):
            gmmpi.plot.scatter(X[:0], gm)

    def test_files_too(self):
        np.save(self.dir / "complex.npy", X + 1j)
        np.save(self.dir / "flat.npy", X[:, 0])
        with h5py.File(self.dir / "text.h5", "w") as f:
            f["X"] = X.astype("S")
        with self.fails(64, "no column nix"):
            gmmpi.read_data(OLD_FAITHFUL, columns=["nix"])
        for file, words in (("complex.npy", "Complex"), ("flat.npy", "1 dimension"), ("text.h5", "text")):
            with self.subTest(file), self.assertRaises(gmmpi.GmmpiError) as caught:
                gmmpi.read_data(self.dir / file)
            with self.subTest(file):
                self.check_error(caught.exception, words)
                self.assertIn(file, str(caught.exception))

    def test_a_full_disk_is_named(self):
        with mock.patch.dict(os.environ, TMPDIR=str(self.dir)), mock.patch("tempfile.tempdir", None):
            with mock.patch("builtins.open", side_effect=OSError(28, "No space left on device")), self.fails(73, "TMPDIR"):
                gmmpi.fit(X, 2)
        self.assertEqual(list(self.dir.iterdir()), [])


class Words(PythonTest):
    def test_messages_speak_python(self):
        cases = [  # program's words are options with dashes, letters, and paths of temporary files
            ("covariance_type: 'round' is unknown", lambda: gmmpi.fit(X, 2, covariance_type="round")),
            ("reg_covar=-1 is out of range", lambda: gmmpi.fit(X, 2, reg_covar=-1)),
            ("X: n_components=300", lambda: gmmpi.fit(X, 300)),
            ("random_state", lambda: gmmpi.fit(X, 2, random_state=-1)),
            ("init_params: has 2 components, not 3; give n_components=2 or", lambda: gmmpi.fit(X, 3, init_params=two)),
            ("sample_weight: the weight of row 0 is negative", lambda: gmmpi.fit(X, 2, sample_weight=-X[:, 0])),
            ("labels", lambda: gmmpi.fit(X, 2, labels=X[:, 0])),
            ("noise_weight must lie", lambda: gmmpi.fit(X, 2, noise=True, noise_weight=2)),
            ("give noise=True", lambda: gmmpi.fit(X, 2, noise_weight=0.1)),
            ("n_samples", lambda: gmmpi.run("sample", "m.h5", n_samples=0, output="x.h5")),
            ("max_itre: there is no such option; did you mean max_iter?", lambda: gmmpi.fit(X, 2, max_itre=5)),
            ("k: there is no such option; did you mean n_components?", lambda: gmmpi.fit(X, 2, k=5)),
            ("init_parms: there is no such option; did you mean init_params?", lambda: gmmpi.fit(X, 2, init_parms="random")),
            ("covariance_tpye: there is no such option; did you mean covariance_type?",
             lambda: gmmpi.run("select", OLD_FAITHFUL, n_components="1:2", covariance_tpye="full", output="x.h5")),
            ("n_components: needs a value, not True", lambda: gmmpi.fit(X, True)),
            ("force: is True or False, not 'yes'", lambda: gmmpi.fit(X, 2, force="yes")),
            ("ranks: 0 is no number", lambda: gmmpi.fit(X, 2, ranks=0)),
            ("sample_weight: 9 sample weights for 272 rows", lambda: gmmpi.fit(X, 2, sample_weight=np.ones(9))),
            ("weights_init: The parameter 'weights'", lambda: gmmpi.GaussianMixture(2, weights_init=[1, 1]).fit(X)),
            ("weights_init: is an array of text", lambda: gmmpi.GaussianMixture(2, weights_init=["a", "b"]).fit(X)),
            ("frobnicate: there is no such option; choose among", lambda: gmmpi.fit(X, 2, frobnicate=1)),
            ("seed: is called random_state here", lambda: gmmpi.fit(X, 2, seed=5)),
            ("init: is called init_params here", lambda: gmmpi.fit(X, 2, init="random")),
            ("precisions_init: components of family bernoulli", lambda: gmmpi.fit(X > 3, 2, family="bernoulli", precisions_init=[1, 1]))]
        two = gmmpi.fit(X, 2, output=self.dir / "m.h5")
        for (words, _), error in zip(cases, at_once([call for _, call in cases])):
            with self.subTest(words):
                self.check(error, error.exit_code, words)
                self.assertIn(error.exit_code, (64, 65))
                self.assertIsInstance(error, ValueError)
                self.assertNotRegex(str(error), r"--[a-z]|(^| )-[a-z]\b|\.npy|init\.h5|start\.h5|/tmp")
        with self.assertWarnsRegex(ConvergenceWarning, "raise max_iter, or continue with the result as init_params$"):
            gmmpi.fit(X, 2, max_iter=1)

    def test_the_program_s_own_words_are_kept(self):
        with self.assertRaises(gmmpi.GmmpiError) as caught:
            gmmpi.run("fit", OLD_FAITHFUL, n_components=2, max_iter=-1, output="m.h5")
        self.assertIn("max_iter=-1", str(caught.exception))
        self.assertIn("--max-iter -1", caught.exception.said)
        self.assertEqual(pickle.loads(pickle.dumps(caught.exception)).said, caught.exception.said)

    def test_options_are_those_of_the_help(self):
        table = OptionTable.of_help(self.run_ok("fit --help").out)
        self.assertEqual((table.names["-k"], table.names["--on-collapse"], table.names["-o"]), ("n_components", "on_collapse", "output"))
        self.assertLessEqual({"force", "json", "noise", "standardize"}, table.flags)
        self.assertFalse({"n_components", "max_iter", "init", "watchdog", "help"} & table.flags)
        self.assertEqual(Wording().of("a-k b--force, --tol 0, --help, -k or --force.", table), "a-k b--force, tol=0, --help, n_components or force=True.")


class Errors(PythonTest):
    def test_which_are_value_errors(self):
        for code, is_one in ((64, True), (65, True), (79, True), (66, False), (73, False), (74, False), (75, False)):
            self.assertEqual(isinstance(gmmpi.GmmpiError("x", code), ValueError), is_one, code)

    def test_models_that_are_not_fitted(self):
        gm = gmmpi.GaussianMixture(2)
        for call in (lambda: gm.predict(X), lambda: gm.score(X), lambda: gm.sample(), lambda: gm.bic(X), lambda: gmmpi.save(gm, "m.h5"),
                     lambda: gmmpi.save(sklearn.mixture.GaussianMixture(), "m.h5"), lambda: gmmpi.fit(X, 2, init_params=gm),
                     lambda: gmmpi.plot.scatter(X, gm)):
            with self.assertRaises(NotFittedError) as caught:
                call()
            self.assertIsInstance(caught.exception, gmmpi.GmmpiValueError)
            self.assertIn("fit", str(caught.exception))


class Estimator(PythonTest):
    def test_a_newer_scikit_learn_s_calls(self):
        """1.8 passes xp, an array namespace; 1.6 has a function instead of _validate_data; 1.7 has lower_bounds_."""
        gm = gmmpi.GaussianMixture(2, tol=0, max_iter=7).fit(X)
        np.testing.assert_array_equal(gm._estimate_log_prob(X, xp=np), gm._estimate_log_prob(X))
        self.assertEqual((gm.lower_bounds_.shape, gm.lower_bounds_[-1]), ((7,), gm.lower_bound_))
        close(gm.lower_bounds_, gm.history_[1:] / len(X), rtol=1e-14)
        expected = [getattr(gm, method)(X) for method in METHODS]
        with contextlib.ExitStack() as changed:  # a later version without what is private in this one
            for owner in sklearn.mixture.GaussianMixture.__mro__:
                for name in [name for name in vars(owner) if name.startswith("_") and not name.startswith("__") and owner is not object]:
                    changed.enter_context(mock.patch.object(owner, name, property(gone)))
            checked = changed.enter_context(mock.patch("gmmpi.estimator.validate_data"))
            bare = gmmpi.GaussianMixture(2, tol=0, max_iter=7).fit(X)
            found = [getattr(bare, method)(X) for method in METHODS]
            started = gmmpi.GaussianMixture(2, means_init=[[2, 55], [4, 80]], weights_init=[0.5, 0.5]).fit(X)
        for one, other in zip(found, expected):
            np.testing.assert_array_equal(one, other)
        self.assertEqual(checked.call_args.kwargs, {"reset": False})
        self.assertEqual(started.digest_, gmmpi.GaussianMixture(2, means_init=[[2, 55], [4, 80]], weights_init=[0.5, 0.5]).fit(X).digest_)

    def test_warm_start_with_another_number_of_components(self):
        gm = gmmpi.GaussianMixture(2, warm_start=True).fit(X)
        again = gm.fit(X).history_[0]
        self.assertGreater(again, gmmpi.GaussianMixture(2).fit(X).history_[0])
        for changed in ({"n_components": 3}, {"covariance_type": "diag"}):
            gm.set_params(**changed)
            new = sklearn.base.clone(gm).fit(X)
            self.assertEqual(gm.fit(X).digest_, new.digest_)
        self.assertEqual(gm.fit(X[:, :1]).means_.shape, (3, 1))

    def test_random_states(self):
        seeds = [np.random.default_rng(3), np.random.RandomState(3), np.random, np.int64(3), np.array(3), 3]
        np.random.seed(1)
        fits = [gmmpi.GaussianMixture(3, random_state=seed, init_params="random").fit(X) for seed in seeds]
        self.assertEqual(len({fit.digest_ for fit in fits[3:]}), 1)
        again = gmmpi.fit(X, 3, random_state=np.random.default_rng(3), init_params="random", tol=1e-3, max_iter=100, reg_covar=1e-6)
        self.assertEqual(again.digest_, fits[0].digest_)
        drawn, labels = fits[0].sample(20)
        self.assertEqual((drawn.shape, labels.shape), ((20, 2), (20,)))
        self.assertFalse(np.array_equal(fits[0].sample(20)[0], drawn))  # the generator goes on
        for bad in ("3", 1.5, [1], object()):
            with self.fails(64, "is no seed"):
                gmmpi.fit(X, 2, random_state=bad)

    def test_defaults_of_reg_covar(self):
        """The class has scikit-learn's 1e-6; the function has the program's."""
        self.run_ok(f"fit {OLD_FAITHFUL} -k 2 -o default.h5")
        self.run_ok(f"fit {OLD_FAITHFUL} -k 2 --tol 1e-3 --max-iter 100 --reg-covar 1e-6 -o theirs.h5")
        for fitted, file in ((gmmpi.fit(X, 2), "default.h5"), (gmmpi.GaussianMixture(2).fit(X), "theirs.h5")):
            self.assertEqual(fitted.digest_, gmmpi.load(self.dir / file).digest_)

    def test_what_is_no_scikit_learn_mixture(self):
        B = X > X.mean(axis=0)
        calls = {"noise": (X, {"noise": True}), "bernoulli": (B, {"family": "bernoulli"}), "pca": (X, {"pca": 1}),
                 "whitened noise": (X, {"pca": 1, "whiten": True, "noise": True}),
                 "bernoulli from means": (B, {"family": "bernoulli", "means_init": [[0.2, 0.2], [0.8, 0.8]]})}
        for name, (data, options) in calls.items():
            with self.subTest(name):
                path = self.dir / "m.h5"
                fitted = gmmpi.fit(data, 2, output=path, force=True, **options)
                self.assertIsInstance(fitted, gmmpi.FittedMixture)
                self.assertEqual((fitted.n_features_in_, fitted.n_components, fitted.converged_), (2, 2, True))
                np.save(self.dir / "x.npy", data)
                score = json.loads(gmmpi.run("score", self.dir / "x.npy", path, json=True).out)
                close([fitted.score(data) * len(data), fitted.bic(data), fitted.aic(data)], [score["log_likelihood"], score["bic"], score["aic"]])
                close(gmmpi.load(path).predict_proba(data), fitted.predict_proba(data))
                with self.fails(65, "has 3 columns, the model has 2"):
                    fitted.predict(np.c_[data, data[:, 0]])
        pandas = import_pandas(self)
        frame = pandas.DataFrame(X, columns=["eruptions", "waiting"])
        with self.fails(65, "give the model's columns in its order"):
            gmmpi.fit(frame, 2, noise=True).predict(frame[["waiting", "eruptions"]])


class Structures(PythonTest):
    MATRIX = np.array([[2.0, 0.6], [0.6, 1.0]])
    ARRAYS = {"full": MATRIX * np.array([1.0, 0.5, 3.0])[:, None, None], "tied": MATRIX,
              "diag": np.array([[2.0, 1.0], [0.5, 4.0], [1.0, 3.0]]), "spherical": np.array([1.0, 0.25, 4.0])}
    DENSE = {"full": ARRAYS["full"], "tied": np.array([MATRIX] * 3), "diag": np.array([np.diag(v) for v in ARRAYS["diag"]]),
             "spherical": ARRAYS["spherical"][:, None, None] * np.eye(2)}
    ROWS = X[:20] / [1, 10]

    def mixture(self, covariance_type, layout):
        return gmmpi.Mixture(covariance_type, [0.2, 0.3, 0.5], [[2.0, 5.0], [4.0, 8.0], [3.0, 6.0]], self.ARRAYS[layout])

    def test_one_that_is_not_known_here_has_the_layout_of_its_array(self):
        self.assertEqual(set(self.ARRAYS), set(LAYOUTS))
        for name in LAYOUTS:
            with self.subTest(name):
                other = self.mixture("exchangeable", name)
                self.assertIs(other.layout, LAYOUTS[name])
                dense = other.dense_covariances()
                close(dense, self.DENSE[name])
                close(other.component_variances(), np.einsum("kjj->kj", dense))
                x = self.ROWS[:, None] - other.means
                squares = np.einsum("nki,kij,nkj->nk", x, np.linalg.inv(dense), x)
                close(other.log_prob(self.ROWS), -np.log(2 * np.pi) - 0.5 * np.log(np.linalg.det(dense)) - 0.5 * squares)

    def test_all_layouts_follow_columns_and_transforms(self):
        turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
        for name in LAYOUTS:
            mixture = self.mixture("exchangeable", name)
            with self.subTest(name):
                close(reordered(mixture, [1, 0]).log_density(self.ROWS[:, ::-1]), mixture.log_density(self.ROWS))
            for components in (None, turn):
                with self.subTest(name, turned=components is not None):
                    transform = Transform(np.array([1.0, -2.0]), np.array([0.5, 3.0]), components)
                    before = transform.before(mixture).log_density(self.ROWS)
                    close(before, mixture.log_density(transform.apply(self.ROWS)) - np.log(1.5))

    def test_families_that_are_not_known_here_are_refused(self):
        path = self.dir / "m.h5"
        gmmpi.save(self.mixture("full", "full"), path)
        with h5py.File(path, "a") as file:
            file["model"].attrs["family"] = "cauchy"
        with mock.patch("gmmpi.program.run"), self.assertRaises(gmmpi.GmmpiError) as caught:  # the program knows it
            gmmpi.read_model(path)
        self.check(caught.exception, 65, "components of family cauchy are none of gaussian, student, bernoulli")
