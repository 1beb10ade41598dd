# What works: rows drawn from a model, data from one format to another, what a file holds.
# covers: src/io/describe.cpp
import json

import h5py
import numpy as np

from harness import DATA, OLD_FAITHFUL, ProgramTest, gmmpi, in_parallel, snapshot

rng = np.random.default_rng(7)
TABLE = np.concatenate([rng.normal(size=(500, 3)) * [1e-12, 1, 1e12], [[0.1, -0.0, 5e-324], [1 / 3, 1e38, -1e-300]]])


def read(path, dataset="X"):
    with h5py.File(path) as f:
        return f[dataset][()]


class Sample(ProgramTest):
    def setUp(self):
        super().setUp()
        weights, means = np.array([0.2, 0.5, 0.3]), np.array([[0.0, 0, 0], [10, -10, 5], [1e6, 0, -3]])
        a = rng.normal(size=(3, 3, 3))
        full = a @ a.transpose(0, 2, 1) + np.eye(3)
        self.weights, self.means = weights, means
        self.covariances = {"full": full, "tied": np.stack([full[0]] * 3), "diag": np.stack([np.diag(np.diag(c)) for c in full]),
                            "spherical": np.stack([np.eye(3) * (k + 1) for k in range(3)])}
        stored = {"full": full, "tied": full[0], "diag": np.stack([np.diag(c) for c in full]), "spherical": [1.0, 2.0, 3.0]}
        for covariance_type, covariances in stored.items():
            with h5py.File(self.dir / f"{covariance_type}.h5", "w") as f:
                f["model/weights"], f["model/means"], f["model/covariances"] = weights, means, covariances
                f["model"].attrs["covariance_type"] = covariance_type

    def test_moments(self):
        """Everything within 5 standard errors of what the model says."""
        n = 200_000
        in_parallel(self.run_ok, [(f"sample {t}.h5 -n {n} --seed 3 -o x_{t}.h5",) for t in self.covariances])
        for covariance_type, covariances in self.covariances.items():
            x, labels = read(self.dir / f"x_{covariance_type}.h5"), read(self.dir / f"x_{covariance_type}.h5", "labels")
            self.assertEqual((x.shape, labels.shape, x.dtype), ((n, 3), (n,), np.float64))
            for k in range(3):
                with self.subTest(covariance_type, component=k):
                    rows, S = x[labels == k] - self.means[k], covariances[k]
                    w = self.weights[k]
                    self.assertLess(abs(len(rows) / n - w), 5 * np.sqrt(w * (1 - w) / n))
                    self.assertTrue((abs(rows.mean(axis=0)) < 5 * np.sqrt(np.diag(S) / len(rows))).all())
                    error = np.sqrt((np.outer(np.diag(S), np.diag(S)) + S**2) / len(rows))
                    self.assertTrue((abs(rows.T @ rows / len(rows) - S) < 5 * error).all())
                    z = np.linalg.solve(np.linalg.cholesky(S), rows.T)  # standard normal, in the tails too
                    self.assertTrue((abs((abs(z) > 3).mean(axis=1) - 0.0027) < 5 * np.sqrt(0.0027 / len(rows))).all())

    def test_row_i_is_the_same_however_drawn(self):
        ways = [("all", 5000, 1, 1), ("three ranks", 5000, 3, 1), ("threads", 5000, 1, 3), ("shorter", 777, 1, 1),
                ("longer", 20000, 3, 2), ("one", 1, 3, 1)]
        in_parallel(lambda n, rows, ranks, threads: self.run_ok(f"sample full.h5 -n {rows} --seed 9 -o '{n}.h5'", ranks, threads=threads),
                    ways)
        for dataset in ("X", "labels"):
            drawn = {name: read(self.dir / f"{name}.h5", dataset) for name, *_ in ways}
            for name, rows, *_ in ways:
                self.assertEqual(len(drawn[name]), rows)
                common = min(rows, 5000)
                self.assertEqual(drawn[name][:common].tobytes(), drawn["all"][:common].tobytes(), name)
        self.run_ok("sample full.h5 -n 5000 --seed 10 -o other.h5")
        self.assertFalse((read(self.dir / "other.h5") == read(self.dir / "all.h5")).any())

    def test_output(self):
        run = self.run_ok("sample full.h5 -n 10 -o x.h5 --json", ranks=3)
        self.assertEqual(json.loads(run.out), {"output": "x.h5", "n_samples": 10, "n_features": 3})
        with h5py.File(self.dir / "x.h5") as f:
            self.assertEqual((set(f), f.attrs["filetype"]), ({"X", "labels"}, "gmmpi-data"))
        self.assertEqual(set(snapshot(self.dir)), {"x.h5", *(f"{t}.h5" for t in self.covariances)})
        self.run_ok("fit x.h5 -k 2 -o m.h5")


