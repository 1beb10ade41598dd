# gmmpi impute: the reference's expectations, draws and their moments, formats, the same bits everywhere, bad input.
# covers: src/inference/impute.cpp, src/inference/gap_conditional.cpp
import csv
import json

import h5py
import numpy as np

from harness import DATA, Case, ProgramTest, gmmpi, in_parallel

CASES = sorted((DATA / "cases").glob("missing_*.json"))
NAN = np.nan


def write_model(path, covariance_type, weights, means, covariances, **attributes):
    with h5py.File(path, "w") as f:
        f["model/weights"], f["model/means"] = weights, means
        f["model/scales" if attributes.get("family") == "student" else "model/covariances"] = covariances
        if "dof" in attributes:
            f["model/dof"] = attributes.pop("dof")
        f["model"].attrs.update({"covariance_type": covariance_type, **attributes})


def punched(X, share, seed):
    """A copy with gaps, some of them whole rows."""
    rng = np.random.default_rng(seed)
    out = X.copy()
    out[rng.random(X.shape) < share] = NAN
    out[5] = NAN
    return out


def conditional(x, weights, means, covariances):
    """Mean (d) and covariance (d, d) of a whole row given its observed entries, and p(k | x_o): Gaussian components."""
    o, m, K, d = ~np.isnan(x), np.isnan(x), len(weights), len(x)
    logs, centers, spreads = np.empty(K), np.empty((K, d)), np.zeros((K, d, d))
    for k in range(K):
        S, away = covariances[k], x[o] - means[k][o]
        B = S[np.ix_(m, o)] @ np.linalg.inv(S[np.ix_(o, o)])
        centers[k] = np.where(m, 0, x)
        centers[k][m] = means[k][m] + B @ away
        spreads[k][np.ix_(m, m)] = S[np.ix_(m, m)] - B @ S[np.ix_(o, m)]
        logs[k] = np.log(weights[k]) - 0.5 * (away @ np.linalg.solve(S[np.ix_(o, o)], away) + np.linalg.slogdet(2 * np.pi * S[np.ix_(o, o)])[1])
    p = np.exp(logs - logs.max())
    p /= p.sum()
    mean = p @ centers
    return mean, np.einsum("k,kij->ij", p, spreads + np.einsum("ki,kj->kij", centers - mean, centers - mean)), p


WEIGHTS = np.array([0.5, 0.3, 0.2])
MEANS = np.array([[0.0, 0, 0, 0], [3, 1, -1, 2], [-2, 4, 1, 0]])
FULL = np.array([np.eye(4) * s + 0.4 * np.outer(v, v) for s, v in ((1, [1, 1, 0, 1]), (0.5, [1, -1, 2, 0]), (0.8, [0, 1, 1, -1]))])


