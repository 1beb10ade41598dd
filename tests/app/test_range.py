# Numbers at the ends of the range: weights of zero, rows far from everything, tiny units, columns of very wide range.
import json
import warnings

import h5py
import numpy as np
from scipy.special import logsumexp

from harness import Case, ProgramTest, in_parallel

TYPES = ("full", "tied", "diag", "spherical")


def write_model(path, covariance_type, weights, means, covariances, **more):
    with h5py.File(path, "w") as f:
        f.create_group("model").attrs["covariance_type"] = covariance_type
        for name, value in {"weights": weights, "means": means, "covariances": covariances, **more}.items():
            f["model/" + name] = np.asarray(value, dtype=float)


def dataset(path, name):
    with h5py.File(path) as f:
        return f[name][()]


def log_normal(x, mean, covariance):
    """ln N(x | mean, covariance) of rows, in extended precision."""
    x, mean, covariance = (np.asarray(a, dtype=np.longdouble) for a in (x, mean, covariance))
    d, y, log_det, c = len(mean), (x - mean).T, np.longdouble(0), covariance.copy()
    square = np.zeros(len(x), dtype=np.longdouble)
    for j in range(d):  # Gaussian elimination: c = L D L^T
        square += y[j] ** 2 / c[j, j]
        log_det += np.log(c[j, j])
        for i in range(d - 1, j, -1):
            f = c[i, j] / c[j, j]
            y[i] -= f * y[j]
            c[i] -= f * c[j]
    return -(square + log_det + d * np.log(2 * np.pi * np.longdouble(1))) / 2


def of_type(covariance_type, full, weights):
    """(K, d, d) matrices in the shape of a type: as they are, the first, their diagonals, or the first entry of each."""
    return {"full": full, "tied": full[0], "diag": np.einsum("kjj->kj", full), "spherical": full[:, 0, 0]}[covariance_type]


def spread(covariance_type, full):
    """What of_type leaves, as (K, d, d)."""
    eye = np.eye(full.shape[1])
    return {"full": full, "tied": np.stack([full[0]] * len(full)), "diag": full * eye,
            "spherical": full[:, :1, :1] * eye}[covariance_type]


