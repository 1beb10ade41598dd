# Data, weights and models that cannot be used: one message, the right exit code, nothing left behind.
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np

from harness import Case, ProgramTest

N, D = 300, 3  # five blocks of 64 rows: at 3 ranks the rows of rank 1 begin at 128, those of rank 2 at 256


def with_values(good, values):
    """A copy of `good` with values[row, column] put in."""
    x = good.copy()
    for (row, column), value in values.items():
        x[row, column] = value
    return x


def write_model(path, weights=(0.5, 0.5), means=((0.0,) * D, (1.0,) * D), covariances=None, covariance_type="full"):
    """The three lines that a user of h5py writes."""
    with h5py.File(path, "w") as f:
        f["model/weights"], f["model/means"] = weights, means
        f["model/covariances"] = np.stack([np.eye(D)] * 2) if covariances is None else covariances
        f["model"].attrs["covariance_type"] = covariance_type


def write_inputs(folder):
    """Every file that a case names as in/..."""
    rng = np.random.default_rng(1)
    good = rng.normal(size=(N, D))
    nan, inf = np.nan, np.inf

    def h5(name, x, **weights):
        with h5py.File(folder / name, "w") as f:
            f["X"] = x
            for key, values in weights.items():
                f[key] = values

    h5("good.h5", good, negative=with_values(np.ones((N, 1)), {(200, 0): -1, (280, 0): -2})[:, 0], zero=np.zeros(N), one=np.eye(N)[0],
       nan=with_values(np.ones((N, 1)), {(299, 0): nan})[:, 0], short=np.ones(N - 1), table=np.ones((N, 2)),
       inf=with_values(np.ones((N, 1)), {(0, 0): inf})[:, 0], words=np.array([b"a"] * N))
    h5("wide.h5", rng.normal(size=(N, D + 1)))
    h5("no_rows.h5", np.empty((0, D)))
    h5("no_columns.h5", np.empty((N, 0)))
    h5("one_dimension.h5", good[:, 0])
    h5("three_dimensions.h5", good.reshape(-1, 2, D))
    h5("single_value.h5", 3.0)
    h5("strings.h5", np.array([[b"a", b"b"]] * N))
    h5("complex.h5", good + 1j)
    h5("records.h5", np.zeros(N, dtype=[("a", "S8"), ("b", "S4")]))
    h5("nan.h5", with_values(good, {(290, 1): nan, (150, 2): nan, (150, 1): inf, (270, 0): nan}))
    h5("inf_last.h5", with_values(good, {(N - 1, D - 1): -inf}))
    h5("nan_f4.h5", with_values(good, {(7, 0): nan}).astype("f4"))
    h5("repeated.h5", np.repeat(good[:4], N // 4, axis=0))
    with h5py.File(folder / "grouped.h5", "w") as f:
        f["photometry/magnitudes"] = good
    with h5py.File(folder / "sparse.h5", "w") as f:  # 5 TB, nearly none of them on the disk
        early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        early.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        h5py.h5d.create(f.id, b"X", h5py.h5t.NATIVE_DOUBLE, h5py.h5s.create_simple((4 * 10**10, 16)), early)
    (folder / "empty.h5").touch()
    (folder / "empty.csv").touch()
    (folder / "text.h5").write_text("1,2,3\n4,5,6\n")
    (folder / "cut.h5").write_bytes((folder / "good.h5").read_bytes()[:3000])
    (folder / "directory.h5").mkdir()
    np.save(folder / "strings.npy", np.array([["a", "b"]] * N))
    np.save(folder / "complex.npy", good + 1j)
    np.save(folder / "one_dimension.npy", good[:, 0])
    np.save(folder / "nan.npy", np.asfortranarray(with_values(good, {(131, 2): nan, (130, 2): nan})))
    np.savez(folder / "archive.npz", good)
    (folder / "cut.npy").write_bytes((folder / "nan.npy").read_bytes()[:-8])

    lines = ["a,b"] + [f"{i}.5,{i % 7}" for i in range(N)]
    csvs = {"text_field": {201: "1.5,many", 291: "x,1"}, "short_row": {203: "1.5"}, "long_row": {5: "1,2,3"},
            "empty_field": {101: "1.5,"}, "nan_field": {160: "1.5,nan"}}
    for name, changes in csvs.items():
        (folder / f"{name}.csv").write_text("\n".join(changes.get(i, line) for i, line in enumerate(lines)) + "\n")
    (folder / "header_only.csv").write_text("a,b\n")

    write_model(folder / "model.h5")
    write_model(folder / "three.h5", [0.2, 0.3, 0.5], np.zeros((3, D)), np.stack([np.eye(D)] * 3))
    write_model(folder / "narrow.h5", means=np.zeros((2, 2)), covariances=np.stack([np.eye(2)] * 2))
    write_model(folder / "indefinite.h5", covariances=np.stack([np.eye(D), np.eye(D) - 0.6]))
    write_model(folder / "crooked.h5", covariances=np.stack([np.eye(D), np.triu(np.ones((D, D)))]))
    write_model(folder / "negative_variance.h5", covariances=[[1, 1, 1], [1, -1, 1]], covariance_type="diag")
    write_model(folder / "other_shape.h5", covariances=np.eye(D))
    write_model(folder / "other_type.h5", covariance_type="blocks")
    write_model(folder / "weights_sum.h5", weights=[0.5, 0.6])
    write_model(folder / "weights_length.h5", weights=[1.0])
    write_model(folder / "nan_mean.h5", means=[[nan] * D, [0] * D])
    write_model(folder / "no_means.h5")
    with h5py.File(folder / "no_means.h5", "a") as f:
        del f["model/means"]
    write_model(folder / "no_type.h5")
    with h5py.File(folder / "no_type.h5", "a") as f:
        del f["model"].attrs["covariance_type"]


FIT = "fit in/{} -k 2 -o out.h5"
# name of the case, DATA (under in/), exit code, words of the message
DATA_CASES = [
    ("missing file", "nix.h5", 66, ("in/nix.h5", "no such file", "check the path")),
    ("missing directory", "nix/x.csv", 66, ("in/nix/x.csv", "no such file")),
    ("directory", "directory.h5", 65, ("in/directory.h5", "directory", "name a file")),
    ("empty file", "empty.h5", 65, ("in/empty.h5", "empty")),
    ("empty csv", "empty.csv", 65, ("in/empty.csv", "empty")),
    ("text named .h5", "text.h5", 65, ("in/text.h5", "not an hdf5 file", "text")),
    ("cut HDF5 file", "cut.h5", 65, ("in/cut.h5", "not a sound HDF5 file")),
    ("missing dataset", "good.h5:/Y", 65, ("in/good.h5", "no dataset /Y", "/X")),
    ("no default dataset", "grouped.h5", 65, ("in/grouped.h5", "no dataset /X", "/photometry/magnitudes")),
    ("group named as dataset", "grouped.h5:/photometry", 65, ("in/grouped.h5", "/photometry is a group", "magnitudes")),
    ("dataset of a csv", "short_row.csv:/X", 65, ("in/short_row.csv", "not an HDF5 file", "/X")),
    ("0 rows", "no_rows.h5", 65, ("in/no_rows.h5:/X", "0 rows")),
    ("0 columns", "no_columns.h5", 65, ("in/no_columns.h5:/X", "0 columns")),
    ("1-D", "one_dimension.h5", 65, ("in/one_dimension.h5:/X", "1 dimension", "reshape(-1, 1)")),
    ("3-D", "three_dimensions.h5", 65, ("in/three_dimensions.h5:/X", "3 dimensions", "reshape")),
    ("0-D", "single_value.h5", 65, ("in/single_value.h5:/X", "single value")),
    ("1-D npy", "one_dimension.npy", 65, ("in/one_dimension.npy", "1 dimension")),
    ("strings", "strings.h5", 65, ("in/strings.h5:/X", "strings", "numbers are needed")),
    ("strings in npy", "strings.npy", 65, ("in/strings.npy", "strings")),
    ("complex", "complex.h5", 65, ("in/complex.h5:/X", "complex")),
    ("complex in npy", "complex.npy", 65, ("in/complex.npy", "complex")),
    ("records of text", "records.h5", 65, ("in/records.h5:/X", "records", "a, b")),
    ("npz", "archive.npz", 65, ("in/archive.npz", "zip", "np.save")),
    ("cut npy", "cut.npy", 65, ("in/cut.npy", "truncated")),
    ("first of many bad values on several ranks", "nan.h5", 65, ("in/nan.h5", "row 150, column 1", "infinite", "3 of 300 rows")),
    ("bad value on the last rank", "inf_last.h5", 65, ("in/inf_last.h5", f"row {N - 1}, column {D - 1}", "infinite")),
    ("bad value on the first rank, f4", "nan_f4.h5", 65, ("in/nan_f4.h5", "row 7, column 0", "NaN")),
    ("bad value, npy in Fortran order", "nan.npy", 65, ("in/nan.npy", "row 130, column 2", "NaN")),
    ("bad value, csv", "nan_field.csv", 65, ("in/nan_field.csv", "row 159 (line 161), column 1 'b' is missing")),
    ("text field", "text_field.csv", 65, ("in/text_field.csv", "row 200", "column 1", "many", "line 202")),
    ("short row", "short_row.csv", 65, ("in/short_row.csv", "row 202", "1 field", "2")),
    ("long row", "long_row.csv", 65, ("in/long_row.csv", "row 4", "3 fields", "2")),
    ("empty field", "empty_field.csv", 65, ("in/empty_field.csv", "row 100 (line 102)", "column 1 'b'", "missing", "no other row")),
    ("only a header", "header_only.csv", 65, ("in/header_only.csv", "0 rows")),
    ("more data than memory", "sparse.h5", 71, ("in/sparse.h5", "rank", "free", "use more nodes", "--memory-limit")),
]

GOOD = "fit in/good.h5 -k 2 -o out.h5 --sample-weight in/good.h5:/{}"
START = "fit in/good.h5 -k 2 -o out.h5 --init in/{}"
OTHER_CASES = [
    Case("bad values, three threads", FIT.format("nan.h5"), 65, ("row 150, column 1",), threads=3),
    Case("more components than rows", "fit in/good.h5 -k 301 -o out.h5", 65, ("-k 301", "300 rows", "smaller -k")),
    Case("more components than rows of positive weight", "fit in/good.h5 -k 2 -o out.h5 --sample-weight in/good.h5:/one", 65,
         ("-k 2", "1 row", "weight")),
    Case("more components than distinct rows", "fit in/repeated.h5 -k 5 -o out.h5", 65, ("-k 5", "distinct rows")),
    Case("too many weights for the rows", GOOD.format("short"), 65, ("in/good.h5:/short", "299", "300")),
    Case("negative weight", GOOD.format("negative"), 65, ("in/good.h5:/negative", "row 200", "negative")),
    Case("NaN weight", GOOD.format("nan"), 65, ("in/good.h5:/nan", "row 299", "NaN")),
    Case("infinite weight", GOOD.format("inf"), 65, ("in/good.h5:/inf", "row 0", "infinite")),
    Case("all weights zero", GOOD.format("zero"), 65, ("every sample weight is zero",)),
    Case("table of weights", GOOD.format("table"), 65, ("in/good.h5:/table", "2 columns", "one number per row")),
    Case("weights in words", GOOD.format("words"), 65, ("in/good.h5:/words", "strings")),
    Case("no weights", "fit in/good.h5 -k 2 -o out.h5 --sample-weight in/good.h5", 65, ("/sample_weight", "in/good.h5")),
    Case("missing weights", "score in/good.h5 in/model.h5 --sample-weight in/nix.npy", 66, ("in/nix.npy", "no such file")),
    Case("start of another K", START.format("three.h5"), 65, ("in/three.h5", "3", "2", "-k")),
    Case("start of another d", START.format("narrow.h5"), 65, ("in/narrow.h5", "2 columns", "3")),
    Case("start not positive definite", START.format("indefinite.h5"), 65,
         ("in/indefinite.h5", "component 1", "not positive definite")),
    Case("start not symmetric", START.format("crooked.h5"), 65, ("in/crooked.h5", "not symmetric")),
    Case("start not a model", START.format("good.h5"), 65, ("in/good.h5", "no group /model")),
    Case("start is text", START.format("text.h5"), 65, ("in/text.h5", "not a sound HDF5 file")),
    Case("start missing", START.format("nix.h5"), 66, ("in/nix.h5", "no such file")),
    Case("model with a negative variance", "score in/good.h5 in/negative_variance.h5", 65,
         ("in/negative_variance.h5", "component 1", "positive definite")),
    Case("model of another shape", "score in/good.h5 in/other_shape.h5", 65, ("in/other_shape.h5", "covariances", "full")),
    Case("model of unknown type", "score in/good.h5 in/other_type.h5", 65, ("in/other_type.h5", "blocks", "spherical")),
    Case("weights that do not sum to 1", "score in/good.h5 in/weights_sum.h5", 65, ("in/weights_sum.h5", "1.1")),
    Case("one weight for two means", "score in/good.h5 in/weights_length.h5", 65, ("in/weights_length.h5", "weights")),
    Case("NaN in a model", "score in/good.h5 in/nan_mean.h5", 65, ("in/nan_mean.h5", "NaN")),
    Case("model without means", "predict in/good.h5 in/no_means.h5 -o out.h5", 65, ("in/no_means.h5", "means")),
    Case("model without type", "sample in/no_type.h5 -n 9 -o out.h5", 65, ("in/no_type.h5", "covariance_type")),
    Case("score: other columns", "score in/wide.h5 in/model.h5", 65, ("4 columns", "3", "in/model.h5")),
    Case("score: missing model", "score in/good.h5 in/nix.h5", 66, ("in/nix.h5", "no such file")),
    Case("score: bad values", "score in/nan.h5 in/model.h5", 65, ("row 150, column 1",)),
    Case("score: too much data", "score in/sparse.h5 in/model.h5", 71, ("in/sparse.h5", "use more nodes")),
    Case("predict: other columns", "predict in/wide.h5 in/model.h5 -o out.h5", 65, ("4 columns", "3", "in/model.h5")),
    Case("predict: bad values", "predict in/nan.h5 in/model.h5 -o out.h5", 65, ("row 150, column 1",)),
    Case("predict: model is data", "predict in/good.h5 in/wide.h5 -o out.h5", 65, ("in/wide.h5", "not a model")),
    Case("sample: model is text", "sample in/text.h5 -n 10 -o out.h5", 65, ("in/text.h5", "not a sound HDF5 file")),
    Case("convert: missing file", "convert in/nix.csv out.h5", 66, ("in/nix.csv", "no such file")),
    Case("convert: text field", "convert in/text_field.csv out.h5", 65, ("row 200", "column 1", "many")),
    Case("convert: short row", "convert in/short_row.csv out.npy", 65, ("row 202",)),
    Case("convert: 3-D", "convert in/three_dimensions.h5 out.csv", 65, ("3 dimensions",)),
    Case("info: missing file", "info in/nix.h5", 66, ("in/nix.h5", "no such file")),
    Case("info: directory", "info in/directory.h5", 65, ("in/directory.h5", "directory")),
    Case("info: empty file", "info in/empty.h5", 65, ("in/empty.h5", "empty")),
    Case("info: text named .h5", "info in/text.h5", 65, ("in/text.h5", "HDF5")),
    Case("info: only a header", "info in/header_only.csv", 65, ("in/header_only.csv", "0 rows")),
]


class BadInput(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.inputs = Path(tempfile.mkdtemp(prefix="gmmpi-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.inputs)
        write_inputs(cls.inputs)

    def test_data(self):
        self.check_cases([Case(name, FIT.format(data), code, words) for name, data, code, words in DATA_CASES], self.inputs)

    def test_weights_starts_and_other_commands(self):
        self.check_cases(OTHER_CASES, self.inputs)

    def test_the_same_inputs_without_the_fault_are_accepted(self):
        (self.dir / "in").symlink_to(self.inputs)
        for args in ("fit in/good.h5 -k 2 -o out.h5 --init in/model.h5 --max-iter 1", "score in/good.h5 in/model.h5",
                     "predict in/good.h5 in/model.h5 -o labels.h5", "fit in/repeated.h5 -k 4 -o four.h5 --max-iter 1"):
            self.run_ok(args)

    def test_bad_values_in_rows_of_weight_zero_do_not_matter(self):
        weights = np.ones(N)
        weights[[150, 270, 290]] = 0.0
        np.save(self.dir / "w.npy", weights)
        self.run_ok(f"fit {self.inputs}/nan.h5 -k 2 -o out.h5 --sample-weight w.npy --max-iter 1", ranks=3)
