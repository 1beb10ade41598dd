# The Python package: models to scikit-learn and back, gmmpi.fit, the drop-in class, data helpers, exceptions.
import contextlib
import json
import os
import pickle
import sys
import textwrap
import warnings
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import sklearn.base
import sklearn.mixture
from sklearn.exceptions import ConvergenceWarning

from harness import DATA, OLD_FAITHFUL, PROGRAM, ROOT, ProgramTest, environment, gmmpi as program, in_parallel

sys.path.insert(0, str(ROOT / "scripts/python"))
import gmmpi

X = np.loadtxt(OLD_FAITHFUL, delimiter=",", skiprows=1)
TYPES = ("full", "tied", "diag", "spherical")
PARAMETERS = ("weights_", "means_", "covariances_", "precisions_cholesky_")


class PythonTest(ProgramTest):
    """The package finds the program under test, and runs it with one thread."""

    def setUp(self):
        super().setUp()
        patch = mock.patch.dict(os.environ, environment(GMMPI_PROGRAM=str(PROGRAM)), clear=True)
        patch.start()
        self.addCleanup(patch.stop)

    def check(self, error, exit_code, words):
        """The one exception, with this code and these words in its one line."""
        self.assertIsInstance(error, gmmpi.GmmpiError)
        self.assertEqual(error.exit_code, exit_code, str(error))
        self.assertIn(words, str(error))
        self.assertNotIn("\n", str(error))

    @contextlib.contextmanager
    def fails(self, exit_code, words):
        with self.assertRaises(gmmpi.GmmpiError) as caught:
            yield
        self.check(caught.exception, exit_code, words)


def at_once(calls):
    """The results of calls without arguments, several at a time; an exception counts as a result."""
    def result(call):
        try:
            return call()
        except Exception as error:  # the test judges it
            return error
    return in_parallel(result, [[call] for call in calls])


def import_pandas(test):
    try:
        import pandas
    except ImportError:
        test.skipTest("there is no pandas")
    return pandas


def close(actual, expected, rtol=1e-12):
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=0)


class RoundTrip(PythonTest):
    def test_a_loaded_model_agrees_with_the_program(self):
        commands = [(f"fit {OLD_FAITHFUL} -k 3 --covariance-type {t} -o {t}.h5", self.dir) for t in TYPES]
        commands += [(f"predict {OLD_FAITHFUL} {t}.h5 --responsibilities --log-density -o {t}.labels.h5", self.dir)
                     for t in TYPES]
        for half in (commands[:4], commands[4:]):
            self.assertEqual([run.codes for run in in_parallel(program, half)], [[0]] * 4)
        for t in TYPES:
            with self.subTest(t), h5py.File(self.dir / f"{t}.h5") as f, h5py.File(self.dir / f"{t}.labels.h5") as predicted:
                gm = gmmpi.load(self.dir / f"{t}.h5")
                self.assertIsInstance(gm, sklearn.mixture.GaussianMixture)
                for name in PARAMETERS:
                    np.testing.assert_array_equal(getattr(gm, name), f["model"][name[:-1]])
                close(gm.score_samples(X), predicted["log_density"])
                close(gm.predict_proba(X), predicted["responsibilities"], rtol=1e-10)  # of numbers down to 1e-100
                np.testing.assert_array_equal(gm.predict(X), predicted["labels"])
                attributes = f["model"].attrs
                for actual, name in ((gm.bic(X), "bic"), (gm.aic(X), "aic"), (gm.score(X), "lower_bound"),
                                     (gm._n_parameters(), "n_parameters")):
                    close(actual, attributes[name])
                self.assertEqual((gm.n_iter_, gm.converged_, gm.digest_),
                                 (attributes["n_iter"], True, attributes["digest"]))
                np.testing.assert_array_equal(gm.history_, f["history/log_likelihood"])
                self.assertEqual((gm.max_iter, gm.tol, gm.reg_covar), (1000, 1e-6, "auto"))

    def test_a_saved_model_is_read_by_the_program_and_comes_back(self):
        models = {t: sklearn.mixture.GaussianMixture(3, covariance_type=t, random_state=0).fit(X) for t in TYPES}
        for t, gm in models.items():
            gmmpi.save(gm, self.dir / f"{t}.h5")
        runs = in_parallel(program, [(f"score {OLD_FAITHFUL} {t}.h5 --json", self.dir) for t in TYPES])
        for (t, gm), run in zip(models.items(), runs):
            with self.subTest(t):
                scored, loaded = json.loads(run.out), gmmpi.load(self.dir / f"{t}.h5")
                for name in PARAMETERS:
                    np.testing.assert_array_equal(getattr(loaded, name), getattr(gm, name))
                for actual in (scored["bic"], loaded.bic(X)):
                    close(actual, gm.bic(X))
                np.testing.assert_array_equal(loaded.predict(X), gm.predict(X))
                loaded.random_state = 0
                for drawn, expected in zip(loaded.sample(50), gm.sample(50)):
                    np.testing.assert_array_equal(drawn, expected)

    def test_three_lines_of_h5py_are_a_model(self):
        with h5py.File(self.dir / "own.h5", "w") as f:
            f.create_group("model").attrs["covariance_type"] = "tied"
            f["model/weights"], f["model/means"], f["model/covariances"] = [0.5, 0.5], [[2, 50], [4, 80]], [[1, 2], [2, 50]]
        gm = gmmpi.load(self.dir / "own.h5")
        close(gm.precisions_, np.linalg.inv([[1, 2], [2, 50]]), rtol=1e-10)
        self.assertEqual(gm.predict(X).max(), 1)

    def test_an_offset_costs_no_digits(self):
        far = X + 1e9
        gm = gmmpi.fit(far, 2, max_iter=3, tol=0, output=self.dir / "far.h5")
        gmmpi.write_data(self.dir / "far_data.h5", far)
        self.run_ok("predict far_data.h5 far.h5 --log-density -o predicted.h5")
        with h5py.File(self.dir / "predicted.h5") as f:
            close(gm.score_samples(far), f["log_density"])