class WeightZero(ProgramTest):
    """A component of weight 0 is not there: densities are those of the others, which extended precision gives."""

    def mixture(self, K, d, covariance_type):
        r = np.random.default_rng(17)
        a = r.normal(size=(K, d, d))
        full = np.einsum("kij,klj->kil", a, a) + np.eye(d)
        weights = np.where(np.arange(K) % 3 == 1, r.uniform(1, 2, K), 0.0)
        weights[1] = 1e-310  # a denormal number is a weight
        weights /= weights.sum()
        means = r.normal(size=(K, d)) * 20
        x = np.vstack([means, means + 1, 40 * r.normal(size=(70, d))])  # most components' own places are of weight 0
        write_model(self.dir / "m.h5", covariance_type, weights, means, of_type(covariance_type, full, weights))
        np.save(self.dir / "x.npy", x)
        here = np.flatnonzero(weights)
        joint = np.full((len(x), K), -np.inf)
        for k in here:
            joint[:, k] = np.log(np.longdouble(weights[k])) + log_normal(x, means[k], spread(covariance_type, full)[k])
        return weights, means, spread(covariance_type, full), x, joint

    def test_densities_and_labels(self):
        for covariance_type, K, d in (("full", 9, 9), ("tied", 4, 2), ("diag", 8, 9), ("spherical", 5, 1)):
            with self.subTest(covariance_type):
                weights, means, full, x, joint = self.mixture(K, d, covariance_type)
                expected = logsumexp(joint.astype(float), axis=1)
                outputs = []
                for simd in ("auto", "scalar"):
                    self.run_ok(f"predict x.npy m.h5 --responsibilities --log-density --simd {simd} -o p.h5 --force")
                    outputs.append([dataset(self.dir / "p.h5", n) for n in ("labels", "log_density", "responsibilities")])
                for a, b in zip(*outputs):
                    self.assertEqual(a.tobytes(), b.tobytes())
                labels, density, shares = outputs[0]
                self.assertEqual(labels.tolist(), joint.argmax(axis=1).tolist())
                np.testing.assert_allclose(density, expected, rtol=1e-12)
                self.assertTrue((shares[:, weights == 0] == 0).all())
                score = json.loads(self.run_ok("score x.npy m.h5 --json").out)
                np.testing.assert_allclose(score["log_likelihood"], expected.sum(), rtol=1e-12)
                self.check_python(x, expected, labels)

    def check_python(self, x, expected, labels):
        import gmmpi
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            mixture, estimator = gmmpi.read_model(self.dir / "m.h5").mixture, gmmpi.load(self.dir / "m.h5")
            np.testing.assert_allclose(mixture.log_density(x), expected, rtol=1e-11)
            np.testing.assert_allclose(estimator.score_samples(x), expected, rtol=1e-11)
            self.assertEqual(estimator.predict(x).tolist(), labels.tolist())
            self.assertFalse(np.isnan(estimator.predict_proba(x)).any())

    def test_commands_leave_it_out(self):
        # The same mixture with and without its component of weight 0, which lies where rows are asked for.
        for name, weights in (("with", [0.25, 0.0, 0.75]), ("without", [0.25, 0.75])):
            keep = [0, 1, 2] if len(weights) == 3 else [0, 2]
            write_model(self.dir / f"{name}.h5", "full", weights, np.array([[0.0, 0], [90, 90], [4, 1]])[keep],
                        np.array([[[1, 0.5], [0.5, 2]], [[1, 0], [0, 1.0]], [[2, -1], [-1, 3]]])[keep])
            self.run_ok(f"marginal {name}.h5 --keep 1 -o {name}-m.h5")
            self.run_ok(f"condition {name}.h5 --given 0=90 -o {name}-c.h5")
            self.run_ok(f"sample {name}.h5 -n 3000 -o {name}-s.h5")
            np.save(self.dir / "far.npy", np.array([[90.0, 90.0], [0, 90], [1, 1]]))
            np.save(self.dir / "far1.npy", np.array([[90.0], [1e100], [1]]))
            self.run_ok(f"regress far1.npy {name}.h5 --target 1 --covariance --log-density -o {name}-r.h5")
            for model in (name, name + "-m", name + "-c"):
                rows = "far.npy" if model == name else "far1.npy"
                self.run_ok(f"predict {rows} {model}.h5 --log-density -o {model}-p.h5")
        for output, names in (("-r", ("mean", "variance", "covariance", "log_density")), ("-s", ("X",)), ("-p", ("log_density",)),
                              ("-m-p", ("log_density",)), ("-c-p", ("log_density",))):
            for name in names:
                a, b = (dataset(self.dir / f"{w}{output}.h5", name) for w in ("with", "without"))
                self.assertEqual(a.tobytes(), b.tobytes(), output + name)
        self.assertEqual(sorted(set(dataset(self.dir / "with-s.h5", "labels").tolist())), [0, 2])
        divergence = json.loads(self.run_ok("compare with.h5 without.h5 -n 5000 --json").out)
        self.assertEqual([divergence["kl_ab"], divergence["kl_ba"]], [0.0, 0.0])

    def test_divergence_of_far_models_has_the_error_of_its_spread(self):
        # ln p - ln q of N(0, 1) and N(m, 1) is m^2/2 - m x: mean m^2/2, deviation m.
        for name, mean in (("a", 0.0), ("b", 1e12)):
            write_model(self.dir / f"{name}.h5", "spherical", [1.0], [[mean]], [1.0])
        kl = json.loads(self.run_ok("compare a.h5 b.h5 -n 10000 --json").out)
        np.testing.assert_allclose(kl["kl_ab"], 5e23, rtol=1e-11)
        np.testing.assert_allclose(kl["kl_ab_standard_error"], 1e10, rtol=0.05)

    def test_files_keep_it(self):
        import gmmpi
        write_model(self.dir / "m.h5", "diag", [0.25, 0.0, 0.75], np.zeros((3, 2)), np.ones((3, 2)))
        gmmpi.save(gmmpi.load(self.dir / "m.h5"), self.dir / "n.h5")
        np.save(self.dir / "x.npy", np.random.default_rng(0).normal(size=(300, 2)))
        self.run_ok("fit x.npy -k 3 --init n.h5 --covariance-type diag --fix weights --max-iter 0 -o o.h5")
        for name in "no":
            self.assertEqual(dataset(self.dir / f"{name}.h5", "model/weights").tolist(), [0.25, 0.0, 0.75])

    def test_condition_writes_weights_rounded_to_double(self):
        # ln of the smaller weight: -720, a denormal number; and -79200, which is 0. For unit variances, means 0 and 10 and x: 50 - 10 x.
        write_model(self.dir / "m.h5", "spherical", [0.5, 0.5], [[0.0, 0.0], [10, 800]], [1.0, 1.0])
        for x, small in ((77, np.exp(np.longdouble(-720))), (7925, 0.0)):
            self.run_ok(f"condition m.h5 --given 0={x} -o c.h5 --force")
            weights = dataset(self.dir / "c.h5", "model/weights")
            np.testing.assert_allclose(weights, [small, 1.0], rtol=1e-8, atol=0)
            np.save(self.dir / "x.npy", np.array([[0.0], [-1e3]]))  # the second component's mean is at 800
            self.run_ok("predict x.npy c.h5 --log-density -o p.h5 --force")
            log_small = -720 if x == 77 else -np.inf
            expected = logsumexp([[log_small, log_small - 5e5], [-0.5 * 800**2, -0.5 * 1800**2]], axis=0) - 0.5 * np.log(2 * np.pi)
            np.testing.assert_allclose(dataset(self.dir / "p.h5", "log_density"), expected, rtol=1e-9)

    def test_a_prior_ends_with_it_and_fixed_weights_keep_it(self):
        r = np.random.default_rng(0)
        np.save(self.dir / "x.npy", np.r_[r.normal(-50, 0.1, (200, 1)), r.normal(50, 0.1, (200, 1))])
        write_model(self.dir / "s.h5", "full", [0.4, 0.4, 0.2], [[-50.0], [50], [1e4]], np.ones((3, 1, 1)))
        self.run_ok("fit x.npy -k 3 --prior auto --init s.h5 -o m.h5")
        self.assertEqual(dataset(self.dir / "m.h5", "model/weights").tolist(), [0.5, 0.5, 0.0])
        np.save(self.dir / "y.npy", [[0.0], [200.0]])
        self.run_ok("predict y.npy m.h5 --log-density -o p.h5")
        self.assertEqual(dataset(self.dir / "p.h5", "labels").tolist(), [1, 1])
        np.testing.assert_allclose(dataset(self.dir / "p.h5", "log_density"), [-843.94341428, -7588.55268604], rtol=1e-9)
        for t in TYPES:
            full = np.ones((3, 1, 1)) * [[[0.04]], [[0.04]], [[7.0]]]
            write_model(self.dir / "z.h5", t, [0.5, 0.5, 0.0], [[-49.0], [49], [3.0]], of_type(t, full, None))
            self.run_ok(f"fit x.npy -k 3 --covariance-type {t} --fix weights --init z.h5 --reg-covar 0 -o f.h5 --force")
            means, covariances = (dataset(self.dir / "f.h5", "model/" + n) for n in ("means", "covariances"))
            self.assertEqual(means[2, 0], 3.0, t)
            if t != "tied":
                self.assertEqual(covariances[2].ravel()[0], 7.0, t)
            np.testing.assert_allclose(means[:2, 0], np.load(self.dir / "x.npy").reshape(2, 200).mean(axis=1), rtol=1e-12)

    def test_noise_of_weight_zero_and_impossible_labels(self):
        np.save(self.dir / "x.npy", [[0.0], [500.0]])
        for noise in (0.0, 0.5):
            write_model(self.dir / "m.h5", "spherical", [1 - noise], [[0.0]], [1.0], noise_minimum=[-1e3], noise_maximum=[1e3])
            with h5py.File(self.dir / "m.h5", "a") as f:
                f["model"].attrs.update(noise_weight=noise, noise_log_volume=np.log(2e3))
            self.run_ok("predict x.npy m.h5 --log-density -o p.h5 --force")
            self.assertEqual(dataset(self.dir / "p.h5", "labels").tolist(), [0, 0 if noise == 0 else -1])
            self.assertAlmostEqual(dataset(self.dir / "p.h5", "log_density")[1], -125000.918938533 if noise == 0 else np.log(0.5 / 2e3))
        np.save(self.dir / "labels.npy", [0.0, 1.0])
        write_model(self.dir / "z.h5", "spherical", [1.0, 0.0], [[0.0], [500]], [1.0, 1.0])
        self.check_cases([Case("a class of weight 0", "fit in/x.npy -k 2 --labels in/labels.npy --init in/z.h5 -o m.h5", 64,
                                   ("component 1 has weight 0", "1 row"))], inputs=self.dir)


