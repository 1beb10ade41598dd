# fit --labels through the command line: formats, the same bits on ranks and after stops, streamed, what is refused.
import json

import h5py
import numpy as np

from harness import DATA, Case, ProgramTest, gmmpi
from interrupt import interrupt

IRIS = DATA / "iris.csv"
CLASSES = np.repeat([0, 1, 2], 50)
SOME = np.where(np.arange(150) % 4 == 0, CLASSES, -1)


class Labels(ProgramTest):
    def setUp(self):
        super().setUp()
        X = np.loadtxt(IRIS, delimiter=",", skiprows=1, usecols=range(4))
        np.save(self.dir / "all.npy", CLASSES)
        np.save(self.dir / "some.npy", SOME)
        with h5py.File(self.dir / "iris.h5", "w") as f:
            f["X"], f["labels"], f["sample_weight"] = X, SOME, np.arange(150) % 3 * 0.5
        np.savetxt(self.dir / "some.csv", SOME, fmt="%d")

    def fit(self, output, more="", ranks=1, **env):
        return json.loads(self.run_ok(f"fit iris.h5 -k 3 --reg-covar 0 --json -o {output} {more}", ranks, **env).out)

    def test_all_known(self):
        reference = json.loads((DATA / "cases/supervised_iris.json").read_text())["by_type"]
        for name, expected in reference.items():
            one, three = (self.fit(f"{name}{ranks}.h5", f"--labels all.npy --covariance-type {name}", ranks) for ranks in (1, 3))
            self.assertEqual(one["digest"], three["digest"])
            self.assertTrue(one["converged"])
            self.assertEqual(one["n_iter"], 1)
            np.testing.assert_allclose(one["log_likelihood"], expected["joint_log_likelihood"], rtol=1e-12)
            with h5py.File(self.dir / f"{name}1.h5") as f:
                for key in ("weights", "means", "covariances"):
                    np.testing.assert_allclose(f["model"][key], expected[key], rtol=1e-9, atol=1e-14)
                self.assertEqual(f["model"].attrs["n_labelled"], 150)
                p, bic = f["model"].attrs["n_parameters"], f["model"].attrs["bic"]
            np.testing.assert_allclose(bic, -2 * expected["joint_log_likelihood"] + p * np.log(150), rtol=1e-12)
            score = json.loads(self.run_ok(f"score iris.h5 {name}1.h5 --json").out)
            np.testing.assert_allclose(score["log_likelihood"], expected["mixture_log_likelihood"], rtol=1e-12)

    def test_same_bits_in_every_format(self):
        whole = self.fit("m.h5", "--labels some.npy --tol 0 --max-iter 12")
        self.assertEqual(self.fit("csv.h5", "--labels some.csv --tol 0 --max-iter 12", 3)["digest"], whole["digest"])
        self.assertEqual(self.fit("h5.h5", "--labels iris.h5 --tol 0 --max-iter 12", 3, threads=2)["digest"], whole["digest"])

    def test_interrupted_and_resumed(self):
        rng = np.random.default_rng(4)
        classes = rng.integers(0, 3, 30000)
        np.save(self.dir / "x.npy", rng.normal(size=(30000, 4)) + classes[:, None])
        np.save(self.dir / "y.npy", np.where(np.arange(30000) % 50 == 0, classes, -1))
        np.save(self.dir / "z.npy", np.where(np.arange(30000) % 51 == 0, classes, -1))
        fit = "fit x.npy -k 3 --labels y.npy --tol 0 --max-iter 150"
        whole = json.loads(self.run_ok(f"{fit} --json -o whole.h5").out)
        interrupt(self, f"{fit} -o part.h5", 2)
        for other in ("", "--labels z.npy"):
            refused = gmmpi(fit.replace("--labels y.npy", other) + " -o part.h5", self.dir)
            self.check_failure(refused, 76, ("part.ckpt", "--labels"))
        run = self.run_ok(f"{fit} --json -o part.h5", 3)
        self.assertIn("resumed from", run.err)
        self.assertEqual(json.loads(run.out)["digest"], whole["digest"])

    def test_streamed(self):
        rng = np.random.default_rng(3)
        labels = rng.integers(0, 2, 400000)
        with h5py.File(self.dir / "x.h5", "w") as f:
            f["X"], f["labels"] = rng.normal(size=(400000, 8)) + 3 * labels[:, None], np.where(labels == 0, 0, -1)
        command = "fit x.h5 -k 2 --labels x.h5 --max-iter 4 --json"
        held = json.loads(self.run_ok(command + " -o held.h5").out)
        run = self.run_ok(command + " --memory-limit 56M -o streamed.h5", 2)
        self.assertIn("streamed", run.err)
        self.assertEqual(json.loads(run.out)["digest"], held["digest"])

    def test_weights_and_a_class_without_labels(self):
        no_class_1 = np.where(CLASSES == 1, -1, CLASSES)
        np.save(self.dir / "two.npy", no_class_1)
        for engine in ("em", "hard"):
            fits = [self.fit(f"{engine}{r}.h5", f"--labels two.npy --sample-weight iris.h5 --engine {engine}", r) for r in (1, 3)]
            self.assertEqual(fits[0]["digest"], fits[1]["digest"])
            self.run_ok(f"predict iris.h5 {engine}1.h5 -o p.h5 --force")
            with h5py.File(self.dir / "p.h5") as f:
                self.assertGreater(np.mean(f["labels"][()] == CLASSES), 0.85)

    def test_bernoulli(self):
        rng = np.random.default_rng(5)
        labels = rng.integers(0, 2, 500)
        X = (rng.random((500, 6)) < np.where(labels[:, None] == 0, 0.2, 0.7)).astype("u1")
        np.save(self.dir / "b.npy", X)
        np.save(self.dir / "y.npy", labels)
        self.run_ok("fit b.npy -k 2 --family bernoulli --labels y.npy -o b.h5", 3)
        with h5py.File(self.dir / "b.h5") as f:
            np.testing.assert_allclose(f["model/means"], [X[labels == k].mean(axis=0) for k in (0, 1)], rtol=1e-13)

    def test_labels_are_said(self):
        run = self.run_ok("fit iris.h5 -k 3 --labels some.npy -o m.h5")
        self.assertIn("labels: 38 of 150 rows are known", run.err)
        self.assertIn("labelled", run.err.splitlines()[0])

    def test_bad_labels(self):
        fit = "fit in/iris.h5 -k 3 -o m.h5 --labels in/{}.npy"
        bad = {"three": np.where(CLASSES == 2, 3, CLASSES), "minus": np.where(np.arange(150) == 140, -2, CLASSES),
               "half": np.where(np.arange(150) == 70, 0.5, CLASSES), "nan": np.where(np.arange(150) == 149, np.nan, CLASSES),
               "short": CLASSES[:149], "table": np.stack([CLASSES] * 2, axis=1), "none": np.full(150, -1),
               "gap": np.where(CLASSES == 1, 0, CLASSES), "lone": np.where(np.arange(150) == 0, 0, CLASSES // 2 + 1)}
        for name, values in bad.items():
            np.save(self.dir / f"{name}.npy", values)
        (self.dir / "words.csv").write_text("label\n" + "setosa\n" * 150)
        self.check_cases([
            Case("too large", fit.format("three"), 65, ("three.npy", "row 100 is 3", "0 to 2")),
            Case("below -1", fit.format("minus"), 65, ("minus.npy", "row 140 is -2")),
            Case("no whole number", fit.format("half"), 65, ("half.npy", "row 70 is 0.5")),
            Case("not a number", fit.format("nan"), 65, ("nan.npy", "row 149 is nan")),
            Case("too few", fit.format("short"), 65, ("short.npy", "149 labels for 150 rows")),
            Case("a table", fit.format("table"), 65, ("table.npy", "150 x 2")),
            Case("none known", fit.format("none"), 65, ("none.npy", "no row has a label")),
            Case("a class without rows", fit.format("gap"), 65, ("gap.npy", "class 1 has no rows")),
            Case("a class of one row", fit.format("lone") + " --reg-covar 0", 79, ("class 0", "--prior auto")),
            Case("words", "fit in/iris.h5 -k 3 -o m.h5 --labels in/words.csv", 65, ("words.csv", "setosa")),
            Case("missing", fit.format("nix"), 66, ("nix.npy", "no such file")),
            Case("no such dataset", "fit in/iris.h5 -k 3 -o m.h5 --labels in/iris.h5:/y", 65, ("iris.h5", "no dataset /y")),
            Case("a random start", fit.format("all") + " --init random", 64, ("--init", "--labels")),
            Case("labels are the output", f"fit in/iris.h5 -k 3 -o {self.dir}/all.npy --force --labels in/all.npy", 73, ("all.npy", "input")),
        ], inputs=self.dir)
