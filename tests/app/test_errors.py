# --errors and denoise: errors from columns and files, the same bits everywhere, what is refused, and extremes.
import json

import h5py
import numpy as np

from harness import DATA, Case, ProgramTest, gmmpi, in_parallel
from interrupt import checkpoints, interrupt

NAN = np.nan
NOISY, SD = DATA / "overlap3d_noisy.csv", DATA / "overlap3d_noisy_sd.csv"


def table(path, columns):
    return np.genfromtxt(path, delimiter=",", skip_header=1, usecols=range(columns))


class Errors(ProgramTest):
    def setUp(self):
        super().setUp()
        self.X, self.sd = table(NOISY, 3), table(SD, 3)
        self.covariances = np.einsum("ni,ij->nij", self.sd**2, np.eye(3))
        for name, values in (("x", self.X), ("sd", self.sd), ("cov", self.covariances), ("flat", self.covariances.reshape(-1, 9))):
            np.save(self.dir / f"{name}.npy", values)

    def fit(self, more, output="m.h5", ranks=1, **how):
        """The digest of a fit, all numbers of which are finite."""
        run = self.run_ok(f"fit {more} --force --json -o {output}", ranks, **how)
        with h5py.File(self.dir / output) as f:
            for name, values in f["model"].items():
                self.assertTrue(np.isfinite(values[()]).all(), (name, more))
            self.history = f["history/log_likelihood"][()]
        self.assertTrue(np.isfinite(self.history).all())
        return json.loads(run.out)["digest"]

    def test_every_way_to_give_errors(self):
        with h5py.File(self.dir / "x.h5", "w") as f:
            f["X"], f["errors"], f["narrow"], f["covariances"] = self.X, self.sd, self.sd.astype("f4"), self.covariances
        both = np.c_[self.X[:, 0], self.sd, self.X[:, 1:]]
        np.savetxt(self.dir / "both.csv", both, delimiter=",", fmt="%.17g", header="x,ex,ey,ez,y,z", comments="")
        np.save(self.dir / "both.npy", both)
        same = "-k 2 --max-iter 6 --tol 0"
        ways = ["x.npy --errors sd.npy", "x.h5 --errors x.h5", f"{NOISY} --columns x,y,z --errors {SD}",
                "both.csv --errors ex,ey,ez", "both.csv --errors 1,ey,3", "both.npy --errors 1,2,3"]
        digests = in_parallel(lambda n, way: self.fit(f"{way} {same}", f"m{n}.h5"), list(enumerate(ways)))
        self.assertEqual(len(set(digests)), 1, digests)
        # Covariances that are diagonal are the same mathematics by other operations.
        of_matrices = {self.fit(f"{way} {same}") for way in ("x.npy --errors cov.npy", "x.npy --errors flat.npy", "x.h5 --errors x.h5:/covariances")}
        self.assertEqual(len(of_matrices), 1)
        matrices = self.history
        self.fit(f"x.npy --errors sd.npy {same}")
        np.testing.assert_allclose(matrices, self.history, rtol=1e-13)
        self.fit(f"x.h5 --errors x.h5:/narrow {same}")
        np.testing.assert_allclose(matrices, self.history, rtol=1e-6)

    def test_errors_follow_the_columns(self):
        """A file of errors is of all columns of the data, in their order, or of the chosen ones; a list is in the order of the fit."""
        covariances = np.einsum("ni,nj->nij", self.sd, self.sd) * np.where(np.eye(3), 1, 0.5)
        for name, order in (("xyz", [0, 1, 2]), ("zyx", [2, 1, 0])):
            both = np.c_[self.X[:, order], self.sd[:, order]]
            np.savetxt(self.dir / f"{name}.csv", self.X[:, order], delimiter=",", fmt="%.17g", header=",".join(name), comments="")
            np.savetxt(self.dir / f"{name}_both.csv", both, delimiter=",", fmt="%.17g", header=",".join([*name, *("e" + c for c in name)]), comments="")
            np.save(self.dir / f"{name}_sd.npy", self.sd[:, order])
            np.save(self.dir / f"{name}_cov.npy", covariances[:, order][:, :, order])
        np.save(self.dir / "zx_sd.npy", self.sd[:, [2, 0]])
        np.save(self.dir / "zx_cov.npy", covariances[:, [2, 0]][:, :, [2, 0]])
        same = "-k 2 --max-iter 4 --tol 0"
        for kind in ("sd", "cov"):
            digests = {self.fit(f"{name}.csv --columns z,x --errors {errors}_{kind}.npy {same}")
                       for name, errors in (("xyz", "xyz"), ("zyx", "zyx"), ("xyz", "zx"))}
            self.assertEqual(len(digests), 1, kind)
        self.assertIn(self.fit(f"zyx_both.csv --columns z,x --errors ez,ex {same}"), {self.fit(f"zyx.csv --columns z,x --errors zx_sd.npy {same}")})
        self.fit(f"xyz.csv --errors xyz_sd.npy {same}")
        scores = {self.run_ok(f"score {data} m.h5 --errors {errors} --json").out
                  for data, errors in (("xyz.csv", "xyz_sd.npy"), ("zyx.csv", "zyx_sd.npy"), ("zyx_both.csv", "ex,ey,ez"))}
        self.assertEqual(len(scores), 1)
        self.assertAlmostEqual(json.loads(scores.pop())["log_likelihood"] / self.history[-1], 1.0, places=13)

    def test_the_same_bits_everywhere(self):
        rng = np.random.default_rng(5)
        big = np.tile(self.X, (40, 1)) + rng.normal(size=(len(self.X) * 40, 3)) * 0.1
        with h5py.File(self.dir / "b.h5", "w") as f:
            f["errors"], f["covariances"] = np.tile(self.sd, (40, 1)), np.tile(self.covariances, (40, 1, 1))
            f["X"] = big
            big[rng.random(big.shape) < 0.1] = NAN
            f["gaps"] = big
        layouts = [(1, 1, ""), (2, 2, ""), (3, 1, "--memory-limit 60M"), (1, 2, "--memory-limit 40M"), (1, 2, "--simd scalar")]
        for kind in ("b.h5 --errors b.h5", "b.h5:/gaps --missing em --errors b.h5:/covariances --covariance-type VEV --noise",
                     "b.h5 --errors b.h5 --engine stepwise --batches 4"):
            digests = in_parallel(lambda n, ranks, threads, options: self.fit(f"{kind} -k 3 --max-iter 3 --tol 0 {options}", f"m{n}.h5",
                                                                              ranks, threads=threads),
                                  [(n, *layout) for n, layout in enumerate(layouts)])
            self.assertEqual(len(set(digests)), 1, kind)
        uses = [self.run_ok(f"denoise b.h5:/gaps m0.h5 --errors b.h5:/covariances -o d{n}.h5 {options}", ranks, threads=threads) and
                (self.dir / f"d{n}.h5") for n, (ranks, threads, options) in enumerate(layouts)]
        tables = []
        for path in uses:
            with h5py.File(path) as f:
                tables.append([f[name][()].tobytes() for name in ("mean", "covariance")])
        self.assertTrue(all(one == tables[0] for one in tables))

    def test_a_stopped_fit_goes_on_with_the_same_errors_only(self):
        np.save(self.dir / "b.npy", np.tile(self.X, (100, 1)))
        np.save(self.dir / "e.npy", np.tile(self.sd, (100, 1)))
        np.save(self.dir / "other.npy", np.tile(self.sd, (100, 1)) * 1.01)
        more = "-k 4 --tol 0 --max-iter 40 --checkpoint-every 2it"
        whole = self.fit(f"b.npy --errors e.npy {more}", "whole.h5")
        interrupt(self, f"fit b.npy --errors e.npy {more} -o half.h5", ready=checkpoints("half.ckpt.*.h5"))
        self.check_failure(gmmpi(f"fit b.npy --errors other.npy {more} -o half.h5 --resume must", self.dir), 76, ("half.ckpt", "another fit"))
        run = self.run_ok(f"fit b.npy --errors e.npy {more} --json -o half.h5", 2)
        self.assertEqual(json.loads(run.out)["digest"], whole)

    def test_what_fits_are_made_of(self):
        """Every structure, start and engine that knows errors ends in numbers; likelihoods rise."""
        with h5py.File(self.dir / "start.h5", "w") as f:
            f["model/weights"], f["model/means"] = [0.5, 0.5], self.X[[0, 20]]
            f["model/covariances"] = [np.eye(3) * 4] * 2
            f["model"].attrs["covariance_type"] = "full"
        np.save(self.dir / "labels.npy", np.where(np.arange(300) % 3 == 0, np.arange(300) % 2, -1))
        np.save(self.dir / "weights.npy", np.arange(300) % 4 * 0.5)
        few = "x.npy --errors sd.npy -k 2 --max-iter 8 --tol 0"
        rising = [*(f"--covariance-type {name}" for name in "tied diag spherical VEI EVI VEE EVE VVE EEV VEV EVV".split()), "--noise",
                  "--labels labels.npy", "--sample-weight weights.npy", "--init random", "--n-init 2", "--init start.h5 --fix means"]
        for number, options in enumerate([*rising, "--prior auto", "--engine hard", "--engine stepwise", "--accelerate lbfgs"]):
            with self.subTest(options):
                self.fit(f"{few} {options}")
                if number < len(rising):
                    self.assertTrue((np.diff(self.history) >= -1e-10 * np.abs(self.history[1:])).all())
        told = json.loads(self.run_ok("select x.npy --errors sd.npy -k 1:3 --covariance-type full,diag -o s.h5 --json").out)
        self.assertTrue(np.isfinite(told["bic"]))
        told = json.loads(self.run_ok("select x.npy --errors sd.npy -k 1:2 --criterion cv -o s.h5 --force --json").out)
        self.assertTrue(np.isfinite(told["bic"]))

    def test_uses_of_a_model(self):
        self.fit("x.npy --errors sd.npy -k 2 --tol 1e-12 --max-iter 2000")
        with h5py.File(self.dir / "m.h5") as f:
            w, mu, S = (f[f"model/{name}"][()] for name in ("weights", "means", "covariances"))
        score = json.loads(self.run_ok("score x.npy m.h5 --errors sd.npy --json").out)
        self.assertAlmostEqual(score["log_likelihood"] / self.history[-1], 1.0, places=12)
        self.run_ok("predict x.npy m.h5 --errors sd.npy --responsibilities --log-density --mahalanobis --outliers 0.1 --outlier-rule chi2 -o p.h5")
        self.run_ok("denoise x.npy m.h5 --errors sd.npy -o d.h5")
        self.run_ok("denoise x.npy m.h5 --errors sd.npy --standard-deviation -o d.csv", 2)
        T = S[None] + self.covariances[:, None]
        away = self.X[:, None] - mu[None]
        q = np.einsum("nki,nkij,nkj->nk", away, np.linalg.inv(T), away)
        joint = np.log(w) - 0.5 * (q + np.linalg.slogdet(T)[1] + 3 * np.log(2 * np.pi))
        log_density = np.logaddexp.reduce(joint, axis=1)
        r = np.exp(joint - log_density[:, None])
        with h5py.File(self.dir / "p.h5") as f:
            np.testing.assert_allclose(f["log_density"], log_density, rtol=1e-11)
            np.testing.assert_allclose(f["responsibilities"], r, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(f["mahalanobis"], np.sqrt(q), rtol=1e-10)
            np.testing.assert_array_equal(f["labels"], joint.argmax(axis=1))
            np.testing.assert_array_equal(f["outliers"], (q > 6.251388631170325).all(axis=1))
        gain = np.einsum("kij,nkjl->nkil", S, np.linalg.inv(T))
        b = mu + np.einsum("nkij,nkj->nki", gain, away)
        B = S - np.einsum("nkij,kjl->nkil", gain, S)
        mean = np.einsum("nk,nki->ni", r, b)
        apart = b - mean[:, None]
        covariance = np.einsum("nk,nkij->nij", r, B + np.einsum("nki,nkj->nkij", apart, apart))
        with h5py.File(self.dir / "d.h5") as f:
            np.testing.assert_allclose(f["mean"], mean, rtol=1e-9, atol=1e-10)
            np.testing.assert_allclose(f["covariance"], covariance, rtol=1e-8, atol=1e-10)
        written = np.genfromtxt(self.dir / "d.csv", delimiter=",", names=True)
        self.assertEqual(written.dtype.names, ("x0", "x1", "x2", "x0_sd", "x1_sd", "x2_sd"))
        np.testing.assert_allclose(written["x2_sd"], np.sqrt(covariance[:, 2, 2]), rtol=1e-8)

    def test_true_values_beside_noise(self):
        """A row of the noise is where it was measured, with its error; in a gap it is anywhere in the box."""
        X = self.X.copy()
        X[::7, 1] = NAN
        X[5] = NAN
        np.save(self.dir / "gaps.npy", X)
        self.fit("gaps.npy --errors sd.npy --missing em -k 2 --noise --noise-weight 0.3 --max-iter 3 --tol 0")
        self.run_ok("denoise gaps.npy m.h5 --errors sd.npy -o d.h5")
        with h5py.File(self.dir / "m.h5") as f:
            w, mu, S = (f[f"model/{name}"][()] for name in ("weights", "means", "covariances"))
            low, high = f["model/noise_minimum"][()], f["model/noise_maximum"][()]
        with h5py.File(self.dir / "d.h5") as f:
            found, spread = f["mean"][()], f["covariance"][()]
        for n in (0, 1, 5, 14, 100):
            o = ~np.isnan(X[n])
            E, y = np.diag(self.sd[n, o] ** 2), X[n, o]
            parts = []  # ln share, mean, covariance
            for k in range(2):
                T = S[k][np.ix_(o, o)] + E
                G = S[k][:, o] @ np.linalg.inv(T)
                log = -0.5 * ((y - mu[k, o]) @ np.linalg.inv(T) @ (y - mu[k, o]) + np.linalg.slogdet(2 * np.pi * T)[1])
                parts.append((np.log(w[k]) + log, mu[k] + G @ (y - mu[k, o]), S[k] - G @ S[k][o]))
            mean, covariance = (low + high) / 2, np.diag((high - low) ** 2 / 12)
            mean[o], covariance[np.ix_(o, o)] = y, E
            parts.append((np.log(1 - w.sum()) - np.log((high - low)[o]).sum(), mean, covariance))
            r = np.exp([p[0] for p in parts] - np.logaddexp.reduce([p[0] for p in parts]))
            self.assertGreater(r[2], 1e-6)
            m = sum(share * p[1] for share, p in zip(r, parts))
            C = sum(share * (p[2] + np.outer(p[1] - m, p[1] - m)) for share, p in zip(r, parts))
            np.testing.assert_allclose(found[n], m, rtol=1e-9, atol=1e-10, err_msg=str(n))
            np.testing.assert_allclose(spread[n], C, rtol=1e-8, atol=1e-10, err_msg=str(n))

    def test_errors_of_zero_are_none(self):
        np.save(self.dir / "zero.npy", np.zeros_like(self.sd))
        for kind in ("", "--engine kmeans", "--family student", "--standardize"):
            digests = {self.fit(f"x.npy -k 2 --max-iter 5 {kind} {errors}") for errors in ("", "--errors zero.npy")} if kind != "--standardize" else {0}
            self.assertEqual(len(digests), 1, kind)
        self.fit("x.npy -k 2 --max-iter 5")
        self.run_ok("denoise x.npy m.h5 --errors zero.npy -o d.h5")
        with h5py.File(self.dir / "d.h5") as f:
            np.testing.assert_allclose(f["mean"], self.X, rtol=1e-12)
            np.testing.assert_allclose(f["covariance"], np.zeros((300, 3, 3)), atol=1e-12)

    def test_extremes(self):
        rng = np.random.default_rng(1)
        wide = rng.normal(size=(12, 20))  # fewer rows than columns
        cases = {"huge": (self.X, np.full_like(self.sd, 1e12)), "mixed": (self.X, np.where(rng.random(self.X.shape) < 0.3, 1e12, 0.0)),
                 "tiny": (self.X, np.full_like(self.sd, 1e-12)), "wide": (wide, np.abs(rng.normal(size=wide.shape))),
                 "lost": (np.where(rng.random(self.X.shape) < 0.7, NAN, self.X), self.sd)}
        line = np.einsum("ni,nj->nij", self.sd, self.sd)  # of rank one
        cases["line"], cases["long line"] = (self.X, line), (self.X, line * 1e12)
        for name, (X, errors) in cases.items():
            np.save(self.dir / "a.npy", X)
            np.save(self.dir / "e.npy", errors)
            for kind in ("full", "diag", "VEV"):
                with self.subTest(name, kind=kind):
                    self.fit(f"a.npy --errors e.npy -k 2 --missing em --max-iter 20 --covariance-type {kind}")
            self.run_ok("denoise a.npy m.h5 --errors e.npy -o d.h5 --force")
            with h5py.File(self.dir / "d.h5") as f:
                self.assertTrue(np.isfinite(f["mean"][()]).all() and np.isfinite(f["covariance"][()]).all(), name)
                self.assertGreaterEqual(np.einsum("nii->ni", f["covariance"][()]).min(), 0.0)

    def test_bad_input(self):
        def write(name, values):
            np.save(self.dir / f"{name}.npy", values)

        for name, value in (("negative", -0.1), ("nan", NAN), ("infinite", np.inf), ("large", 1e150)):
            changed = self.sd.copy()
            changed[7, 1] = value
            write(name, changed)
        for name, (i, j), value in (("skew", (0, 1), 0.2), ("indefinite", (2, 2), -1.0)):
            changed = self.covariances.copy()
            changed[9][i, j] = value
            write(name, changed)
        pair = self.covariances.copy()
        pair[5, 0, 1] = pair[5, 1, 0] = 2 * np.sqrt(pair[5, 0, 0] * pair[5, 1, 1])
        write("pair", pair)
        write("two", self.sd[:, :2])
        write("short", self.sd[:-1])
        write("four", np.c_[self.X, self.X[:, 0]])
        write("fours", np.ones((300, 4)))
        write("stack", self.covariances[:, :2, :2])
        self.fit("x.npy -k 2 --max-iter 2")
        self.fit("x.npy -k 2 --max-iter 2 --family student", "t.h5")
        self.fit("x.npy -k 2 --max-iter 2 --standardize", "z.h5")
        fit = "fit in/x.npy -k 2 -o out.h5"
        self.check_cases([
            Case("negative", f"{fit} --errors in/negative.npy", 65, ("row 7", "column 1", "negative", "standard deviations")),
            Case("not a number", f"{fit} --errors in/nan.npy", 65, ("row 7", "column 1", "not finite", "--missing em")),
            Case("infinite", f"{fit} --errors in/infinite.npy", 65, ("row 7", "column 1", "not finite")),
            Case("too large", f"{fit} --errors in/large.npy", 65, ("row 7", "column 1", "squared")),
            Case("not symmetric", f"{fit} --errors in/skew.npy", 65, ("row 9", "mirror")),
            Case("negative variance", f"{fit} --errors in/indefinite.npy", 65, ("row 9", "column 2", "negative")),
            Case("not semidefinite", f"{fit} --errors in/pair.npy", 65, ("row 5", "positive semidefinite")),
            Case("other columns", f"{fit} --errors in/two.npy", 65, ("2 numbers", "3 columns", "3 x 3")),
            Case("of four columns, or two by two", "fit in/four.npy --columns 0,1 -k 2 --errors in/fours.npy -o out.h5", 65,
                 ("4 numbers", "of 4 columns", "(N, 2, 2)")),
            Case("other rows", f"{fit} --errors in/short.npy", 65, ("299 rows", "300 rows")),
            Case("other matrices", f"{fit} --errors in/stack.npy", 65, ("2 x 2", "3 columns")),
            Case("no such file", f"{fit} --errors in/none.npy", 66, ("none.npy",)),
            Case("no such column", f"{fit} --errors 0,y", 66, ("--errors", "y", "columns 0 to 2")),
            Case("columns and a file", f"{fit} --errors 0,in/sd.npy", 64, ("--errors", "sd.npy", "no column")),
            Case("Student's t", f"{fit} --errors in/sd.npy --family student", 64, ("--errors", "Student t", "gaussian")),
            Case("k-means", f"{fit} --errors in/sd.npy --engine kmeans", 64, ("--errors", "kmeans", "em")),
            Case("the bound", f"{fit} --errors in/sd.npy --trace elbo", 64, ("elbo", "errors")),
            Case("standardised", f"{fit} --errors in/sd.npy --standardize", 64, ("--standardize", "--errors")),
            Case("principal components", f"{fit} --errors in/sd.npy --pca 2", 64, ("--pca", "--errors")),
            Case("score by t", "score in/x.npy in/t.h5 --errors in/sd.npy", 64, ("--errors", "Gaussian")),
            Case("score by scales", "score in/x.npy in/z.h5 --errors in/sd.npy", 64, ("--errors",)),
            Case("outliers by density", "predict in/x.npy in/m.h5 --errors in/sd.npy --outliers 0.01 --outlier-rule data -o out.h5", 64, ("chi2",)),
            Case("denoise without errors", "denoise in/x.npy in/m.h5 -o out.h5", 64, ("--errors",)),
        ], self.dir)