class Fit(PythonTest):
    def test_options_are_scikit_learn_s(self):
        start = {"weights_init": [0.4, 0.6], "means_init": [[2, 55], [4, 80]], "precisions_init": [np.eye(2)] * 2}
        options = dict(n_components=2, tol=0.0, reg_covar=1e-6, max_iter=25, **start)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            theirs = sklearn.mixture.GaussianMixture(**options).fit(X)
        for ours in (gmmpi.fit(X, **options), gmmpi.GaussianMixture(**options).fit(X)):
            self.assertEqual(ours.n_iter_, 25)
            for name in PARAMETERS:
                close(getattr(ours, name), getattr(theirs, name), rtol=1e-8)

    def test_what_is_not_given_of_a_start_comes_from_init_params(self):
        means = [[3.0, 60.0], [4.0, 90.0]]
        fits = at_once([lambda method=method, more=more: gmmpi.fit(X, 2, init_params=method, max_iter=0, tol=0,
                                                                   random_state=3, **more)
                        for method in ("kmeans", "random_from_data") for more in ({}, {"means_init": means})])
        for plain, mixed in (fits[:2], fits[2:]):
            np.testing.assert_array_equal(mixed.means_, means)
            close(mixed.weights_, plain.weights_)
            close(mixed.covariances_, plain.covariances_)

    def test_a_model_or_a_file_is_a_start(self):
        first = gmmpi.fit(X, 2, max_iter=2, tol=0, output=self.dir / "first.h5")
        for again in at_once([lambda start=start: gmmpi.fit(X, 2, init_params=start, max_iter=3, tol=0)
                              for start in (first, str(self.dir / "first.h5"), self.dir / "first.h5")]):
            self.assertEqual(again.history_[0], first.history_[-1])
        warm = gmmpi.GaussianMixture(2, max_iter=2, tol=0, warm_start=True).fit(X)
        self.assertEqual(warm.history_[-1], warm.fit(X).history_[0])

    def test_ranks_threads_and_forms_of_the_data_do_not_change_a_bit(self):
        gmmpi.write_data(self.dir / "x.h5", X)
        ways = ((X, {}), (X, {"ranks": 2, "threads": 1}), (X, {"threads": 2}), (str(self.dir / "x.h5"), {}),
                (OLD_FAITHFUL, {}), (np.asfortranarray(X), {}), (X.tolist(), {}), (X, {"random_state": 5}))
        *same, other = at_once([lambda data=data, how=how: gmmpi.fit(data, 3, **{"random_state": 4, **how}).digest_
                                for data, how in ways])
        self.assertEqual(len(set(same)), 1, same)
        self.assertNotEqual(same[0], other)

    def test_weights_count_rows(self):
        counts = np.arange(len(X)) % 3
        weighted = gmmpi.fit(X, 2, sample_weight=counts, reg_covar=1e-6)
        repeated = gmmpi.fit(np.repeat(X, counts, axis=0), 2, init_params=weighted, reg_covar=1e-6, max_iter=1)
        close(weighted.lower_bound_, repeated.lower_bound_, rtol=1e-6)
        close(gmmpi.GaussianMixture(2, tol=1e-6).fit(X, sample_weight=counts).weights_, weighted.weights_, rtol=1e-6)

    def test_warnings_are_python_s(self):
        with self.assertWarnsRegex(ConvergenceWarning, "not converged after 2 iterations"):
            gmmpi.fit(X, 2, max_iter=2)
        collapsing = gmmpi.Mixture("diag", [0.5, 0.5], [[2, 60], [1e6, 1e6]], [[9, 90]] * 2)
        with self.assertWarnsRegex(UserWarning, "component 1 collapsed"):
            gmmpi.fit(X, 2, covariance_type="diag", init_params=collapsing)

    def test_a_kept_output_is_found_again(self):
        first = gmmpi.fit(X, 2, output=self.dir / "m.h5")
        self.assertEqual(gmmpi.fit(X, 2, output=self.dir / "m.h5").digest_, first.digest_)
        with self.fails(73, "m.h5"):
            gmmpi.fit(X, 3, output=self.dir / "m.h5")
        self.assertEqual(gmmpi.fit(X, 3, output=self.dir / "m.h5", force=True).n_components, 3)
        self.assertEqual([p.name for p in self.dir.iterdir()], ["m.h5"])


