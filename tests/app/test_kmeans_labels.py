# A model of --engine kmeans or sequential goes on assigning rows to the nearest centre, whatever uses it.
# covers: src/inference/nearest_means.cpp
import json
import sys

import h5py
import numpy as np

from harness import OLD_FAITHFUL, ROOT, Case, ProgramTest

sys.path.insert(0, str(ROOT / "scripts/python"))
import gmmpi
from gmmpi.plot import inputs


def nearest(X, centers):
    return ((X[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)


class KMeansLabels(ProgramTest):
    def setUp(self):
        super().setUp()
        r = np.random.default_rng(2)  # a wide group and a narrow one beside it: a posterior draws another border
        self.X = np.vstack([r.normal(size=(900, 2)) * 2, r.normal(size=(60, 2)) * 0.4 + [6, 0]])
        np.save(self.dir / "x.npy", self.X)

    def fit(self, output, more=""):
        return json.loads(self.run_ok(f"fit x.npy -k 2 --engine kmeans --json -o {output} {more}").out)

    def predict(self, model, more="", data="x.npy", ranks=1):
        self.run_ok(f"predict {data} {model} -o p.h5 --force {more}", ranks)
        with h5py.File(self.dir / "p.h5") as f:
            return {name: f[name][()] for name in f}

    def model(self, name, *datasets):
        with h5py.File(self.dir / name) as f:
            return [f[dataset][()] for dataset in datasets]

    def test_predict_gives_the_clusters_of_the_fit(self):
        result = self.fit("m.h5")
        means, weights = self.model("m.h5", "model/means", "model/weights")
        for ranks in (1, 3):
            p = self.predict("m.h5", "--responsibilities --log-density", ranks=ranks)
            np.testing.assert_array_equal(p["labels"], nearest(self.X, means))
            np.testing.assert_array_equal(p["responsibilities"], np.eye(2)[p["labels"]])
        self.assertEqual(sorted(np.bincount(p["labels"])), [353, 607])
        np.testing.assert_allclose(np.bincount(p["labels"]) / len(self.X), weights, rtol=1e-14)
        score = json.loads(self.run_ok("score x.npy m.h5 --json").out)
        self.assertAlmostEqual(score["inertia"] / result["inertia"], 1, places=13)
        self.assertAlmostEqual(p["log_density"].sum() / score["log_likelihood"], 1, places=12)  # of the mixture
        self.assertIn("inertia ", self.run_ok("score x.npy m.h5").out)
        with h5py.File(self.dir / "m.h5", "a") as f:  # without the attribute it is a mixture like any other
            self.assertEqual(f["model"].attrs["assignment"], "nearest")
            del f["model"].attrs["assignment"]
        self.assertEqual(sorted(np.bincount(self.predict("m.h5")["labels"])), [322, 638])
        self.assertNotIn("inertia", json.loads(self.run_ok("score x.npy m.h5 --json").out))

    def test_distances_are_those_of_the_columns_in_which_the_fit_ran(self):
        self.X[:, 1] *= 40
        np.save(self.dir / "x.npy", self.X)
        for n, more in enumerate(("--standardize", "--pca 2", "--pca 2 --whiten", "--pca 1")):
            name = f"m{n}.h5"
            self.fit(name, more)
            means, weights, center, scale = self.model(name, "model/means", "model/weights", "transform/center", "transform/scale")
            Y = self.X - center
            if "pca" in more:
                Y = Y @ self.model(name, "transform/components")[0].T
            expected = nearest(Y / scale, means)
            labels = self.predict(name)["labels"]
            np.testing.assert_array_equal(labels, expected)
            np.testing.assert_allclose(np.bincount(labels, minlength=2) / len(self.X), weights, rtol=1e-14)
            agreement = json.loads(self.run_ok(f"compare {name} {name} --data x.npy --json").out)
            self.assertEqual(agreement["adjusted_rand_index"], 1)
            if more != "--pca 1":
                np.testing.assert_array_equal(gmmpi.load(self.dir / name).predict(self.X), expected)
        # compare brings both to the units of the data; standardised and raw clusters differ as numpy says
        self.fit("raw.h5")
        means, center, scale = self.model("m0.h5", "model/means", "transform/center", "transform/scale")
        a, b = nearest((self.X - center) / scale, means), nearest(self.X, self.model("raw.h5", "model/means")[0])
        table = np.array([[np.sum((a == i) & (b == j)) for j in (0, 1)] for i in (0, 1)])
        from sklearn.metrics import adjusted_rand_score

        self.assertLess(adjusted_rand_score(a, b), 0.9, table)
        found = json.loads(self.run_ok("compare m0.h5 raw.h5 --data x.npy --json", 3).out)
        self.assertAlmostEqual(found["adjusted_rand_index"], adjusted_rand_score(a, b), places=12)

    def test_columns_in_another_order(self):
        self.X[:, 1] *= 40
        np.savetxt(self.dir / "ab.csv", self.X, delimiter=",", header="a,b", comments="", fmt="%.17g")
        np.savetxt(self.dir / "ba.csv", self.X[:, ::-1], delimiter=",", header="b,a", comments="", fmt="%.17g")
        for more in ("", "--standardize", "--pca 2"):
            for name in ("ab", "ba"):
                self.run_ok(f"fit {name}.csv -k 2 --engine kmeans {more} --force -o {name}.h5")
            found = json.loads(self.run_ok("compare ab.h5 ba.h5 --data ab.csv --json").out)
            self.assertEqual(found["adjusted_rand_index"], 1, more)
            labels = [self.predict(model, data=data)["labels"] for model, data in (("ab.h5", "ba.csv"), ("ab.h5", "ab.csv"))]
            np.testing.assert_array_equal(*labels)
            one, other = inputs.open_models([self.dir / "ab.h5", self.dir / "ba.h5"])
            a, b = one.mixture.labels(self.X), other.mixture.labels(self.X)
            np.testing.assert_array_equal(a, labels[1])
            self.assertTrue((a == b).all() or (a == 1 - b).all(), more)

    def test_python_assigns_alike(self):
        self.fit("m.h5")
        labels = nearest(self.X, self.model("m.h5", "model/means")[0])
        for model in (gmmpi.load(self.dir / "m.h5"), gmmpi.fit(self.X, 2, engine="kmeans")):
            np.testing.assert_array_equal(model.predict(self.X), labels)
            np.testing.assert_array_equal(model.predict_proba(self.X), np.eye(2)[labels])
        gmmpi.save(model, self.dir / "saved.h5")
        np.testing.assert_array_equal(self.predict("saved.h5")["labels"], labels)
        self.assertIsNone(model.fit(self.X).nearest_)  # EM, as ever
        self.fit("s.h5", "--standardize")
        with self.assertRaisesRegex(gmmpi.GmmpiError, "transformed"):
            gmmpi.save(gmmpi.load(self.dir / "s.h5"), self.dir / "no.h5")
        gmmpi.fit(self.X, 2, init_params=gmmpi.load(self.dir / "s.h5"))  # a start is its parameters alone

    def test_weights_single_precision_sequential_and_binary_rows(self):
        weights = np.arange(len(self.X)) % 3.0
        np.save(self.dir / "w.npy", weights)
        np.save(self.dir / "x4.npy", self.X.astype("f4"))
        np.save(self.dir / "b.npy", (self.X > [0.5, 0]).astype(float))
        for n, (data, more) in enumerate((("x.npy", "--sample-weight w.npy"), ("x4.npy", ""), ("x4.npy", "--engine sequential"),
                                          ("b.npy", "--family bernoulli"))):
            engine = "" if "--engine" in more else "--engine kmeans"
            self.run_ok(f"fit {data} -k 2 {engine} {more} -o m{n}.h5")
            means, shares = self.model(f"m{n}.h5", "model/means", "model/weights")
            X, w = np.load(self.dir / data).astype(float), weights if "weight" in more else np.ones(len(self.X))
            labels = self.predict(f"m{n}.h5", data=data)["labels"]
            np.testing.assert_array_equal(labels, nearest(X, means))
            np.testing.assert_allclose(np.bincount(labels, w, 2) / w.sum(), shares, rtol=1e-14)

    def test_a_start_marginals_and_conditionals_are_their_parameters_alone(self):
        self.fit("m.h5")
        first = json.loads(self.run_ok("fit x.npy -k 2 --init m.h5 --json -o em.h5").out)["digest"]
        self.run_ok("marginal m.h5 --keep 0,1 -o marginal.h5")
        self.run_ok("condition m.h5 --given 0=1 -o conditional.h5")
        for name in ("em.h5", "marginal.h5", "conditional.h5"):
            with h5py.File(self.dir / name) as f:
                self.assertNotIn("assignment", f["model"].attrs)
        with h5py.File(self.dir / "m.h5", "a") as f:
            del f["model"].attrs["assignment"]
        again = json.loads(self.run_ok("fit x.npy -k 2 --init m.h5 --json --force -o em.h5").out)
        self.assertEqual(again["digest"], first)

    def test_info_says_what_the_engine_did(self):
        self.fit("m.h5")
        said = self.run_ok("info m.h5").out
        self.assertIn("iterations of engine kmeans", said)
        self.assertIn("each row is of the nearest mean", said)
        self.run_ok("fit x.npy -k 2 --engine sequential -o s.h5")
        said = self.run_ok("info s.h5").out
        self.assertIn(": 1 pass of engine sequential", said)
        self.assertNotIn("not converged", said)
        self.run_ok("fit x.npy -k 2 --max-iter 0 -o e.h5")
        self.assertIn("not converged after 0 iterations, seed 0", self.run_ok("info e.h5").out)
        run = self.run_ok("select x.npy -k 1:2 --covariance-type full --engine sequential -o best.h5")
        self.assertNotIn("not converged", run.out + run.err + self.run_ok("info best.h5").out)

    def test_files_that_say_something_else_are_refused(self):
        self.fit("m.h5")
        with h5py.File(self.dir / "m.h5", "a") as f:
            f["model"].attrs["assignment"] = "farthest"
        self.run_ok(f"fit {OLD_FAITHFUL} -k 2 --noise -o noise.h5")
        with h5py.File(self.dir / "noise.h5", "a") as f:
            f["model"].attrs["assignment"] = "nearest"
        self.check_cases([Case("unknown", "predict in/x.npy in/m.h5 -o p.h5", 65, ("farthest", "nearest")),
                          Case("noise", f"predict {OLD_FAITHFUL} in/noise.h5 -o p.h5", 65, ("noise", "assignment"))], self.dir)
