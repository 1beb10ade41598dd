# Columns of models and tables are matched by their names, permuted or refused: one rule for every command.
import json
import sys
import unittest
import warnings

import h5py
import numpy as np
import pandas

from harness import ROOT, Case, ProgramTest, gmmpi

sys.path.insert(0, str(ROOT / "scripts/python"))
import gmmpi as package  # noqa: E402
from gmmpi.plot import inputs  # noqa: E402

FIT = "-k 2 --seed 1"
TYPES = ("full", "tied", "diag", "spherical")


class Names(ProgramTest):
    def setUp(self):
        super().setUp()
        r = np.random.default_rng(0)
        self.X = np.vstack([r.normal(size=(40, 3)) * [1, 2, 3], r.normal(size=(30, 3)) + [5, 9, 1]])
        self.write("abc.csv", "abc")
        self.write("cab.csv", "cab")

    def write(self, file, columns, names=None):
        """Columns of X, of which a is the first, under these or other names."""
        X = self.X[:, ["abc".index(c) for c in columns]]
        np.savetxt(self.dir / file, X, delimiter=",", header=",".join(names or columns), comments="", fmt="%.17g")

    def model(self, words, ranks=1):
        """Digest and names of the model that a fit writes."""
        self.run_ok(f"fit {words} --force", ranks)
        with h5py.File(self.dir / words.split("-o ")[1].split()[0]) as f:
            return f["model"].attrs["digest"], [name.decode() for name in f["feature_names"][()]]

    def compared(self, a, b, more=""):
        return json.loads(self.run_ok(f"compare {a} {b} -n 1000 --json {more}").out)

    def warnings(self, run):
        return [line for line in run.err.splitlines() if "gmmpi: warning" in line]

    def test_a_start_finds_its_columns(self):
        self.write("wide.csv", "cbab", "cbad")
        start = self.model(f"abc.csv {FIT} --max-iter 3 -o start.h5")
        self.assertEqual(start[1], ["a", "b", "c"])
        for more in ("", "--fix means,covariances", "--standardize", "--columns c,b,a"):
            right = self.model(f"abc.csv {FIT} --init start.h5 {more} -o right.h5")
            for data, ranks in (("cab.csv", 1), ("cab.csv", 3), ("wide.csv", 2)):
                self.assertEqual(self.model(f"{data} {FIT} --init start.h5 {more} -o m.h5", ranks), right, (data, more))
        run = self.run_ok(f"fit wide.csv {FIT} --init start.h5 --standardize -o m.h5 --force")
        self.assertIn("columns: a, b, c, as in the start start.h5", run.err)
        self.assertIn("start: start.h5 is read in the units of the data", run.err)
        self.assertEqual(self.warnings(run), [])
        np.save(self.dir / "x.npy", self.X)  # without names: in their order
        self.assertEqual(self.model(f"abc.csv {FIT} --init start.h5 -o m.h5")[0],
                         json.loads(self.run_ok(f"fit x.npy {FIT} --init start.h5 -o x.h5 --json").out)["digest"])

    def test_compare_matches_names(self):
        self.run_ok("pca abc.csv -o pca.h5")
        for how in (*(f"--covariance-type {t}" for t in TYPES), "--standardize", "--pca 3"):
            for data in ("abc", "cab"):
                self.run_ok(f"fit {data}.csv {FIT} --reg-covar 0 --init k-means++ {how} --max-iter 60 -o {data}.h5 --force")
            r = self.compared("abc.h5", "cab.h5", "--data cab.csv")
            self.assertEqual(r["adjusted_rand_index"], 1.0, how)
            self.assertLess(abs(r["kl_ab"]), 1e-5, how)
            for match in r["components"]:
                self.assertLess(match["mean_error"], 1e-2, how)
                self.assertLess(match["covariance_error"], 1e-2, how)
        self.assertEqual(gmmpi("compare abc.h5 cab.h5 -n 1000", self.dir, 3).out, self.run_ok("compare abc.h5 cab.h5 -n 1000").out)
        self.run_ok("marginal cab.h5 --keep a,b,c -o again.h5")
        self.assertEqual(self.compared("abc.h5", "again.h5"), self.compared("abc.h5", "cab.h5"))

    def test_columns_that_are_no_targets(self):
        self.run_ok(f"fit abc.csv {FIT} -o m.h5")
        self.write("ba.csv", "ba")
        self.write("ab.csv", "ab")
        means = []
        for data in ("abc", "cab", "ab", "ba"):
            self.run_ok(f"regress {data}.csv m.h5 --target c -o r.h5 --force")
            with h5py.File(self.dir / "r.h5") as f:
                means.append(f["mean"][()].tobytes())
        self.assertEqual(len(set(means)), 1)

    def test_contradicting_names_are_refused(self):
        self.run_ok(f"fit abc.csv {FIT} -o m.h5")
        self.run_ok("pca abc.csv -o pca.h5")
        self.write("abx.csv", "abc", "abx")
        self.write("aab.csv", "aab")
        self.run_ok(f"fit abx.csv {FIT} -o abx.h5")
        self.run_ok(f"fit aab.csv {FIT} --covariance-type diag -o aab.h5")
        uses = ("score D m.h5", "predict D m.h5 -o o.h5", "regress D m.h5 --target a -o o.h5", "transform D pca.h5 -o o.h5",
                f"fit D {FIT} --init m.h5 -o o.h5")
        cases = [Case(use.split()[0], use.replace("D", "in/abx.csv").replace(" m.h5", " in/m.h5").replace("pca.h5", "in/pca.h5"),
                      65, ("abx.csv has no column c", "a, b, x", "--columns")) for use in uses]
        cases += [Case("twice", "score in/aab.csv in/m.h5", 65, ("several columns of in/aab.csv are named 'a'",)),
                  Case("twice in the model", "score in/abc.csv in/aab.h5", 65, ("several columns of in/aab.h5 are named 'a'",)),
                  Case("models", "compare in/m.h5 in/abx.h5", 65, ("in/abx.h5 has no column c", "a, b, x")),
                  Case("data of compare", "compare in/m.h5 in/m.h5 --data in/abx.csv", 65, ("in/abx.csv has no column c",))]
        self.check_cases(cases, self.dir)

    def test_other_names(self):
        """None in common: in their order, with a warning. Chosen with --columns: in that order, with a warning."""
        self.run_ok(f"fit abc.csv {FIT} -o m.h5")
        self.write("xyz.csv", "abc", "xyz")
        self.write("abx.csv", "abc", "abx")
        self.run_ok(f"fit xyz.csv {FIT} -o xyz.h5")
        right = self.run_ok("score abc.csv m.h5 --json")
        self.assertEqual(self.warnings(right), [])
        for use in ("xyz.csv m.h5", "abx.csv m.h5 --columns a,b,x", "xyz.csv m.h5 --columns 0,1,2"):
            run = self.run_ok(f"score {use} --json", ranks=2)
            self.assertEqual(run.out, right.out)
            self.assertEqual(len(self.warnings(run)), 1, run.err)
            self.assertIn("the columns " + ("a, b, x" if "abx" in use else "x, y, z") + ", m.h5 a, b, c", run.err)
        for columns in ("c,a,b", "1,2,0"):  # the model's names in another order are still its names
            run = self.run_ok(f"score cab.csv m.h5 --json --columns {columns}")
            self.assertEqual((run.out, self.warnings(run)), (right.out, []))
        compared = [self.compared("m.h5", "m.h5", f"--data {data}") for data in ("abc.csv", "abx.csv --columns a,b,x")]
        self.assertEqual(*compared)
        run = self.run_ok("compare m.h5 xyz.h5 -n 100", ranks=2)
        self.assertEqual(len(self.warnings(run)), 1, run.err)

    def test_python(self):
        self.run_ok(f"fit abc.csv {FIT} -o m.h5")
        path, frame = str(self.dir / "m.h5"), pandas.DataFrame(self.X, columns=list("abc"))
        model = package.load(path)
        self.assertEqual(list(model.feature_names_in_), list("abc"))
        right, start = model.score(frame), {"max_iter": 0, "n_components": 2}
        with self.assertRaisesRegex(package.GmmpiError, "names should match"):
            model.predict(frame[["c", "a", "b"]])
        other = frame[["c", "a", "b"]]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fits = [package.fit(other, init_params=init, output=self.dir / "kept.h5", force=True, **start) for init in (path, model)]
            fits += [package.GaussianMixture(init_params=init, reg_covar=0, **start).fit(other) for init in (path, model)]
            fits.append(package.GaussianMixture(2, warm_start=True, max_iter=0, init_params=path, reg_covar=0).fit(frame).fit(other))
        for fitted in fits:
            self.assertEqual(list(fitted.feature_names_in_), list("cab"))
            self.assertAlmostEqual(fitted.score(other), right, places=12)
        self.assertEqual(package.read_model(self.dir / "kept.h5").feature_names, list("cab"))
        package.save(fits[-1], self.dir / "saved.h5")
        self.assertLess(abs(self.compared("m.h5", "saved.h5")["kl_ab"]), 1e-12)
        for wrong in (frame.rename(columns={"b": "x"}), frame.assign(d=1.0), frame[["a", "b"]]):
            with self.assertRaisesRegex(package.GmmpiError, "init_params has .*: give a start of the columns of X"):
                package.fit(wrong, init_params=path, **start)

    def test_pictures(self):
        for data in ("abc", "cab"):
            self.run_ok(f"fit {data}.csv {FIT} -o {data}.h5")
        for order in (("abc", "cab"), ("cab", "abc")):
            for data in ("abc", "cab"):
                models = inputs.open_models([self.dir / f"{name}.h5" for name in order])
                table = inputs.open_data(self.dir / f"{data}.csv", models)
                self.assertEqual(table.names, list(order[0]))
                np.testing.assert_array_equal(table.X, self.X[:, ["abc".index(c) for c in order[0]]])
                densities = [np.sort(model.mixture.log_density(table.X)) for model in models]
                np.testing.assert_allclose(*densities, atol=1e-3)
        frame = pandas.DataFrame(self.X, columns=list("abc"))[["b", "c", "a"]].assign(label=1.0)
        self.assertEqual(inputs.open_data(frame, models).names, list("cab"))
        ticks = [label.get_text() for label in package.plot.parameters(self.dir / "cab.h5").axes[1].get_xticklabels()]
        self.assertEqual(ticks, list("cab"))
        axes = package.plot.compare(self.dir / "cab.h5", self.dir / "abc.h5").axes[3]
        self.assertEqual((axes.get_xlabel(), axes.get_ylabel()), ("c", "a"))
        self.write("abx.csv", "abc", "abx")
        self.write("xyz.csv", "abc", "xyz")
        self.check_cases([Case("scatter", "plot scatter in/abx.csv in/abc.h5 -o p.png", 65, ("abx.csv has no column c", "a, b, x"), ranks=(1,))],
                         self.dir)
        run = self.run_ok("plot scatter xyz.csv abc.h5 cab.h5 -o p.png")
        self.assertEqual(len(self.warnings(run)), 1, run.err)
        run = self.run_ok("plot compare abc.h5 cab.h5 --data cab.csv -o p.png")
        self.assertEqual(run.err, "")


if __name__ == "__main__":
    unittest.main()