class DropIn(PythonTest):
    SNIPPET = textwrap.dedent("""
        from sklearn.datasets import load_iris
        from sklearn.mixture import GaussianMixture

        X = load_iris().data
        models = [GaussianMixture(n_components=k, n_init=3, random_state=0).fit(X) for k in (2, 3)]
        best = min(models, key=lambda gm: gm.bic(X))
        labels, bic, converged = best.predict(X), best.bic(X), best.converged_
        """)

    def test_a_scikit_learn_snippet_runs_with_another_import(self):
        theirs, ours = {}, {}
        exec(self.SNIPPET, theirs)
        changed = self.SNIPPET.replace("from sklearn.mixture", "from gmmpi")
        self.assertNotEqual(changed, self.SNIPPET)
        exec(changed, ours)
        self.assertEqual(ours["best"].n_components, theirs["best"].n_components)
        close(ours["bic"], theirs["bic"], rtol=1e-2)  # both stop by scikit-learn's tol of 1e-3
        same = ours["labels"] == theirs["labels"]
        self.assertGreater(max(same.mean(), 1 - same.mean()), 0.97)  # components may be swapped
        self.assertTrue(ours["converged"])

    def test_it_is_an_estimator(self):
        gm = gmmpi.GaussianMixture(2, covariance_type="diag", ranks=1, random_state=np.random.RandomState(3))
        self.assertEqual(sklearn.base.clone(gm).get_params().keys(), gm.get_params().keys())
        self.assertGreater(set(gm.get_params()), set(sklearn.mixture.GaussianMixture().get_params()))
        defaults = sklearn.mixture.GaussianMixture().get_params()
        self.assertEqual({k: v for k, v in gmmpi.GaussianMixture().get_params().items() if k in defaults}, defaults)
        np.testing.assert_array_equal(gm.fit_predict(X), gm.predict(X))
        again = pickle.loads(pickle.dumps(gm))
        close(again.score_samples(X), gm.score_samples(X))

    def test_column_names_of_a_frame_are_kept_and_checked(self):
        pandas = import_pandas(self)
        frame = pandas.DataFrame(X, columns=["eruptions", "waiting"])
        gm = gmmpi.GaussianMixture(2).fit(frame)
        self.assertEqual(list(gm.feature_names_in_), ["eruptions", "waiting"])
        self.assertEqual(list(gmmpi.fit(frame, 2).feature_names_in_), ["eruptions", "waiting"])
        with self.assertRaisesRegex(ValueError, "feature names"):
            gm.predict(frame[["waiting", "eruptions"]])