class FarRows(ProgramTest):
    def test_rows_beyond_squared_distances_of_1e300_are_refused(self):
        write_model(self.dir / "m.h5", "full", [0.5, 0.5], [[0.0, 0], [10, 0]], [[[1e-30, 3e-31], [3e-31, 2e-30]], [[3e-30, -1e-30], [-1e-30, 1e-30]]])
        np.save(self.dir / "far.npy", np.vstack([np.zeros((5, 2)), [[1e139, 1.0]], np.zeros((5, 2))]))
        np.save(self.dir / "far1.npy", [[1e139]])
        np.save(self.dir / "beyond.npy", [[1e160, 1.0]])
        np.save(self.dir / "constant.npy", np.c_[np.arange(9.0), np.full(9, -1e160)])
        row = ("row 5", "1e300")
        cases = [Case(c, f"{c} in/far.npy in/m.h5{o}", 65, row) for c, o in (("predict", " -o p.h5"), ("score", ""))]
        cases += [Case("outliers", "predict in/far.npy in/m.h5 --outliers 0.1 -o p.h5", 65, row, ranks=(1,)),
                  Case("compare", "compare in/m.h5 in/m.h5 --data in/far.npy -n 100", 65, row, ranks=(1,)),
                  Case("regress", "regress in/far1.npy in/m.h5 --target 1 -o r.h5", 65, ("row 0", "1e300")),
                  Case("condition", "condition in/m.h5 --given 0=1e145 -o c.h5", 64, ("condition", "1e300")),
                  Case("fit", "fit in/far.npy -k 2 --init in/m.h5 -o f.h5", 79, ("row 5", "1e300")),
                  Case("predict beyond", "predict in/beyond.npy in/m.h5 -o p.h5", 65, ("beyond.npy", "column 0", "1e140")),
                  Case("fit a constant", "fit in/constant.npy -k 2 -o f.h5", 65, ("constant.npy", "column 1", "1e140")),
                  Case("fit a single row", "fit in/beyond.npy -k 1 -o f.h5", 65, ("beyond.npy", "column 0", "1e140"), ranks=(1,))]
        self.check_cases(cases, inputs=self.dir)

    def test_below_that_everything_is_right(self):
        # Of the second component the squared distance overflows; its root does not.
        write_model(self.dir / "m.h5", "diag", [0.5, 0.5], [[0.0, 0], [10, 0]], [[1e150, 1e150], [1e-250, 1e-250]])
        np.save(self.dir / "x.npy", [[3e138, 4e138], [10, 0]])
        self.run_ok("predict x.npy m.h5 --log-density --mahalanobis -o p.h5")
        self.assertEqual(dataset(self.dir / "p.h5", "labels").tolist(), [0, 1])
        np.testing.assert_allclose(dataset(self.dir / "p.h5", "mahalanobis"), [[5e63, 5e263], [1e-74, 0]], rtol=1e-14)
        np.testing.assert_allclose(dataset(self.dir / "p.h5", "log_density")[0], -1.25e127, rtol=1e-14)


