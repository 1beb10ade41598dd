# --columns, and columns that are found by the model's names.
# covers: src/data/column_reader.cpp, src/io/table_request.cpp
import re
import sys
import unittest

import h5py
import numpy as np

from harness import DATA, ROOT, ProgramTest, gmmpi

sys.path.insert(0, str(ROOT / "scripts/python"))
import gmmpi as package  # noqa: E402

NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
KINDS = ("setosa", "versicolor", 'virginica, "x"')
FIT = "-k 3 --covariance-type diag --seed 2"


class Columns(ProgramTest):
    def setUp(self):
        super().setUp()
        self.X = package.read_data(DATA / "iris.csv", labels="label").X
        self.write("measures.csv", NAMES, self.X.astype(str))
        # As people have them: a name for each row, text between numbers, and the columns in another order.
        kinds = np.repeat(['"' + kind.replace('"', '""') + '"' for kind in KINDS], 50)
        order = [2, 0, 3, 1]
        self.write("flowers.csv", ["", "petal_length", "kind", "sepal_length", "petal_width", "sepal_width"],
                   np.column_stack([np.arange(150).astype(str), self.X[:, 2].astype(str), kinds,
                                    *(self.X[:, j].astype(str) for j in order[1:])]))

    def write(self, name, header, fields):
        lines = [",".join(f'"{word}"' for word in header), *(",".join(row) for row in fields)]
        (self.dir / name).write_text("\n".join(lines) + "\n")

    def digest(self, words, ranks=1):
        self.run_ok(f"{words} --force", ranks)
        with h5py.File(self.dir / words.split("-o ")[1].split()[0]) as f:
            return f["model"].attrs["digest"]

    def test_chosen_columns_are_the_table_of_them(self):
        whole = self.digest(f"fit measures.csv {FIT} -o m.h5")
        for ranks in (1, 3):
            for columns in (",".join(NAMES), "3,sepal_width,petal_length,4"):
                self.assertEqual(self.digest(f"fit flowers.csv --columns {columns} {FIT} -o c.h5", ranks), whole)
        with h5py.File(self.dir / "c.h5") as f:
            self.assertEqual([name.decode() for name in f["feature_names"][()]], NAMES)
        self.assertNotEqual(self.digest(f"fit flowers.csv --columns 4,3,1,5 {FIT} -o c.h5"), whole)

    def test_any_format(self):
        wide = np.insert(self.X, (0, 2, 4), np.nan, axis=1).astype(np.float32)
        np.save(self.dir / "wide.npy", wide)
        np.save(self.dir / "narrow.npy", self.X.astype(np.float32))
        with h5py.File(self.dir / "wide.h5", "w") as f:
            f.create_dataset("X", data=np.tile(wide, (8000, 1)), chunks=(10000, 7))
        with h5py.File(self.dir / "narrow.h5", "w") as f:
            f["X"] = np.tile(self.X.astype(np.float32), (8000, 1))
        fit = f"{FIT} --init random-from-data --max-iter 5"
        refused = gmmpi(f"fit wide.h5 --columns 1,2,4,5 --memory-limit 1M {fit} -o c.h5", self.dir, 2)
        least = re.search(r"--memory-limit \d+M", refused.errors[0].split("give")[1])[0]
        for end, more in ("npy", ""), ("h5", ""), ("h5", least):
            whole = self.digest(f"fit narrow.{end} {fit} -o m.h5")
            run = self.run_ok(f"fit wide.{end} --columns 1,2,4,5 {more} {fit} -o c.h5 --force", ranks=2)
            self.assertIn(whole, run.out, end + more)
            self.assertEqual("streamed from the file" in run.err, more != "")

    def test_a_model_finds_its_columns(self):
        self.run_ok(f"fit measures.csv {FIT} -o m.h5")
        for command in ("score DATA m.h5 --json", "predict DATA m.h5 -o p.h5 --log-density --force",
                        "regress DATA m.h5 --target petal_width -o p.h5 --force"):
            outputs = []
            for data in ("measures.csv", "flowers.csv"):
                out = self.run_ok(command.replace("DATA", data), ranks=2).out.replace(data, "")
                with h5py.File(self.dir / "p.h5") if "-o" in command else h5py.File("none", "w", driver="core", backing_store=False) as f:
                    outputs.append((out, {name: f[name][()].tobytes() for name in f}))
            self.assertEqual(*outputs)

    def test_components_and_conversion(self):
        self.run_ok("pca measures.csv --n-components 2 -o a.h5")
        self.run_ok(f"pca flowers.csv --columns {','.join(NAMES)} --n-components 2 -o b.h5", ranks=3)
        with h5py.File(self.dir / "a.h5") as a, h5py.File(self.dir / "b.h5") as b:
            self.assertEqual(a["transform/components"][()].tobytes(), b["transform/components"][()].tobytes())
        for name, data in ("x", "measures"), ("y", "flowers"):
            self.run_ok(f"transform {data}.csv a.h5 -o {name}.h5", ranks=2)
        with h5py.File(self.dir / "x.h5") as x, h5py.File(self.dir / "y.h5") as y:
            self.assertEqual(x["X"][()].tobytes(), y["X"][()].tobytes())
        self.run_ok("convert flowers.csv some.csv --columns petal_width,sepal_length", ranks=2)
        table = package.read_data(self.dir / "some.csv")
        self.assertEqual(table.feature_names, ["petal_width", "sepal_length"])
        np.testing.assert_array_equal(table.X, self.X[:, [3, 0]])

    def test_python(self):
        path = self.dir / "flowers.csv"
        table = package.read_data(path, columns=["sepal_width", 1], labels="kind")
        np.testing.assert_array_equal(table.X, self.X[:, [1, 2]])
        self.assertEqual(table.feature_names, ["sepal_width", "petal_length"])
        self.assertEqual(sorted(set(table.labels)), sorted(KINDS))
        np.save(self.dir / "x.npy", self.X)
        np.testing.assert_array_equal(package.read_data(self.dir / "x.npy", columns=[3, 0]).X, self.X[:, [3, 0]])
        apart = package.read_data(self.dir / "x.npy", columns="3,2", labels="x0")  # numbers of the file, whatever becomes labels
        np.testing.assert_array_equal(np.column_stack([apart.X, apart.labels]), self.X[:, [3, 2, 0]])
        with h5py.File(self.dir / "twice.h5", "w") as f:
            f["X"], f["feature_names"] = self.X, ["a", "b", "b", "c"]
        np.testing.assert_array_equal(package.read_data(self.dir / "twice.h5", columns=[2]).X, self.X[:, [2]])
        with self.assertRaisesRegex(package.GmmpiError, "no column nix"):
            package.read_data(path, columns=["nix"])
        model = package.fit(path, n_components=3, columns=NAMES, random_state=2)
        np.testing.assert_array_equal(model.predict(self.X), package.fit(self.X, n_components=3, random_state=2).predict(self.X))

    def test_pictures(self):
        self.run_ok(f"fit measures.csv {FIT} -o m.h5")
        for name in "measures", "flowers":
            self.run_ok(f"plot scatter {name}.csv m.h5 --columns petal_length,petal_width --title iris -o {name}.svg")
        self.assertEqual(*((self.dir / f"{name}.svg").read_text().count("<use") for name in ("measures", "flowers")))


if __name__ == "__main__":
    unittest.main()
