# HDF5 files as other programs leave them: made of several files, not written to the end, tables of records.
# covers: src/io/hdf5_records.cpp
import re
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np

from harness import Case, ProgramTest, gmmpi

N = 3000
rng = np.random.default_rng(4)
X = np.concatenate([rng.normal(size=(N // 2, 3)), rng.normal(size=(N // 2, 3)) + 6])


def virtual(path, name, shape, *parts, **more):
    """Rows first.. of a dataset are those of other ones: (first, file, dataset, shape) each."""
    with h5py.File(path, "a") as f:
        layout = h5py.VirtualLayout(shape, "f8")
        for first, file, dataset, part in parts:
            layout[first:first + part[0]] = h5py.VirtualSource(file, dataset, part)
        f.create_virtual_dataset(name, layout, **more)


def write_inputs(folder):
    (folder / "parts").mkdir()
    for i, rows in enumerate(np.array_split(X, 3)):
        with h5py.File(folder / f"parts/{i}.h5", "w") as f:
            f.create_dataset("X", data=rows, chunks=(100, 3), compression="gzip")
            f["w"], f["labels"] = np.ones(len(rows)), np.arange(len(rows)) % 2
    thirds = [(1000 * i, f"parts/{i}.h5", "X", (1000, 3)) for i in range(3)]
    virtual(folder / "good.h5", "X", (N, 3), *thirds)
    virtual(folder / "nested.h5", "X", (N, 3), (0, "good.h5", "X", (N, 3)))
    virtual(folder / "gone.h5", "X", (N, 3), *thirds[:2], (2000, "parts/3.h5", "X", (1000, 3)), fillvalue=1.0)
    virtual(folder / "gone.h5", "w", (N,), *((first, file, "w", (1000,)) for first, file, *_ in thirds[:2]))
    virtual(folder / "gone.h5", "labels", (N,), (0, "parts/0.h5", "labels", (1000,)), (1000, "nix.h5", "labels", (2000,)))
    virtual(folder / "gone.h5", "model/means", (2, 3), (0, "nix.h5", "means", (2, 3)))
    with h5py.File(folder / "gone.h5", "a") as f:
        f["model/weights"], f["model/covariances"] = [0.5, 0.5], np.ones((2, 3))
        f["model"].attrs["covariance_type"] = "diag"
    with h5py.File(folder / "plain.h5", "w") as f:
        f["X"] = X
        f.create_dataset("never", X.shape, "f8")
        f.create_dataset("half", X.shape, "f4", chunks=(250, 3), fillvalue=-1)[:1100] = X[:1100]
        f.create_dataset("weights", (N,), "f8", chunks=(1000,))[:1000] = 1
        f.create_dataset("raw", X.shape, "f8", external=[("gone.raw", 0, h5py.h5f.UNLIMITED)])


FIT = "fit in/{} -k 2 --max-iter 3 -o out.h5"
LEAST = " --memory-limit 1000M"
CASES = [
    Case("a source that is missing", FIT.format("gone.h5"), 66, ("in/gone.h5:/X", "parts/3.h5", "not there", "HDF5_VDS_PREFIX")),
    Case("weights without a source", FIT.format("plain.h5") + " --sample-weight in/gone.h5:/w", 65,
         ("in/gone.h5:/w", "rows 2000 to 2999", "no source")),
    Case("labels of which a file is missing", FIT.format("plain.h5") + " --labels in/gone.h5", 66, ("in/gone.h5:/labels", "nix.h5")),
    Case("a start of which a file is missing", FIT.format("plain.h5") + " --init in/gone.h5", 66, ("in/gone.h5", "means", "nix.h5")),
    Case("a model of which a file is missing", "score in/plain.h5 in/gone.h5", 66, ("in/gone.h5", "means", "nix.h5")),
    Case("data that were never written", FIT.format("plain.h5:/never"), 65, ("in/plain.h5:/never", "never written")),
    Case("chunks that were never written", FIT.format("plain.h5:/half"), 65, ("in/plain.h5:/half", "rows 1250 to 1499", "never written")),
    Case("weights that were never written", FIT.format("plain.h5") + " --sample-weight in/plain.h5:/weights", 65,
         ("in/plain.h5:/weights", "rows 1000 to 1999")),
    Case("a raw file that is missing", FIT.format("plain.h5:/raw"), 66, ("gone.raw", "in/plain.h5:/raw", "no such file")),
    Case("convert", "convert in/gone.h5 out.csv", 66, ("parts/3.h5",)),
]


class Sources(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.inputs = Path(tempfile.mkdtemp(prefix="gmmpi-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.inputs)
        write_inputs(cls.inputs)

    def test_what_is_not_there_is_no_zero(self):
        self.check_cases(CASES, self.inputs)

    def test_sources_are_read_like_one_dataset(self):
        """In memory and streamed; a source that lies elsewhere is found as HDF5 finds it."""
        (self.dir / "in").symlink_to(self.inputs)
        moved = self.dir / "moved"
        moved.mkdir()
        shutil.copy(self.inputs / "good.h5", moved)
        digests = set()
        refused = gmmpi("fit in/good.h5 -k 2 --max-iter 3 -o none.h5 --memory-limit 1M", self.dir, 3)
        least = re.search(r"--memory-limit \d+M", refused.errors[0].split("give")[1])[0]
        for name, more, ranks, prefix in (("in/plain", "", 1, ""), ("in/good", "", 3, ""), ("in/nested", "", 1, ""),
                                          ("in/nested", least, 3, ""), ("moved/good", "", 3, f"/nowhere:{self.inputs}"),
                                          ("moved/good", "", 1, "${ORIGIN}/../in")):
            env = {"HDF5_VDS_PREFIX": prefix} if prefix else {}
            run = self.run_ok(f"fit {name}.h5 -k 2 --max-iter 3 {more} -o out.h5 --force", ranks, env=env)
            digests.add(re.search(r"digest (\w+)", run.out)[1])
        self.assertEqual(len(digests), 1)

    def test_info_says_what_cannot_be_read(self):
        (self.dir / "in").symlink_to(self.inputs)
        out = self.run_ok("info in/plain.h5").out
        self.assertRegex(out, r"/never +\[3000,3\] f8 \(cannot be read: .*never written")
        self.assertRegex(out, r"/X +\[3000,3\] f8\n")


class Records(ProgramTest):
    """Tables of records, as astropy, pandas and h5py write them."""

    def setUp(self):
        super().setUp()
        table = np.zeros(N, dtype=[("id", "i8"), ("name", "S5"), ("ra", "f8"), ("dec", ">f4"), ("mag", "f2"), ("near", "?"),
                                   ("pair", ">i2", (2,)), ("z", "c16"), ("nested", [("a", "f8")])])
        table["id"], table["name"], table["ra"], table["dec"] = np.arange(N), b"star", X[:, 0], X[:, 1]
        table["mag"], table["near"], table["pair"] = X[:, 2], X[:, 0] > 3, (10 * X[:, :2]).astype("i2")
        self.table = table
        frame = np.zeros(N, dtype=[("index", "i8"), ("values_block_0", "f8", (3,)), ("values_block_1", "S3", (1,))])
        frame["index"], frame["values_block_0"] = np.arange(N), X
        with h5py.File(self.dir / "cat.h5", "w") as f:
            f["stars"] = table
            f["frame/table"] = frame
            f.create_dataset("packed", data=frame, chunks=(700,), compression="gzip")
            f["words"], f["square"] = table[["name", "nested"]], table[:9].reshape(3, 3)
        self.numbers = np.column_stack([table[name] for name in ("id", "ra", "dec", "mag", "near", "pair")]).astype("f8")
        np.save(self.dir / "all.npy", self.numbers)
        np.save(self.dir / "x.npy", X)
        np.save(self.dir / "some.npy", self.numbers[:, [6, 1, 3, 4]])

    def digest(self, words, ranks=1):
        run = self.run_ok(f"fit {words} -k 2 --max-iter 3 -o m.h5 --force", ranks)
        return re.search(r"digest (\w+)", run.out)[1], run.err

    def test_fields_are_columns(self):
        expected = {name: self.digest(f"{name}.npy")[0] for name in ("all", "x", "some")}
        self.assertEqual(self.digest("cat.h5:/stars --columns pair.1,ra,mag,near", 3)[0], expected["some"])
        self.assertEqual(self.digest("cat.h5:/stars --columns 7,2,4,5")[0], expected["some"])
        digest, err = self.digest("cat.h5:/stars", 3)
        self.assertEqual(digest, expected["all"])
        self.assertIn("cat.h5:/stars: the columns id, ra, dec, mag, near, pair.0, pair.1 are taken, not name, z, nested; --columns", err)
        for name, ranks, more in (("frame/table", 1, ""), ("packed", 3, "")):
            digest, err = self.digest(f"cat.h5:/{name} {more}", ranks)
            self.assertEqual(digest, expected["x"])
            self.assertIn("values_block_0.2 are taken, not index, values_block_1;", err)
        refused = gmmpi("fit cat.h5:/packed -k 2 --max-iter 3 -o none.h5 --memory-limit 1M", self.dir, 3)
        least = re.search(r"--memory-limit \d+M", refused.errors[0].split("give")[1])[0]
        self.assertEqual(self.digest(f"cat.h5:/packed {least}", 3)[0], expected["x"])
        self.assertEqual(self.run_ok("score cat.h5:/packed m.h5 --json").out, self.run_ok("score x.npy m.h5 --json").out)

    def test_conversion_and_names(self):
        self.run_ok("convert cat.h5:/stars stars.csv", 3)
        lines = (self.dir / "stars.csv").read_text().splitlines()
        self.assertEqual(lines[0], "id,ra,dec,mag,near,pair.0,pair.1")
        np.testing.assert_array_equal(np.loadtxt(lines, delimiter=",", skiprows=1), self.numbers)
        self.run_ok("fit stars.csv --columns mag,ra -k 2 --max-iter 3 -o m.h5")
        self.assertEqual(self.run_ok("score cat.h5:/stars m.h5 --json", 3).out, self.run_ok("score stars.csv m.h5 --json").out)

    def test_what_is_no_number(self):
        shutil.copy(self.dir / "cat.h5", self.dir / "in.h5")
        fit = f"fit {self.dir}/cat.h5"
        self.check_cases([
            Case("text", f"{fit}:/stars --columns ra,name -k 2 -o o.h5", 65, ("cat.h5:/stars", "column 1 'name'", "strings", "--columns")),
            Case("complex", f"{fit}:/stars --columns z -k 2 -o o.h5", 65, ("column 8 'z'", "complex")),
            Case("an unknown field", f"{fit}:/stars --columns pair -k 2 -o o.h5", 64, ("'pair'", "pair.0")),
            Case("no numbers", f"{fit}:/words -k 2 -o o.h5", 65, ("records", "name, nested")),
            Case("a square of records", f"{fit}:/square -k 2 -o o.h5", 65, ("records", "another dataset")),
            Case("weights", f"fit {self.dir}/x.npy -k 2 -o o.h5 --sample-weight {self.dir}/cat.h5:/stars", 65, ("records", "a dataset of its own")),
            Case("no dataset named", f"{fit} -k 2 -o o.h5", 65, ("no dataset /X", "cat.h5:/"))])


class MissingValues(ProgramTest):
    def test_marks_of_netcdf(self):
        x = np.round(X[:500], 2)
        cases = []
        with h5py.File(self.dir / "n.h5", "w") as f:
            for name, dtype, fill, attribute in (("f8", "f8", 9.96920996838687e+36, "_FillValue"), ("f4", "f4", 1e20, "_FillValue"),
                                                 ("i2", ">i2", -32767, "_FillValue"), ("chunked", "f4", -999.9, "missing_value")):
                values = x.astype(dtype)
                values[321, 2] = fill
                more = {"chunks": (100, 3)} if name == "chunked" else {}
                f.create_dataset(name, data=values, **more).attrs[attribute] = np.array([fill], dtype)
                cases.append(Case(name, f"fit {self.dir}/n.h5:/{name} -k 2 -o o.h5", 65, ("row 321, column 2", "NaN")))
            f["units"] = x
            f["units"].attrs["_FillValue"] = "none"
            f["w"] = np.where(np.arange(500) == 321, -1, 1)
            f["w"].attrs["_FillValue"] = -1
            cases.append(Case("weights", f"fit {self.dir}/n.h5:/units -k 2 -o o.h5 --sample-weight {self.dir}/n.h5:/w", 65, ("row 321", "NaN")))
        self.check_cases(cases)
        np.save(self.dir / "w.npy", (np.arange(500) != 321).astype("f8"))
        self.run_ok("fit n.h5:/f8 -k 2 --max-iter 2 --sample-weight w.npy -o m.h5", 3)
        self.run_ok("fit n.h5:/units -k 2 --max-iter 2 -o m.h5 --force")
        self.run_ok("convert n.h5:/i2 i.npy", 3)
        self.assertEqual(np.argwhere(np.isnan(np.load(self.dir / "i.npy"))).tolist(), [[321, 2]])


class Names(ProgramTest):
    def test_names_become_utf8_and_a_colon_is_a_letter(self):
        for name in ("latin.h5", "run.h5:12.h5"):
            with h5py.File(self.dir / name, "w") as f:
                f["X"] = X[:500]
                f["feature_names"] = ["Größe", "b", "c"] if ":" in name else np.array(["Größe".encode("latin-1"), b"b", b"c"])
            run = self.run_ok(f"fit {name} -k 2 --max-iter 2 -o m.h5 --force", 3)
            self.assertEqual(len([line for line in run.err.splitlines() if "UTF-8" in line]), name == "latin.h5", run.err)
            with h5py.File(self.dir / "m.h5") as f:
                self.assertEqual(f["feature_names"].asstr()[0], "Größe")