class TinyUnits(ProgramTest):
    def test_units_of_1e_minus_130_are_right_and_those_below_refused(self):
        r = np.random.default_rng(5)
        x = np.vstack([r.normal(size=(60, 2)), r.normal(size=(40, 2)) + 6])
        units = (1.0, 2.0**-440, 1e-160, 1e-200, 1e-310)
        for n, unit in enumerate(units):
            np.save(self.dir / f"{n}.npy", x * unit)
        for n in (0, 1):
            self.run_ok(f"fit {n}.npy -k 2 --reg-covar 0 -o {n}.h5")
        for name, power in (("weights", 0), ("means", 1), ("covariances", 2)):
            a, b = (dataset(self.dir / f"{n}.h5", "model/" + name) for n in (0, 1))
            self.assertEqual((a * units[1]**power).tobytes(), b.tobytes(), name)
        words = ("column 0", "spans less than 1e-140")
        cases = [Case(f"{unit:g}", f"fit in/{n}.npy -k 2 -o m.h5", 65, (f"{n}.npy",) + words, ranks=(1, 3) if n == 3 else (1,))
                 for n, unit in enumerate(units) if n > 1]
        cases += [Case("standardize", "fit in/3.npy -k 2 --standardize -o m.h5", 65, words),
                  Case("pca", "pca in/3.npy -o t.h5", 65, words, ranks=(1,))]
        self.check_cases(cases, inputs=self.dir)