class Convert(ProgramTest):
    def setUp(self):
        super().setUp()
        with h5py.File(self.dir / "a.h5", "w") as f:
            f["X"], f["deep/f4"] = TABLE, TABLE[:, 1:2].astype("f4")
            f["sample_weight"], f["labels"] = np.arange(len(TABLE)) * 0.5, np.arange(len(TABLE))
            f["feature_names"] = ["first", "second, quoted", "3"]
        self.run_ok("convert a.h5 b.csv", ranks=3)
        in_parallel(self.run_ok, [("convert b.csv c.h5", 3), ("convert b.csv c.npy",), ("convert a.h5 d.h5:/some/where",),
                                  ("convert a.h5:/deep/f4 e.npy", 3), ("convert a.h5 g.h5", 3)])

    def test_every_bit_arrives(self):
        arrived = {"csv": np.genfromtxt(self.dir / "b.csv", delimiter=",", skip_header=1), "h5": read(self.dir / "c.h5"),
                   "npy": np.load(self.dir / "c.npy"), "dataset": read(self.dir / "d.h5", "some/where"), "g": read(self.dir / "g.h5")}
        for name, x in arrived.items():
            self.assertEqual(x.tobytes(), TABLE.tobytes(), name)
        f4 = np.load(self.dir / "e.npy")
        self.assertEqual((f4.dtype, f4.tobytes()), (np.float32, TABLE[:, 1:2].astype("f4").tobytes()))

    def test_companions_and_names_arrive(self):
        with h5py.File(self.dir / "g.h5") as f:
            self.assertEqual(f.attrs["filetype"], "gmmpi-data")
            np.testing.assert_array_equal(f["sample_weight"], np.arange(len(TABLE)) * 0.5)
            np.testing.assert_array_equal(f["labels"], np.arange(len(TABLE)))
        for name in ("c.h5", "g.h5"):  # through csv, too
            self.assertEqual([n.decode() for n in read(self.dir / name, "feature_names")], ["first", "second, quoted", "3"])


class Info(ProgramTest):
    def setUp(self):
        super().setUp()
        self.run_ok(f"fit {OLD_FAITHFUL} -k 2 -o m.h5 --covariance-type tied")
        self.run_ok(f"convert {OLD_FAITHFUL} x.h5")

    def test_model_as_json_is_what_the_file_holds(self):
        def check(json_part, group):
            for name, value in group.attrs.items():
                self.assertEqual(json_part[name], value, name)
            for name, item in group.items():
                if isinstance(item, h5py.Group):
                    check(json_part[name], item)
                else:
                    stored = item.asstr()[()] if h5py.check_string_dtype(item.dtype) else item[()]
                    np.testing.assert_array_equal(json_part[name], stored, name)
        with h5py.File(self.dir / "m.h5") as f:
            check(json.loads(self.run_ok("info m.h5 --json", ranks=3).out), f)

    def test_model_for_people(self):
        with h5py.File(self.dir / "m.h5") as f:
            m = dict(f["model"].attrs)
            wanted = [m["digest"], "tied", f"{m['log_likelihood']:.10g}", f"{m['bic']:.10g}", f"{f['model/means'][1, 1]:.6g}",
                      f"{f['model/covariances'][0, 1]:.6g}", f"{f['model/weights'][0]:.6f}", "272 rows"]
        out = self.run_ok("info m.h5").out
        for text in wanted:
            self.assertIn(text, out)

    def test_data_of_each_format(self):
        self.assertRegex(self.run_ok("info x.h5").out, r"/X +\[272, ?2\] +f8")
        for path in (OLD_FAITHFUL, DATA / "iris.csv"):
            out = json.loads(self.run_ok(f"info {path} --json", ranks=3).out)
            names = path.read_text().splitlines()[0].split(",")
            self.assertEqual((out["n_features"], out["feature_names"]), (len(names), names))
        np.save(self.dir / "a.npy", TABLE.astype("f4"))
        self.assertRegex(self.run_ok("info a.npy").out, rf"{len(TABLE)} x 3.*f4")

    def test_a_file_of_others(self):
        """Attributes and datasets of any kind, as other programs write them."""
        with h5py.File(self.dir / "o.h5", "w") as f:
            f["X"], f["z"], f["empty"] = TABLE, TABLE + 1j, h5py.Empty("f8")
            f["gone"], f["flags"] = h5py.SoftLink("/nowhere"), np.array([True, False])
            f.attrs["units"], f.attrs["range"], f.attrs["nothing"] = ["m", "s"], [0.5, 1.5], h5py.Empty("f8")
            f.attrs["fixed"], f.attrs["complex"] = np.bytes_("text"), 2 + 1j
        out = json.loads(self.run_ok("info o.h5 --json").out)
        self.assertEqual((out["units"], out["range"], out["fixed"]), (["m", "s"], [0.5, 1.5], "text"))
        self.assertRegex(self.run_ok("info o.h5").out, r"/X +\[502, ?3\] +f8")

    def test_a_model_that_is_not_one(self):
        """What fit and score refuse, info describes or refuses; it never calls it an internal error."""
        broken = {"means in a row": (np.ones(2), np.ones(2), np.ones((2, 1, 1))), "covariances in a row": (np.ones(2), np.ones((2, 2)), np.ones(2)),
                  "one weight": (0.5, np.ones((1, 2)), np.ones((1, 2, 2))), "no components": (np.ones(0), np.ones((0, 2)), np.ones((0, 2, 2))),
                  "words": (np.array([b"a", b"b"]), np.ones((2, 2)), np.ones((2, 2, 2)))}
        for name, (weights, means, covariances) in broken.items():
            with self.subTest(name):
                with h5py.File(self.dir / "b.h5", "w") as f:
                    f["model/weights"], f["model/means"], f["model/covariances"] = weights, means, covariances
                    f["model"].attrs["covariance_type"] = "full"
                self.assertIn(gmmpi("info b.h5", self.dir).codes[0], (0, 65))
