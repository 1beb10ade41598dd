# Rows that leave as csv, npy or HDF5, by the output's name, and what convert makes of them.
import h5py
import numpy as np
import pandas as pd

from harness import DATA, OLD_FAITHFUL, Case, ProgramTest, gmmpi, in_parallel, snapshot

IRIS = DATA / "iris.csv"
NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
ALL = "--responsibilities --log-density --mahalanobis --outliers 0.1"
LABELS = {"label", "outlier"}


def arrays(path):
    with h5py.File(path) as f:
        return {name: f[name][()] for name in f}


class RowOutputs(ProgramTest):
    def setUp(self):
        super().setUp()
        self.run_ok(f"fit {IRIS} -k 3 --columns {','.join(NAMES)} --covariance-type diag --noise -o m.h5")
        self.run_ok(f"fit {IRIS} -k 3 --columns {','.join(NAMES)} -o plain.h5")
        self.run_ok(f"fit {OLD_FAITHFUL} -k 2 -o old.h5")

    def write_all(self, command, name):
        """As HDF5, npy and csv, the latter by one and by three ranks: their bytes are the same."""
        in_parallel(self.run_ok, [(f"{command} -o {name}.h5", 3), (f"{command} -o {name}.npy", 3), (f"{command} -o {name}.csv",),
                                  (f"{command} -o {name}3.csv", 3, None), (f"{command} -o {name}1.npy",)])
        for one, other in ((f"{name}.csv", f"{name}3.csv"), (f"{name}.npy", f"{name}1.npy")):
            self.assertEqual((self.dir / one).read_bytes(), (self.dir / other).read_bytes())
        table = pd.read_csv(self.dir / f"{name}.csv", float_precision="round_trip")
        for column in table:
            self.assertEqual(table[column].dtype.kind, "i" if column in LABELS else "f", column)
        return arrays(self.dir / f"{name}.h5"), np.load(self.dir / f"{name}.npy"), table

    def test_predict(self):
        h5, npy, table = self.write_all(f"predict {IRIS} m.h5 {ALL}", "p")
        self.assertEqual(list(table), ["label", "p0", "p1", "p2", "p_noise", "log_density", *(f"mahalanobis{k}" for k in range(3)), "outlier"])
        self.assertEqual(npy.dtype.names, ("labels", "responsibilities", "log_density", "mahalanobis", "outliers"))
        for name, values in h5.items():
            self.assertEqual((npy[name].dtype, npy[name].tobytes()), (values.dtype, values.tobytes()))
        together = np.column_stack([h5[name] for name in npy.dtype.names])
        np.testing.assert_array_equal(together, table)
        h5, npy, table = self.write_all(f"predict {IRIS} m.h5", "l")
        self.assertEqual((npy.dtype, npy.shape), (np.int64, (150,)))
        np.testing.assert_array_equal(npy, h5["labels"])
        self.assertEqual((self.dir / "l.csv").read_text().split()[:2], ["label", str(h5["labels"][0])])

    def test_score(self):
        np.save(self.dir / "w.npy", np.arange(150) % 3)
        h5, npy, table = self.write_all(f"score {IRIS} m.h5 --sample-weight w.npy", "s")
        np.testing.assert_array_equal(h5["log_density"], npy)
        np.testing.assert_array_equal(h5["log_density"], table["log_density"])
        self.assertTrue(np.isnan(npy[::3]).all() and not np.isnan(npy[1::3]).any())

    def test_sample(self):
        h5, npy, table = self.write_all("sample m.h5 -n 3000 --seed 4", "x")
        self.assertEqual([name.decode() for name in h5["feature_names"]], NAMES)
        self.assertEqual(list(table), [*NAMES, "label"])
        self.assertEqual(npy.tobytes(), h5["X"].tobytes())
        np.testing.assert_array_equal(table[NAMES], h5["X"])
        np.testing.assert_array_equal(table["label"], h5["labels"])
        self.assertEqual(self.run_ok("score x.csv m.h5 --json").out, self.run_ok("score x.h5 m.h5 --json").out)
        h5, npy, table = self.write_all("simulate -k 2 --n-features 3 -n 500", "t")
        self.assertEqual(list(table), ["x0", "x1", "x2", "label"])
        np.testing.assert_array_equal(table.iloc[:, :3], npy)
        for name, columns in (("t.csv", " --columns 0,1,2"), ("t.npy", "")):  # what is named as the next step works
            run = self.run_ok(f"simulate -k 2 --n-features 3 -n 500 -o {name} --force")
            self.assertIn(f"next: gmmpi fit {name}{columns} -k 2 -o fitted.h5", run.out)
            self.run_ok(f"fit {name}{columns} -k 2 -o fitted.h5 --force")

    def test_regress(self):
        h5, npy, table = self.write_all(f"regress {IRIS} plain.h5 --target petal_width,1 --covariance --log-density", "r")
        a, b = "petal_width", "sepal_width"
        self.assertEqual(list(table), [a, b, f"{a}_variance", f"{b}_variance", *(f"{x}_{y}_covariance" for x in (a, b) for y in (a, b)), "log_density"])
        self.assertEqual(npy["covariance"].shape, (150, 2, 2))
        for name, values in h5.items():
            self.assertEqual(npy[name].tobytes(), values.tobytes())
        np.testing.assert_array_equal(table.to_numpy(), np.column_stack([h5[name].reshape(150, -1) for name in npy.dtype.names]))
        self.run_ok(f"regress {OLD_FAITHFUL} old.h5 --target 1 -o o.csv")
        self.assertEqual(list(pd.read_csv(self.dir / "o.csv")), ["waiting", "waiting_variance"])

    def test_transform(self):
        self.run_ok(f"pca {IRIS} --columns {','.join(NAMES)} --n-components 2 -o c.h5")
        h5, npy, table = self.write_all(f"transform {IRIS} c.h5", "s")
        self.assertEqual(list(table), ["pc0", "pc1"])
        self.assertEqual(npy.tobytes(), h5["X"].tobytes())
        np.testing.assert_array_equal(table, h5["X"])
        h5, npy, table = self.write_all("transform s.csv c.h5 --inverse", "b")
        self.assertEqual(list(table), NAMES)
        np.testing.assert_array_equal(table, npy)

    def test_convert_of_what_was_written(self):
        """Predictions, single arrays of one or three dimensions, sampled rows: the same bytes as written at once."""
        for name, command in (("p", f"predict {IRIS} m.h5 {ALL}"), ("x", "sample m.h5 -n 700"), ("l", f"predict {IRIS} m.h5"),
                              ("r", f"regress {IRIS} plain.h5 --target 3,1 --covariance")):
            in_parallel(self.run_ok, [(f"{command} -o {name}.{end}",) for end in ("h5", "csv", "npy")])
            in_parallel(self.run_ok, [(f"convert {name}.h5 {name}2.{end}", 3) for end in ("csv", "npy", "h5")])
            for end in ("csv", "npy"):
                self.assertEqual((self.dir / f"{name}.{end}").read_bytes(), (self.dir / f"{name}2.{end}").read_bytes(), (name, end))
            copied, was = arrays(self.dir / f"{name}2.h5"), arrays(self.dir / f"{name}.h5")
            self.assertEqual({n: (v.dtype, v.tolist()) for n, v in copied.items()}, {n: (v.dtype, v.tolist()) for n, v in was.items()})
        out = self.run_ok("convert p.h5:/labels one.csv", 3).out
        self.assertNotIn("gmmpi fit", out)
        self.assertEqual((self.dir / "one.csv").read_bytes(), (self.dir / "l.csv").read_bytes())
        self.run_ok("convert p.h5:/labels one.npy")
        self.assertEqual((self.dir / "one.npy").read_bytes(), (self.dir / "l.npy").read_bytes())
        self.run_ok("convert one.npy one.h5")
        self.run_ok("convert p.h5:/responsibilities res.csv")
        self.assertEqual(list(pd.read_csv(self.dir / "res.csv")), ["p0", "p1", "p2", "p_noise"])
        self.assertNotIn("gmmpi fit", self.run_ok("info p.h5:/labels").out)

    def test_integers_stay_integers(self):
        big = 2**60 + 1
        for dtype in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "?", ">i4", ">i8"):
            values = np.array([[0, 1], [1, 100]], dtype)
            if dtype.endswith("i8"):
                values[0, 1] = big
            with h5py.File(self.dir / "i.h5", "w") as f:
                f["X"], f["one"] = values, values[:, 1]
            np.save(self.dir / "i.npy", values)
            kept = np.dtype("u1" if dtype == "?" else dtype).newbyteorder("=")
            for command, target in (("i.h5:/one o.npy", 1), ("i.npy o.h5", 0), ("i.h5:/one o.csv", 2)):
                self.run_ok(f"convert {command} --force")
                if target == 2:
                    np.testing.assert_array_equal(pd.read_csv(self.dir / "o.csv")["one"], values[:, 1])
                    continue
                got = np.load(self.dir / "o.npy") if target else arrays(self.dir / "o.h5")["X"]
                self.assertIn(got.dtype, (kept, np.dtype("i1") if dtype == "?" else kept), dtype)
                np.testing.assert_array_equal(got, values[:, 1] if target else values)

    def test_names_that_cannot_be(self):
        words = ("is not written", ".csv, .npy or .h5")
        existing = (f"predict {IRIS} ../m.h5", "sample ../m.h5 -n 9", f"score {IRIS} ../m.h5", f"regress {IRIS} ../plain.h5 --target 1")
        def note(cwd):
            for end in ("csv", "npy"):
                (cwd / f"out.{end}").write_text("mine, keep it")
        cases = [Case("predict: text", f"predict {IRIS} ../m.h5 -o labels.txt", 64, ("labels.txt", *words)),
                 Case("sample: parquet", "sample ../m.h5 -n 9 -o x.parquet", 64, ("x.parquet", *words)),
                 Case("a model as csv", f"fit {OLD_FAITHFUL} -k 2 -o m.csv", 64, ("m.csv", "HDF5", ".h5")),
                 Case("components as npy", f"pca {OLD_FAITHFUL} -o p.npy", 64, ("p.npy", "HDF5", ".h5")),
                 Case("the same name twice", "simulate -k 2 --n-features 1 -n 9 -o a.csv --model a.csv", 73, ("a.csv", "output")),
                 *(Case(f"{args} exists", f"{args} -o out.{end}", 73, (f"out.{end}", "exists already", "--force"), setup=note)
                   for args, end in zip(existing, ("csv", "npy", "csv", "npy")))]
        self.check_cases(cases)

    def test_force_replaces_and_leaves_nothing_else(self):
        for end in ("csv", "npy"):
            (self.dir / f"out.{end}").write_text("mine")
            self.run_ok(f"predict {IRIS} m.h5 --responsibilities -o out.{end} --force", 3)
            self.assertEqual(set(snapshot(self.dir)) & {f"out.{end}"}, {f"out.{end}"})
            self.assertFalse([name for name in snapshot(self.dir) if name.startswith(".")])
        self.assertTrue((self.dir / "out.csv").read_text().startswith("label,p0,"))