class Data(PythonTest):
    TEXTS = {
        "plain": "1,2\n3,4\n", "header": "a,b\n1,2\n3,4\n", "tabs": "a\tb\n1\t2\n3\t4\n", "semicolons": "1;2\n3;4\n",
        "blanks": " 1   2 \n 3 4\n", "comments": "# seen\n\na,b\n# more\n1,2\n3,4\n", "quoted": '"a","b c"\n1,2\n3,4\n',
        "mark": "\ufeffa,b\r\n1,2\r\n3,4\r\n", "signs": "+1,-2e0\n3.,.4e1\n", "one column": "1\n3\n"}

    def test_text_is_read_as_the_program_reads_it(self):
        for name, text in self.TEXTS.items():
            (self.dir / f"{name}.csv").write_text(text, encoding="utf-8", newline="")
        runs = in_parallel(program, [(["convert", f"{name}.csv", f"{name}.h5"], self.dir) for name in self.TEXTS])
        for name, run in zip(self.TEXTS, runs):
            with self.subTest(name):
                self.assertEqual(run.codes, [0], run.err)
                ours, theirs = (gmmpi.read_data(self.dir / f"{name}.{end}") for end in ("csv", "h5"))
                np.testing.assert_array_equal(ours.X, theirs.X)
                self.assertEqual(ours.names, theirs.names)

    def test_tables_with_names_weights_and_labels(self):
        weights, labels = np.arange(272) / 2, np.arange(272) % 3
        gmmpi.write_data(self.dir / "t.h5", X.astype("f4"), feature_names=["a", "b"], sample_weight=weights, labels=labels)
        self.assertIn("272 x 2, f4", self.run_ok("info t.h5:/X").out)
        table = gmmpi.read_data(self.dir / "t.h5")
        self.assertEqual((table.X.dtype, table.feature_names, table.n_rows), (np.float32, ["a", "b"], 272))
        np.testing.assert_array_equal(table.sample_weight, weights)
        np.testing.assert_array_equal(table.labels, labels)
        self.run_ok("fit t.h5 -k 2 --sample-weight t.h5 -o m.h5")
        some = gmmpi.read_data(self.dir / "t.h5", most_rows=40)
        self.assertEqual((len(some.X), some.n_rows), (40, 272))
        for row, label, weight in zip(some.X, some.labels, some.sample_weight):
            self.assertIn((*row, label, weight), {(*x, b, w) for x, b, w in zip(table.X, labels, weights)})
        np.save(self.dir / "x.npy", X)
        self.assertEqual(len(gmmpi.read_data(self.dir / "x.npy", most_rows=7).X), 7)
        with h5py.File(self.dir / "t.h5", "a") as f:
            f["deep/table"] = X[:5]
        self.assertEqual(gmmpi.read_data(f"{self.dir}/t.h5:/deep/table").X.shape, (5, 2))

    def test_a_label_column_may_be_text(self):
        iris = gmmpi.read_data(DATA / "iris.csv", labels="label", most_rows=30)
        self.assertEqual((iris.X.shape, iris.n_rows, set(iris.labels)), ((30, 4), 150, {"setosa", "versicolor", "virginica"}))
        gmmpi.write_data(self.dir / "iris.h5", iris)
        self.assertEqual(set(gmmpi.read_data(self.dir / "iris.h5").labels), {0, 1, 2})

    def test_frames(self):
        pandas = import_pandas(self)
        frame = pandas.DataFrame({"height": [1.0, 2.0, 3.0], "width": [4, 5, 6]})
        gmmpi.write_data(self.dir / "f.h5", frame, labels=[0, 1, 1])
        back = gmmpi.read_data(self.dir / "f.h5").frame()
        self.assertEqual(list(back.columns), ["height", "width", "labels"])
        np.testing.assert_array_equal(back[["height", "width"]], frame)