class Imputation(ProgramTest):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(3)
        labels = rng.choice(3, 700, p=WEIGHTS)
        self.complete = np.array([rng.multivariate_normal(MEANS[k], FULL[k]) for k in labels])
        self.X = punched(self.complete, 0.3, 8)
        np.save(self.dir / "x.npy", self.X)
        write_model(self.dir / "m.h5", "full", WEIGHTS, MEANS, FULL)

    def impute(self, data="x.npy", model="m.h5", more="", output="out.h5", **how):
        run = self.run_ok(f"impute {data} {model} --force --json -o {output} {more}", **how)
        with h5py.File(self.dir / output) as f:
            return json.loads(run.out), {name: values[()] for name, values in f.items()}

    def check_observed(self, filled, X):
        self.assertEqual(filled.dtype, X.dtype)
        there = ~np.isnan(X)
        self.assertEqual(filled[there].tobytes(), X[there].tobytes())
        self.assertTrue(np.isfinite(filled).all())

    def test_the_reference(self):
        self.assertEqual(len(CASES), 17)
        for path in CASES:
            case = json.loads(path.read_text())
            with self.subTest(case["case"]):
                p = case["converged"]
                write_model(self.dir / "case.h5", case["covariance_type"], p["weights"], p["means"], p["covariances"])
                data = DATA / case["data"].split("/")[-1]
                _, out = self.impute(data, "case.h5", f"--standard-deviation --columns {','.join(case['columns'])}")
                X = np.genfromtxt(data, delimiter=",", skip_header=1, usecols=range(case["d"]))
                self.check_observed(out["X"], X)
                deviation = out["standard_deviation"]
                np.testing.assert_array_equal(deviation[~np.isnan(X)], 0)
                self.assertTrue((deviation[np.isnan(X)] > 0).all())
                for row in case["imputation"]:
                    np.testing.assert_allclose(out["X"][row["row"], row["missing"]], row["mean"], rtol=1e-9)
                    np.testing.assert_allclose(deviation[row["row"], row["missing"]] ** 2, row["variance"], rtol=1e-9)

    def test_one_component_is_regression(self):
        S = FULL[0]
        write_model(self.dir / "one.h5", "full", [1.0], MEANS[1:2], S[None])
        np.save(self.dir / "two.npy", [[1.0, NAN, 2.0, NAN], [NAN] * 4, [1.0, 2.0, 3.0, 4.0]])
        told, out = self.impute("two.npy", "one.h5", "--standard-deviation")
        self.assertEqual((told["n_samples"], told["n_incomplete"], told["n_imputed"]), (3, 2, 6))
        o, m = [0, 2], [1, 3]
        B = S[np.ix_(m, o)] @ np.linalg.inv(S[np.ix_(o, o)])
        np.testing.assert_allclose(out["X"][0, m], MEANS[1, m] + B @ ([1, 2] - MEANS[1, o]), rtol=1e-14)
        np.testing.assert_allclose(out["standard_deviation"][0, m] ** 2, np.diag(S[np.ix_(m, m)] - B @ S[np.ix_(o, m)]), rtol=1e-13)
        np.testing.assert_array_equal(out["X"][1], MEANS[1])  # nothing observed: what the mixture is
        np.testing.assert_allclose(out["standard_deviation"][1] ** 2, np.diag(S), rtol=1e-14)
        np.testing.assert_array_equal(out["X"][2], [1, 2, 3, 4])

    def test_draws_have_the_conditional_mean_and_covariance(self):
        M = 4000
        rows = np.array([[0.5, NAN, NAN, 1.0], [NAN, NAN, 0.0, NAN], [NAN] * 4])
        np.save(self.dir / "few.npy", rows)
        _, out = self.impute("few.npy", more=f"--draws {M} --seed 5")
        draws = np.array([out[f"draw{i}"] for i in range(M)])
        for n, x in enumerate(rows):
            o = ~np.isnan(x)
            self.assertTrue((draws[:, n, o] == x[o]).all())
            mean, covariance, _ = conditional(x, WEIGHTS, MEANS, FULL)
            spread = np.sqrt(np.diag(covariance)) + 1e-300
            # A mean is off by 1 / sqrt(M), entries of a covariance by not much more: 5 times that happens in none of 1e5 tests.
            np.testing.assert_array_less(np.abs(draws[:, n].mean(axis=0) - mean), 5 * spread / np.sqrt(M))
            error = np.abs(np.cov(draws[:, n].T) - covariance)
            np.testing.assert_array_less(error, 1e-12 + 10 * np.outer(spread, spread) / np.sqrt(M))

    def test_draws_of_students_t(self):
        nu, M = np.array([5.0, 9.0]), 6000
        S = FULL[:2]
        write_model(self.dir / "t.h5", "full", [0.6, 0.4], MEANS[:2], S, family="student", dof=nu)
        x = np.array([1.0, NAN, 0.5, NAN])
        np.save(self.dir / "one.npy", [x])
        _, out = self.impute("one.npy", "t.h5", f"--draws {M} --standard-deviation")
        o, m = [0, 2], [1, 3]
        centers, variances, logs = [], [], []
        from math import lgamma
        for k in range(2):
            Soo, away = S[k][np.ix_(o, o)], x[o] - MEANS[k, o]
            B, squared = S[k][np.ix_(m, o)] @ np.linalg.inv(Soo), away @ np.linalg.solve(Soo, away)
            given = nu[k] + 2
            scale = (S[k][np.ix_(m, m)] - B @ S[k][np.ix_(o, m)]) * (nu[k] + squared) / given
            centers.append(MEANS[k, m] + B @ away)
            variances.append(np.diag(scale) * given / (given - 2))
            logs.append(np.log([0.6, 0.4][k]) + lgamma((nu[k] + 2) / 2) - lgamma(nu[k] / 2) - np.log(nu[k] * np.pi)
                        - 0.5 * np.linalg.slogdet(Soo)[1] - (nu[k] + 2) / 2 * np.log1p(squared / nu[k]))
        p = np.exp(logs) / np.exp(logs).sum()
        mean = p @ centers
        variance = p @ (variances + (centers - mean) ** 2)
        np.testing.assert_allclose(out["X"][0, m], mean, rtol=1e-12)
        np.testing.assert_allclose(out["standard_deviation"][0, m] ** 2, variance, rtol=1e-12)
        draws = np.array([out[f"draw{i}"][0, m] for i in range(M)])
        np.testing.assert_array_less(np.abs(draws.mean(axis=0) - mean), 5 * np.sqrt(variance / M))
        np.testing.assert_allclose(draws.var(axis=0), variance, rtol=0.15)

    def test_a_heavy_tail_has_no_variance(self):
        write_model(self.dir / "t.h5", "full", [1.0], MEANS[:1], FULL[:1], family="student", dof=[1.5])
        np.save(self.dir / "one.npy", [[NAN] * 4, [1.0, NAN, NAN, NAN]])
        _, out = self.impute("one.npy", "t.h5", "--standard-deviation --draws 2")
        self.assertTrue(np.isinf(out["standard_deviation"][0]).all())
        self.assertTrue(np.isfinite(out["standard_deviation"][1]).all())
        self.assertTrue(np.isfinite(out["draw1"]).all())

    def test_bernoulli_noise_and_k_means(self):
        with h5py.File(self.dir / "b.h5", "w") as f:
            f["model/weights"], f["model/means"] = [0.25, 0.75], [[0.9, 0.2, 0.5], [0.1, 0.6, 0.5]]
            f["model"].attrs["family"] = "bernoulli"
        np.save(self.dir / "b.npy", [[1.0, NAN, 0.0], [NAN, NAN, NAN]])
        _, out = self.impute("b.npy", "b.h5", "--standard-deviation --draws 30")
        p = np.array([0.25 * 0.9, 0.75 * 0.1]) / (0.25 * 0.9 + 0.75 * 0.1)
        mean = p @ [0.2, 0.6]
        self.assertAlmostEqual(out["X"][0, 1], mean, places=14)
        self.assertAlmostEqual(out["standard_deviation"][0, 1] ** 2, mean * (1 - mean), places=14)
        drawn = np.array([out[f"draw{i}"] for i in range(30)])
        self.assertEqual(sorted(set(drawn.ravel())), [0.0, 1.0])

        # All of the weight is the noise's: the box's middle.
        with h5py.File(self.dir / "n.h5", "w") as f:
            f["model/weights"], f["model/means"], f["model/covariances"] = [0.0], [[0.0, 0.0]], [[1.0, 1.0]]
            f["model/noise_minimum"], f["model/noise_maximum"] = [0.0, 10.0], [2.0, 16.0]
            f["model"].attrs.update({"covariance_type": "diag", "noise_weight": 1.0, "noise_log_volume": np.log(12)})
        np.save(self.dir / "n.npy", [[0.5, NAN], [NAN, NAN]])
        _, out = self.impute("n.npy", "n.h5", "--standard-deviation --draws 40")
        np.testing.assert_allclose(out["X"], [[0.5, 13], [1, 13]], rtol=1e-14)
        np.testing.assert_allclose(out["standard_deviation"][:, 1], np.sqrt(3), rtol=1e-14)
        drawn = np.array([out[f"draw{i}"][:, 1] for i in range(40)])
        self.assertTrue(((drawn >= 10) & (drawn <= 16)).all() and np.ptp(drawn) > 3)

        np.save(self.dir / "k.npy", self.complete)
        self.run_ok("fit k.npy -k 3 --engine kmeans -o k.h5")
        _, out = self.impute("x.npy", "k.h5")
        with h5py.File(self.dir / "k.h5") as f:
            means, covariances = f["model/means"][()], f["model/covariances"][()]
        row = np.flatnonzero(np.isnan(self.X).sum(axis=1) == 1)[0]
        o = ~np.isnan(self.X[row])
        nearest = ((self.X[row, o] - means[:, o]) ** 2).sum(axis=1).argmin()
        mean, _, _ = conditional(self.X[row], [1.0], means[[nearest]], covariances[[nearest]])
        np.testing.assert_allclose(out["X"][row], mean, rtol=1e-12)

    def test_a_standardised_fit_is_of_the_data(self):
        scaled = self.X * [1e3, 1e-3, 1, 10] + [5e4, 0, -1, 3]
        np.save(self.dir / "s.npy", scaled)
        self.run_ok("fit s.npy -k 3 --missing em --standardize -o s.h5 --tol 1e-4")
        told, out = self.impute("s.npy", "s.h5", "--standard-deviation")
        self.check_observed(out["X"], scaled)
        with h5py.File(self.dir / "s.h5") as f:
            c, s, m = f["transform/center"][()], f["transform/scale"][()], f["model"]
            weights, means = m["weights"][()], m["means"][()] * s + c
            covariances = m["covariances"][()] * np.outer(s, s)
        for n in (0, 5, 6, 7, 300):
            mean, covariance, _ = conditional(scaled[n], weights, means, covariances)
            np.testing.assert_allclose(out["X"][n], mean, rtol=1e-9)
            m = np.isnan(scaled[n])
            np.testing.assert_allclose(out["standard_deviation"][n, m], np.sqrt(np.diag(covariance)[m]), rtol=1e-8)
        np.save(self.dir / "k.npy", self.complete)
        self.run_ok("fit k.npy -k 2 --pca 2 -o p.h5")
        self.check_failure(gmmpi("impute s.npy p.h5 -o no.h5", self.dir), 65, ("principal components", "p.h5"))

    def test_the_same_bytes_everywhere(self):
        """Ranks, threads, kernels, streaming; and a draw's numbers do not depend on how many are drawn."""
        big = np.tile(self.X, (30, 1))
        big += np.arange(len(big))[:, None] % 7 * 0.01
        with h5py.File(self.dir / "b.h5", "w") as f:
            f["X"] = big
        more = "--draws 2 --standard-deviation --seed 3"
        layouts = [("a.h5", "", 1, 1), ("b2.h5", "", 2, 2), ("c.h5", "--simd scalar", 1, 2), ("d.h5", "--memory-limit 60M", 3, 1),
                   ("e.h5", "--memory-limit 40M", 1, 2)]
        in_parallel(lambda name, options, ranks, threads: self.run_ok(f"impute b.h5 m.h5 -o {name} {more} {options}", ranks, threads=threads),
                    layouts)
        first = (self.dir / "a.h5").read_bytes()
        for name, *_ in layouts[1:]:
            self.assertEqual((self.dir / name).read_bytes(), first, name)
        _, one = self.impute("b.h5", more="--draws 1 --seed 3")
        _, other = self.impute("b.h5", more="--draws 1 --seed 4")
        with h5py.File(self.dir / "a.h5") as f:
            np.testing.assert_array_equal(one["draw0"], f["draw0"])
            self.assertFalse(np.array_equal(f["draw0"], f["draw1"]))
        self.assertFalse(np.array_equal(one["draw0"], other["draw0"]))

    def test_formats_names_and_types(self):
        with h5py.File(self.dir / "f.h5", "w") as f:
            f["X"], f["feature_names"] = self.X.astype("f4"), ["a", "b", "c", "d"]
            f["counts"] = np.arange(40, dtype="i2").reshape(10, 4)
        _, out = self.impute("f.h5", more="--draws 1 --standard-deviation")
        self.check_observed(out["X"], self.X.astype("f4"))
        self.check_observed(out["draw0"], self.X.astype("f4"))
        self.assertEqual([n.decode() for n in out["feature_names"]], ["a", "b", "c", "d"])
        for command in ("info out.h5:/draw0", "fit out.h5 -k 2 --max-iter 2 -o fit.h5", "convert out.h5:/draw0 draw.npy"):
            self.run_ok(command)
        told, out = self.impute("f.h5:/counts")
        self.assertEqual((told["n_imputed"], out["X"].dtype), (0, np.dtype("f8")))
        np.testing.assert_array_equal(out["X"], np.arange(40).reshape(10, 4))

        self.run_ok("impute f.h5 m.h5 --draws 1 --standard-deviation -o out.csv")
        with open(self.dir / "out.csv") as f:
            names, *lines = csv.reader(f)
        self.assertEqual(names, [*"abcd", *(f"{n}_sd" for n in "abcd"), *(f"draw0_{n}" for n in "abcd")])
        np.testing.assert_array_equal(np.array(lines, dtype="f8")[:, :4].astype("f4"), self.impute("f.h5")[1]["X"])
        self.run_ok("impute f.h5 m.h5 -o out.npy")
        self.assertEqual((np.load(self.dir / "out.npy").shape, np.load(self.dir / "out.npy").dtype), ((700, 4), np.dtype("f4")))
        self.run_ok("impute f.h5 m.h5 --draws 1 -o more.npy")
        self.assertEqual(np.load(self.dir / "more.npy").dtype.names, ("X", "draw0"))

        (self.dir / "t.csv").write_text("d,a,b,c\n1.5,NA,,2\n-999,1,2,3\n")
        _, out = self.impute("t.csv", "m.h5", "--na -999 --columns a,b,c,d")
        np.testing.assert_array_equal(out["X"][[0, 1, 1, 1], [3, 0, 1, 2]], [1.5, 1, 2, 3])
        self.assertTrue(np.isfinite(out["X"]).all())

    def test_the_same_again_is_not_computed(self):
        self.run_ok("impute x.npy m.h5 -o again.h5 --draws 1")
        self.assertIn("holds this already", self.run_ok("impute x.npy m.h5 -o again.h5 --draws 1").err)
        self.check_failure(gmmpi("impute x.npy m.h5 -o again.h5 --draws 1 --seed 2", self.dir), 73, ("again.h5",))

    def test_a_column_that_others_determine(self):
        """A conditional variance of zero: draws repeat the mean."""
        with h5py.File(self.dir / "line.h5", "w") as f:
            f["model/weights"], f["model/means"], f["model/covariances"] = [1.0], [[0.0, 0.0]], [[[1.0, 1.0], [1.0, 1.0 + 1e-14]]]
            f["model"].attrs["covariance_type"] = "full"
        np.save(self.dir / "l.npy", [[2.0, NAN], [NAN, -1.0], [1.0, 1.0]])
        _, out = self.impute("l.npy", "line.h5", "--standard-deviation --draws 3")
        np.testing.assert_allclose(out["X"], [[2, 2], [-1, -1], [1, 1]], rtol=1e-10)
        np.testing.assert_allclose(out["draw2"], out["X"], atol=1e-6)
        self.assertTrue((out["standard_deviation"] < 1e-6).all())

    def test_bad_input(self):
        write_model(self.dir / "m3.h5", "full", [1.0], MEANS[:1, :3], FULL[:1, :3, :3])
        np.save(self.dir / "inf.npy", [[1.0, NAN, np.inf, 0.0]])
        np.save(self.dir / "none.npy", np.full((3, 4), NAN))
        self.run_ok("fit x.npy -k 2 --missing em --noise --standardize --max-iter 2 -o ns.h5")
        self.check_cases([
            Case("infinite", "impute in/inf.npy in/m.h5 -o out.h5", 65, ("row 0", "infinite")),
            Case("nothing at all", "impute in/none.npy in/m.h5 -o out.h5", 65, ("no row has any value",)),
            Case("other columns", "impute in/x.npy in/m3.h5 -o out.h5", 65, ("4 columns", "3")),
            Case("noise of standardised columns", "impute in/x.npy in/ns.h5 -o out.h5", 65, ("noise", "ns.h5")),
            Case("no draws", "impute in/x.npy in/m.h5 -o out.h5 --draws 0", 64, ("--draws",)),
            Case("no output", "impute in/x.npy in/m.h5", 64, ("-o file is missing",)),
            Case("no model", "impute in/x.npy in/x.npy -o out.h5", 65, ("x.npy",)),
        ], self.dir)
