# fit --missing: gaps from every format, the same bits everywhere, what is refused, and that nothing breaks where much is missing.
import json
import re

import h5py
import numpy as np

from harness import DATA, Case, ProgramTest, gmmpi, in_parallel
from interrupt import checkpoints, interrupt

NAN = np.nan
HOLES = DATA / "overlap3d_holes.csv"
AIR = DATA / "airquality.csv"
COLUMNS = "--columns x,y,z"


def holes():
    return np.genfromtxt(HOLES, delimiter=",", skip_header=1, usecols=range(3))


def model(path):
    """Parameters, attributes, and log-likelihoods of iterations."""
    with h5py.File(path) as f:
        return ({name: values[()] for name, values in f["model"].items()}, dict(f["model"].attrs), f["history/log_likelihood"][()])


class Missing(ProgramTest):
    def setUp(self):
        super().setUp()
        self.X = holes()
        np.save(self.dir / "x.npy", self.X)

    def fit(self, data, more, output="m.h5", ranks=1, **how):
        """The digest of a fit, which is sound: finite, and monotone unless told otherwise."""
        run = self.run_ok(f"fit {data} --force --json -o {output} {more}", ranks, **how)
        parameters, _, history = model(self.dir / output)
        for name, values in parameters.items():
            self.assertTrue(np.isfinite(values).all(), (name, more))
        self.assertTrue(np.isfinite(history).all())
        return json.loads(run.out)["digest"]

    def assert_monotone(self, output="m.h5", by=1e-9):
        history = model(self.dir / output)[2]
        self.assertGreater(len(history), 2)
        self.assertTrue((np.diff(history) >= -by * np.abs(history[1:])).all())

    def test_airquality(self):
        """R's airquality against independent programs, from a given start, and from the program's own."""
        self.fit(AIR, "-k 1 --missing em --tol 1e-14")
        parameters, attributes, _ = model(self.dir / "m.h5")
        self.assertAlmostEqual(attributes["log_likelihood"], -2326.697382798337, places=9)
        np.testing.assert_allclose(parameters["means"][0], [41.87117267, 184.84680636, 9.95751634, 77.88235294], rtol=1e-7)
        np.testing.assert_allclose(parameters["covariances"][0, 0, :2], [1044.0186322, 942.52975789], rtol=1e-6)
        self.fit(AIR, "-k 1 --missing em --tol 1e-14 --standardize", "z.h5")  # each row by the scales of the columns that it has
        self.assertAlmostEqual(model(self.dir / "z.h5")[1]["log_likelihood"], -2326.697382798337, places=9)
        score = self.run_ok(f"score {AIR} z.h5 --missing em --json")
        self.assertAlmostEqual(json.loads(score.out)["log_likelihood"], -2326.697382798337, places=9)
        X = np.genfromtxt(AIR, delimiter=",", skip_header=1, missing_values="NA")
        complete = X[~np.isnan(X).any(axis=1)]
        parts = [complete[complete[:, 3] <= 79], complete[complete[:, 3] > 79]]
        with h5py.File(self.dir / "start.h5", "w") as f:
            f["model/weights"] = [0.51351, 0.48649]
            f["model/means"] = [part.mean(axis=0) for part in parts]
            f["model/covariances"] = [np.cov(part.T, bias=True) for part in parts]
            f["model"].attrs["covariance_type"] = "full"
        self.fit(AIR, "-k 2 --missing em --init start.h5 --tol 1e-13 --max-iter 20000")
        self.assert_monotone(by=1e-13)
        parameters, attributes, _ = model(self.dir / "m.h5")
        self.assertAlmostEqual(attributes["log_likelihood"], -2274.341269893, places=8)
        np.testing.assert_allclose(parameters["weights"], [0.586106524630, 0.413893475370], rtol=1e-5)
        np.testing.assert_allclose(parameters["means"][1], [69.320130155, 212.312659358, 8.063726175, 85.530322227], rtol=1e-5)

    def test_every_way_to_write_a_gap(self):
        with h5py.File(self.dir / "x.h5", "w") as f:
            f["X"], f["f4"] = self.X, self.X.astype("f4")
        words = np.where(np.isnan(self.X), "", np.char.mod("%.17g", self.X))
        for name, code in (("empty", ""), ("na", "NA"), ("code", "-99"), ("nan", "nan")):
            lines = [",".join(code if word == "" else word for word in row) for row in words]
            (self.dir / f"{name}.csv").write_text("x,y,z\n" + "\n".join(lines) + "\n")
        np.save(self.dir / "f4.npy", self.X.astype("f4"))
        fits = [("x.npy", ""), ("x.h5", ""), (HOLES, COLUMNS), ("empty.csv", ""), ("na.csv", ""), ("code.csv", "--na -99"), ("nan.csv", "")]
        same = "-k 3 --missing em --max-iter 6 --tol 0"
        digests = in_parallel(lambda number, data, more: self.fit(data, f"{same} {more}", f"m{number}.h5"),
                              [(n, *one) for n, one in enumerate(fits)])
        self.assertEqual(len(set(digests)), 1, digests)
        narrow = [self.fit(data, same) for data in ("f4.npy", "x.h5:/f4")]
        self.assertEqual(len({*narrow, digests[0]}), 2)

    def test_the_same_bits_everywhere(self):
        rng = np.random.default_rng(5)
        big = np.tile(self.X, (40, 1)) + rng.normal(size=(len(self.X) * 40, 3)) * 0.1
        big[rng.random(big.shape) < 0.1] = NAN
        with h5py.File(self.dir / "b.h5", "w") as f:
            f["X"] = big
        layouts = [(1, 1, ""), (2, 2, ""), (3, 1, "--memory-limit 60M"), (1, 2, "--memory-limit 40M"), (1, 2, "--simd scalar")]
        for kind in ("", "--covariance-type VEV --noise", "--family student --covariance-type tied"):
            more = f"-k 3 --missing em --max-iter 3 --tol 0 {kind}"
            digests = in_parallel(lambda n, ranks, threads, options: self.fit("b.h5", f"{more} {options}", f"m{n}.h5", ranks, threads=threads),
                                  [(n, *layout) for n, layout in enumerate(layouts)])
            self.assertEqual(len(set(digests)), 1, kind)

    def test_a_stopped_fit_goes_on(self):
        big = np.tile(self.X, (100, 1))
        np.save(self.dir / "b.npy", big)
        more = "-k 4 --missing em --tol 0 --max-iter 60 --checkpoint-every 2it"
        whole = self.fit("b.npy", more, "whole.h5")
        interrupt(self, f"fit b.npy {more} -o half.h5", ready=checkpoints("half.ckpt.*.h5"))
        run = self.run_ok(f"fit b.npy {more} --json -o half.h5", 2)
        self.assertEqual(json.loads(run.out)["digest"], whole)

    def test_a_fit_says_what_is_missing(self):
        gaps = np.isnan(self.X)
        used = ~gaps.all(axis=1)
        run = self.run_ok("fit x.npy -k 2 --missing em --max-iter 2 -o m.h5")
        self.assertIn(f"{gaps[used].sum()} values are missing, in {(gaps.any(axis=1) & used).sum()} of {used.sum()} rows; "
                      f"{(~used).sum()} rows left out, without any value", run.err)

    def test_nothing_missing_is_the_ordinary_fit(self):
        np.save(self.dir / "c.npy", self.X[~np.isnan(self.X).any(axis=1)])
        for kind in ("", "--family student", "--engine kmeans", "--standardize --covariance-type diag"):
            digests = {self.fit("c.npy", f"-k 2 --max-iter 5 {kind} {missing}") for missing in ("", "--missing em", "--missing drop")}
            self.assertEqual(len(digests), 1, kind)

    def test_rows_left_out_have_no_class(self):
        whole = ~np.isnan(self.X).any(axis=1)
        labels = np.arange(len(self.X)) % 2
        np.save(self.dir / "labels.npy", labels)
        np.save(self.dir / "c.npy", self.X[whole])
        np.save(self.dir / "c_labels.npy", labels[whole])
        self.fit("c.npy", "-k 2 --max-iter 5")
        told = [json.loads(self.run_ok(f"score {args} --json").out)["labels"]
                for args in ("x.npy m.h5 --missing drop --labels labels.npy", "c.npy m.h5 --labels c_labels.npy")]
        for name in ("accuracy", "adjusted_rand_index"):
            self.assertEqual(told[0][name], told[1][name], name)

    def test_drop_is_the_fit_of_the_complete_rows(self):
        whole = ~np.isnan(self.X).any(axis=1)
        np.save(self.dir / "c.npy", self.X[whole])
        with h5py.File(self.dir / "start.h5", "w") as f:
            f["model/weights"], f["model/means"] = [0.5, 0.5], self.X[whole][[0, 20]]
            f["model/covariances"] = [np.eye(3)] * 2
            f["model"].attrs["covariance_type"] = "full"
        self.fit("c.npy", "-k 2 --init start.h5 --max-iter 20 --tol 0", "c.h5")
        run = self.run_ok("fit x.npy -k 2 --init start.h5 --max-iter 20 --tol 0 --missing drop -o d.h5")
        self.assertIn(f"{(~whole).sum()} rows left out, because values are missing", run.err)
        (one, facts, history), (other, told, same) = model(self.dir / "c.h5"), model(self.dir / "d.h5")
        self.assertEqual(facts["n_samples"], told["n_samples"])
        np.testing.assert_allclose(same, history, rtol=1e-12)
        for name, values in one.items():
            np.testing.assert_allclose(other[name], values, rtol=1e-11, atol=1e-13, err_msg=name)

    def test_what_fits_are_made_of(self):
        """Every structure, family, engine and start ends in finite numbers; likelihoods and posteriors rise."""
        labels = np.where(np.arange(len(self.X)) % 3 == 0, np.arange(len(self.X)) % 2, -1)
        np.save(self.dir / "labels.npy", labels)
        np.save(self.dir / "weights.npy", np.arange(len(self.X)) % 4 * 0.5)
        few = "-k 2 --missing em --max-iter 8 --tol 0"
        rising = [*(f"--covariance-type {name}" for name in "full tied diag spherical EII VII EEI VEI EVI VEE EVE VVE EEV VEV EVV".split()),
                  "--family student", "--family student --dof shared --covariance-type VEE", "--noise", "--labels labels.npy",
                  "--sample-weight weights.npy", "--standardize", "--init random", "--init k-means++", "--init random-from-data", "--n-init 3",
                  "--reg-covar 0", "--n-init 3 --short-runs 2"]
        others = ["--prior auto", "--engine hard", "--engine kmeans", "--engine kmeans --init random-from-data", "--engine stepwise",
                  "--accelerate lbfgs", "--noise --family student --covariance-type diag", "--prior auto --noise --sample-weight weights.npy"]

        def one(number, options):
            self.fit("x.npy", f"{few} {options}", f"m{number}.h5")
            if number < len(rising) and "--short-runs" not in options:
                self.assert_monotone(f"m{number}.h5")

        for number, options in enumerate(rising + others):
            with self.subTest(options):
                one(number, options)
        run = self.run_ok("select x.npy -k 1:3 --covariance-type full,VEV,diag --missing em -o s.h5 --json")
        self.assertTrue(np.isfinite(json.loads(run.out)["bic"]))

    def test_much_is_missing(self):
        rng = np.random.default_rng(1)
        complete = rng.normal(size=(600, 4)) + rng.integers(0, 2, (600, 1)) * 5
        lost = complete.copy()
        lost[rng.random(lost.shape) < 0.9] = NAN
        unseen = complete.copy()
        unseen[complete[:, 0] > 2.5, 1] = NAN  # a column that one component never sees
        once = complete.copy()
        once[17, 1:3] = NAN  # a pattern that is there once
        wide = rng.normal(size=(12, 20))  # fewer rows than columns
        wide[rng.random(wide.shape) < 0.3] = NAN
        apart = complete.copy()
        apart[::2, :2], apart[1::2, 2:] = NAN, NAN  # columns that are never seen together
        for name, X, k in (("lost", lost, 2), ("unseen", unseen, 2), ("once", once, 2), ("wide", wide, 2), ("apart", apart, 2)):
            np.save(self.dir / f"{name}.npy", X)
            for kind in ("full", "tied", "diag", "spherical", "VEV", "full --family student"):
                with self.subTest(name, kind=kind):
                    self.fit(f"{name}.npy", f"-k {k} --missing em --max-iter 25 --covariance-type {kind}", f"{name}.h5")
        for command in ("score once.npy once.h5 --missing em --json", "predict once.npy once.h5 --missing em --responsibilities -o p.h5",
                        "impute wide.npy wide.h5 --draws 2 --standard-deviation -o i.h5"):
            self.run_ok(command)
        with h5py.File(self.dir / "i.h5") as f:
            for name, values in f.items():
                self.assertTrue(np.isfinite(values[()]).all(), name)

    def test_rows_of_a_model_may_lack_a_whole_column(self):
        self.fit("x.npy", "-k 2 --missing em --max-iter 5")
        np.save(self.dir / "new.npy", [[1.0, NAN, 2.0], [0.0, NAN, NAN]])
        told = json.loads(self.run_ok("score new.npy m.h5 --missing em --json").out)
        self.run_ok("predict new.npy m.h5 --missing em --log-density -o p.h5")
        with h5py.File(self.dir / "p.h5") as f:
            self.assertAlmostEqual(f["log_density"][()].sum(), told["log_likelihood"], places=12)
        self.run_ok("impute new.npy m.h5 -o i.h5")
        self.check_failure(gmmpi("fit new.npy -k 1 --missing em -o no.h5", self.dir), 65, ("column 1", "no value"))

    def test_what_info_says(self):
        told = json.loads(self.run_ok(f"info {AIR} --json").out)["gaps"]
        self.assertEqual((told["n_missing"], told["n_incomplete"], told["n_empty"], told["by_column"]), (44, 42, 0, [37, 7, 0, 0]))
        self.assertEqual([(p["n_rows"], p["missing"]) for p in told["patterns"]], [(111, []), (35, [0]), (5, [1]), (2, [0, 1])])
        text = self.run_ok(f"info {AIR}").out
        self.assertRegex(text, r"missing: 44 values \(7\.19%\), in 42 of 153 rows")
        self.assertRegex(text, r"(?m)^ +35  Ozone$")
        self.assertIn("--missing em", text)
        X = np.full((300, 9), 1.0)
        for n in range(300):  # 151 patterns and more than are shown
            X[n, :] = np.where([n >> j & 1 for j in range(9)], NAN, n)
        np.save(self.dir / "many.npy", X)
        told = json.loads(self.run_ok("info many.npy --json", 2).out)["gaps"]
        self.assertEqual((told["n_patterns"], len(told["patterns"]), told["patterns"][0]), (300, 8, {"n_rows": 1, "missing": []}))
        self.assertEqual(told["n_missing"], int(np.isnan(X).sum()))
        self.assertNotIn("missing", self.run_ok(f"info {DATA / 'old_faithful.csv'}").out)

    def test_bad_input(self):
        np.save(self.dir / "inf.npy", np.where(np.arange(900).reshape(300, 3) == 7, np.inf, self.X))
        np.save(self.dir / "column.npy", np.c_[self.X, np.full(300, NAN)])
        np.save(self.dir / "rows.npy", np.full((20, 3), NAN))
        np.save(self.dir / "sparse.npy", np.where(np.eye(3, dtype=bool)[np.arange(30) % 3], NAN, 1.0))
        em = "--missing em -o out.h5"
        self.check_cases([
            Case("infinite", f"fit in/inf.npy -k 2 {em}", 65, ("row 2", "column 1", "infinite")),
            Case("no value in a column", f"fit in/column.npy -k 2 {em}", 65, ("column 3", "no value")),
            Case("no value in a column, standardised", f"fit in/column.npy -k 2 {em} --standardize", 65, ("column 3", "no value")),
            Case("no value at all", f"fit in/rows.npy -k 2 {em}", 65, ("no row has any value",)),
            Case("no complete row", "fit in/sparse.npy -k 2 --missing drop -o out.h5", 65, ("no row is complete", "--missing em")),
            Case("not asked for", "fit in/x.npy -k 2 -o out.h5", 65, ("NaN", "--missing em", "--missing drop")),
            Case("an engine that cannot", f"fit in/x.npy -k 2 --engine sequential {em}", 64, ("sequential", "complete rows", "--missing drop")),
            Case("principal components", f"fit in/x.npy -k 2 --pca 2 {em}", 64, ("--pca", "complete rows")),
            Case("the bound", f"fit in/x.npy -k 2 --trace elbo {em}", 64, ("elbo", "complete rows")),
            Case("another word", "fit in/x.npy -k 2 --missing mean -o out.h5", 64, ("--missing", "error, drop")),
        ], self.dir)