class Errors(PythonTest):
    def test_the_program_s_own_message_and_code(self):
        spoilt = X.copy()
        spoilt[5, 1] = np.nan
        np.save(self.dir / "nan.npy", spoilt)
        run, by_path, by_array, by_two = at_once([
            lambda: program(["fit", "nan.npy", "-k", "2", "-o", "m.h5"], self.dir),
            lambda: gmmpi.fit(str(self.dir / "nan.npy"), 2), lambda: gmmpi.fit(spoilt, 2),
            lambda: gmmpi.fit(spoilt, 2, ranks=2, threads=1)])
        self.assertEqual([f"gmmpi: error: {by_path.said}".replace(f"{self.dir}/", "")], run.errors)
        for error in (by_array, by_two):  # no name of a temporary file
            self.check(error, 65, "X: row 5, column 1 is NaN")
            self.assertNotIn("/", str(error))
        copy = pickle.loads(pickle.dumps(by_array))
        self.assertEqual((str(copy), copy.exit_code), (str(by_array), 65))

    def test_bad_calls(self):
        (self.dir / "text.h5").write_text("no model")
        gmmpi.save(sklearn.mixture.GaussianMixture(2).fit(X), self.dir / "bad.h5")
        with h5py.File(self.dir / "bad.h5", "a") as f:
            f["model/covariances"][0] = [[1, 2], [2, 1]]
            del f["model/precisions_cholesky"]
        unfitted = sklearn.mixture.GaussianMixture()
        cases = [
            (64, "covariance_type: 'round' is unknown", lambda: gmmpi.fit(X, 2, covariance_type="round")),
            (64, "frobnicate: there is no such option", lambda: gmmpi.fit(X, 2, frobnicate=1)),
            (64, "reg_covar=-1", lambda: gmmpi.fit(X, 2, reg_covar=-1)),
            (65, "300 components", lambda: gmmpi.fit(X, 300)),
            (65, "reshape(-1, 1)", lambda: gmmpi.fit(X[:, 0], 2)),
            (65, "X: is an array of text", lambda: gmmpi.fit([["a", "b"]], 1)),
            (65, "weights (3,) do not fit", lambda: gmmpi.fit(X, 3, means_init=X[:2])),
            (65, "not a fitted mixture", lambda: gmmpi.save(unfitted, self.dir / "u.h5")),
            (66, "nix.csv", lambda: gmmpi.fit("nix.csv", 2)),
            (66, "nix.h5", lambda: gmmpi.load("nix.h5")),
            (65, "text.h5", lambda: gmmpi.load(self.dir / "text.h5")),
            (65, "positive definite", lambda: gmmpi.load(self.dir / "bad.h5")),
            (66, "nix.npy", lambda: gmmpi.read_data("nix.npy")),
            (66, "neither a column", lambda: gmmpi.read_data(OLD_FAITHFUL, labels="nix")),
            (64, "HDF5", lambda: gmmpi.write_data(self.dir / "x.csv", X)),
            (65, "labels", lambda: gmmpi.write_data(self.dir / "x.h5", X, labels=[1])),
            (73, "cannot be written", lambda: gmmpi.write_data(self.dir / "nix/x.h5", X)),
            (73, "cannot be written", lambda: gmmpi.save(gmmpi.Mixture("diag", [1], [[0]], [[1]]), self.dir / "nix/m.h5")),
            (66, "no such program", lambda: gmmpi.fit(X, 2, program="/nix/gmmpi")),
            (66, "cannot be started", lambda: gmmpi.fit(X, 2, ranks=2, mpirun="/nix/mpirun"))]
        for (code, words, _), error in zip(cases, at_once([call for *_, call in cases])):
            with self.subTest(words):
                self.check(error, code, words)

    def test_what_mpirun_says_is_not_lost(self):
        with self.assertRaises(gmmpi.GmmpiError) as caught:
            gmmpi.run("info", OLD_FAITHFUL, ranks=2, mpirun=["sh", "-c", "echo no slots >&2; exit 3"])
        self.assertEqual(caught.exception.exit_code, 3)
        self.assertIn("no slots", str(caught.exception))


class Program(PythonTest):
    def test_where_it_is_looked_for(self):
        elsewhere = self.dir / "gmmpi"
        elsewhere.symlink_to(PROGRAM)
        self.assertEqual(gmmpi.find_program(str(elsewhere)), str(elsewhere))
        self.assertEqual(gmmpi.find_program(), str(PROGRAM))
        del os.environ["GMMPI_PROGRAM"]
        os.environ["PATH"] = f"{self.dir}:{os.environ['PATH']}"
        self.assertEqual(gmmpi.find_program(), str(elsewhere))
        os.environ["PATH"] = "/usr/bin"
        with mock.patch("gmmpi.program.BESIDE", (Path("/nix"), elsewhere)):
            self.assertEqual(gmmpi.find_program(), str(elsewhere))
        with mock.patch("gmmpi.program.BESIDE", ()), self.fails(66, "GMMPI_PROGRAM"):
            gmmpi.find_program()

    def test_any_command_can_be_run(self):
        run = gmmpi.run("fit", OLD_FAITHFUL, n_components=2, max_iter=1, output=self.dir / "m.h5", verbose=False, json=True)
        self.assertEqual(json.loads(run.out)["n_iter"], 1)
        self.assertEqual(len(run.warnings), 1)
        gmmpi.run("sample", self.dir / "m.h5", n_samples=20, seed=3, output=self.dir / "drawn.h5")
        self.assertEqual(gmmpi.read_data(self.dir / "drawn.h5").X.shape, (20, 2))

    def test_program_and_package_have_one_version(self):
        self.assertEqual(self.run_ok("--version").out, f"gmmpi {gmmpi.__version__}\n")