class WideColumns(ProgramTest):
    """Twenty rows near a huge number, as fill values are, cost the others no digit. Right: sums about the mean, in extended precision."""

    def write(self, name, far, d):
        r = np.random.default_rng(0)
        near = r.normal(3, 1, size=(200, d)) * 10.0 ** (-5.0 * np.arange(d))
        other = near[:20] * 1.0
        other[:, 0] = far * (1 + 1e-3 * r.normal(size=20))
        groups = near, other
        x = np.vstack(groups)
        np.save(self.dir / f"{name}.npy", x[r.permutation(len(x))])
        exact = []
        for g in groups:
            g = g.astype(np.longdouble)
            y = g - g.mean(axis=0)
            exact.append((g.mean(axis=0), y.T @ y))
        return exact

    def start(self, name, covariance_type, exact):
        means = np.array([m for m, _ in exact], dtype=float) * 1.01
        full = np.array([s / n for (_, s), n in zip(exact, (200, 20))], dtype=float)
        full[:] = full * np.eye(full.shape[1]) * 1.2
        if covariance_type == "tied":
            full[:] = full[0]
        write_model(self.dir / f"{name}0.h5", covariance_type, [0.9, 0.1], means, of_type(covariance_type, full, None))

    def check(self, name, covariance_type, exact):
        means, covariances, weights = (dataset(self.dir / f"{name}.h5", "model/" + n) for n in ("means", "covariances", "weights"))
        np.testing.assert_allclose(weights, [200 / 220, 20 / 220], rtol=1e-15)
        for k, ((mean, scatter), n) in enumerate(zip(exact, (200, 20))):
            deviations = np.sqrt(np.diag(scatter / n).astype(float))
            self.assertTrue((np.abs(means[k] - mean) <= 1e-14 * np.maximum(deviations, np.abs(mean))).all(), (name, k))
            if covariance_type == "full":
                error = np.abs(covariances[k] - scatter / n) / np.outer(deviations, deviations)
            elif covariance_type == "diag":
                error = np.abs(covariances[k] - np.diag(scatter / n)) / deviations**2
            elif covariance_type == "spherical":
                error = np.abs(covariances[k] / (np.trace(scatter) / n / len(mean)) - 1)
            else:
                pooled = (exact[0][1] + exact[1][1]) / 220
                s = np.sqrt(np.diag(pooled).astype(float))
                error = np.abs(covariances - pooled) / np.outer(s, s)
            self.assertLess(np.max(error), 2e-14, (name, covariance_type, k))

    def one(self, t, far, d):
        name = f"{t}{far:g}x{d}"
        exact = self.write(name, far, d)
        self.start(name, t, exact)
        run = self.run_ok(f"fit {name}.npy -k 2 --covariance-type {t} --init {name}0.h5 --reg-covar 0 --max-iter 20 -o {name}.h5")
        self.assertNotIn("collapsed", run.err)
        self.check(name, t, exact)

    def test_variances_keep_their_digits(self):
        cases = [("full", far, 1) for far in (1e15, 1e20, 1e30, 1e60, -1e130)]
        cases += [(t, far, d) for t in ("full", "diag", "spherical") for far, d in ((1e20, 3), (-1e36, 6))] + [("tied", 1e12, 3)]
        in_parallel(self.one, cases)

    def test_same_bits_however_the_rows_are_spread(self):
        exact = self.write("x", 1e30, 3)
        self.start("x", "full", exact)
        command = "fit x.npy -k 2 --init x0.h5 --reg-covar 0 --max-iter 20 -o {}.h5"
        self.run_ok(command.format("a"))
        self.run_ok(command.format("b") + " --simd scalar", ranks=3)
        digests = [dict(h5py.File(self.dir / f"{n}.h5")["model"].attrs)["digest"] for n in "ab"]
        self.assertEqual(digests[0], digests[1])

    def test_k_means_too(self):
        for far in (1e20, -1e30, 1e90):
            exact = self.write("x", far, 2)
            for ranks in (1, 2) if far == 1e20 else (1,):
                self.run_ok("fit x.npy -k 2 --engine kmeans --covariance-type full --reg-covar 0 -o k.h5 --force", ranks=ranks)
                order = np.argsort(np.abs(dataset(self.dir / "k.h5", "model/means")[:, 0]))
                means, covariances = (dataset(self.dir / "k.h5", "model/" + n)[order] for n in ("means", "covariances"))
                for (mean, scatter), n, m, c in zip(exact, (200, 20), means, covariances):
                    s = np.sqrt(np.diag(scatter / n).astype(float))
                    self.assertTrue((np.abs(m - mean) <= 1e-14 * np.maximum(s, np.abs(mean))).all(), far)
                    self.assertLess(np.max(np.abs(c - scatter / n) / np.outer(s, s)), 2e-14, far)


if __name__ == "__main__":
    import unittest
    unittest.main()
