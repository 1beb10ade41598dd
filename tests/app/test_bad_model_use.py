# Models, columns, values and shares that marginal, condition, regress, compare and predict cannot use.
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np

from harness import Case, ProgramTest

D = 3


def write_inputs(folder):
    """Every file that a case names as in/..."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, D))
    np.save(folder / "x.npy", x)
    np.save(folder / "one.npy", x[:, :1])
    np.save(folder / "wide.npy", np.hstack([x, x]))
    x[200, 1] = np.nan
    np.save(folder / "nan.npy", x)

    def model(name, names=None, d=D):
        with h5py.File(folder / name, "w") as f:
            f["model/weights"], f["model/means"], f["model/covariances"] = [0.5, 0.5], np.arange(2.0 * d).reshape(2, d), np.stack([np.eye(d)] * 2)
            f["model"].attrs["covariance_type"] = "full"
            if names is not None:
                f["feature_names"] = names

    model("m.h5")
    model("named.h5", ["width", "height", "depth"])
    model("two_names.h5", ["width", "height"])
    model("numbers.h5", [1.0, 2.0, 3.0])
    model("narrow.h5", d=2)
    model("single.h5", d=1)
    model("bare.h5")
    with h5py.File(folder / "bare.h5", "a") as f:
        del f["model/covariances"]
    with h5py.File(folder / "bernoulli.h5", "w") as f:
        f["model/weights"], f["model/means"] = [0.5, 0.5], np.array([[0.1, 0.5, 0.9], [0.5, 0.5, 0.5]])
        f["model"].attrs["family"] = "bernoulli"
    model("singular.h5")
    with h5py.File(folder / "singular.h5", "a") as f:
        f["model/covariances"][1] = np.ones((D, D))


KEEP = "marginal in/{} -o out.h5 --keep={}"
GIVEN = "condition in/{} -o out.h5 --given='{}'"
TARGET = "regress in/{} in/{} -o out.h5 --target={}"
# name, model, --keep, words
KEEP_CASES = [
    ("column beyond the last", "m.h5", "0,3", ("--keep", "column 3", "0 to 2")),
    ("negative column", "m.h5", "-1", ("--keep", "column -1")),
    ("column twice", "m.h5", "1,0,1", ("--keep", "column 1", "twice")),
    ("column twice, by name", "named.h5", "0,width", ("--keep", "column 0", "twice")),
    ("name, but the model has none", "m.h5", "width", ("--keep", "'width'", "no names", "0 to 2")),
    ("unknown name", "named.h5", "width,girth", ("--keep", "'girth'", "width, height, depth")),
    ("fraction", "m.h5", "0.5", ("--keep", "'0.5'")),
    ("empty part", "m.h5", "0,", ("--keep", "''")),
]
GIVEN_CASES = [
    ("column beyond the last", "m.h5", "3=1", ("--given", "column 3", "0 to 2")),
    ("column twice", "m.h5", "1=0,1=2", ("--given", "column 1", "twice")),
    ("all columns", "m.h5", "0=1,1=1,2=1", ("--given", "all columns", "leave")),
    ("the only column", "single.h5", "0=1", ("--given", "all columns")),
    ("unknown name", "named.h5", "girth=1", ("--given", "'girth'", "width")),
    ("no value", "m.h5", "0", ("--given", "'0'", "COLUMN=VALUE")),
    ("empty value", "m.h5", "0=", ("--given", "''", "COLUMN=VALUE")),
    ("not a number", "m.h5", "0=many", ("--given", "'many'")),
    ("NaN", "m.h5", "0=nan", ("--given", "'nan'", "finite")),
    ("infinite", "m.h5", "0=1,1=-inf", ("--given", "'-inf'", "finite")),
    ("beyond double", "m.h5", "0=1e999", ("--given", "'1e999'")),
    ("no column", "m.h5", "=1", ("--given", "''")),
]
TARGET_CASES = [
    ("column beyond the last", "m.h5", "3", ("--target", "column 3")),
    ("column twice", "m.h5", "1,1", ("--target", "column 1", "twice")),
    ("all columns", "m.h5", "0,1,2", ("--target", "all columns")),
    ("unknown name", "named.h5", "girth", ("--target", "'girth'")),
]
PREDICT = "predict in/x.npy in/m.h5 -o out.h5 "
CASES = [
    *(Case(f"keep: {name}", KEEP.format(model, keep), 64, words, ranks=(1,)) for name, model, keep, words in KEEP_CASES),
    *(Case(f"given: {name}", GIVEN.format(model, given), 64, words, ranks=(1,)) for name, model, given, words in GIVEN_CASES),
    *(Case(f"target: {name}", TARGET.format("x.npy", model, target), 64, words, ranks=(1,)) for name, model, target, words in TARGET_CASES),
    *(Case("three ranks", command, 64, words, ranks=(3,)) for command, words in
      ((KEEP.format("named.h5", "girth"), ("--keep", "'girth'")), (GIVEN.format("m.h5", "0=nan"), ("--given", "'nan'")),
       (TARGET.format("x.npy", "m.h5", "1,1"), ("--target", "twice")))),
    Case("no --keep", "marginal in/m.h5 -o out.h5", 64, ("--keep", "missing")),
    Case("no --given", "condition in/m.h5 -o out.h5", 64, ("--given", "missing")),
    Case("no --target", "regress in/x.npy in/m.h5 -o out.h5", 64, ("--target", "missing")),
    Case("marginal: no output", "marginal in/m.h5 --keep 0", 64, ("-o", "missing")),
    Case("marginal: missing model", KEEP.format("nix.h5", 0), 66, ("in/nix.h5", "no such file")),
    Case("marginal: two names for three columns", KEEP.format("two_names.h5", 0), 65, ("in/two_names.h5", "2 names", "3 columns")),
    Case("marginal: numbers as names", KEEP.format("numbers.h5", 0), 65, ("in/numbers.h5", "feature_names", "text")),
    Case("info: two names for three columns", "info in/two_names.h5", 65, ("in/two_names.h5", "2 names")),
    Case("condition: data as model", GIVEN.format("x.npy", "0=1"), 65, ("in/x.npy",)),
    Case("condition: model without covariances", GIVEN.format("bare.h5", "0=1"), 65, ("in/bare.h5", "covariances")),
    Case("condition: singular model", GIVEN.format("singular.h5", "0=1"), 65, ("in/singular.h5", "component 1", "positive definite")),
    Case("regress: too few columns", TARGET.format("one.npy", "m.h5", 0), 65, ("in/one.npy", "1 column", "in/m.h5", "3", "2")),
    Case("regress: too many columns", TARGET.format("wide.npy", "m.h5", 0), 65, ("in/wide.npy", "6 columns")),
    Case("regress: bad value", TARGET.format("nan.npy", "m.h5", 0), 65, ("in/nan.npy", "row 200, column 1", "NaN")),
    Case("regress: missing data", TARGET.format("nix.npy", "m.h5", 0), 66, ("in/nix.npy", "no such file")),
    Case("regress: model without covariances", TARGET.format("x.npy", "bare.h5", 0), 65, ("in/bare.h5", "covariances")),
    Case("compare: other columns", "compare in/m.h5 in/narrow.h5", 65, ("in/m.h5", "3 columns", "in/narrow.h5", "2 columns")),
    Case("compare: one model", "compare in/m.h5", 64, ("MODEL_B",)),
    Case("compare: missing model", "compare in/m.h5 in/nix.h5", 66, ("in/nix.h5", "no such file")),
    Case("compare: model without covariances", "compare in/bare.h5 in/m.h5", 65, ("in/bare.h5", "covariances")),
    Case("compare: data of other columns", "compare in/m.h5 in/m.h5 --data in/one.npy", 65, ("in/one.npy", "1 column", "3")),
    Case("compare: bad value", "compare in/m.h5 in/m.h5 --data in/nan.npy", 65, ("in/nan.npy", "row 200, column 1")),
    Case("compare: missing data", "compare in/m.h5 in/m.h5 --data in/nix.npy", 66, ("in/nix.npy", "no such file")),
    Case("Bernoulli: value that is not binary", GIVEN.format("bernoulli.h5", "0=0.5"), 64, ("given", "0 or 1")),
    Case("Bernoulli: score of other rows", "score in/x.npy in/bernoulli.h5", 65, ("in/x.npy", "row 0, column 0", "zeros and ones")),
    Case("Bernoulli: regress of other rows", TARGET.format("x.npy", "bernoulli.h5", 0), 65, ("in/x.npy", "row 0", "zeros and ones")),
    Case("Bernoulli: no distances", "predict in/x.npy in/bernoulli.h5 --mahalanobis -o out.h5", 64, ("--mahalanobis", "in/bernoulli.h5")),
    Case("Bernoulli: no ellipsoids", "predict in/x.npy in/bernoulli.h5 --outliers 0.1 --outlier-rule chi2 -o out.h5", 64,
         ("--outlier-rule chi2", "in/bernoulli.h5")),
    Case("compare: another distribution", "compare in/m.h5 in/bernoulli.h5", 65, ("in/m.h5", "gaussian", "in/bernoulli.h5", "bernoulli")),
    Case("outliers: model and a tiny share", PREDICT + "--outliers 1e-5 --outlier-rule model", 64, ("--outliers", "1e-5", "model", "chi2")),
    Case("outliers: nothing", PREDICT + "--outliers 0", 64, ("--outliers", "between 0 and 1")),
    Case("outliers: everything", PREDICT + "--outliers 1", 64, ("--outliers", "between 0 and 1")),
    Case("outliers: a percentage", PREDICT + "--outliers 5", 64, ("--outliers", "between 0 and 1")),
    Case("score: output is the data", "score in/x.npy in/m.h5 -o in/x.npy", 73, ("in/x.npy", "input")),
    Case("marginal: output is the model", "marginal in/m.h5 --keep 0 -o in/m.h5 --force", 73, ("in/m.h5", "input")),
    Case("regress: output is the data", "regress in/x.npy in/m.h5 --target 0 -o in/x.npy --force", 73, ("in/x.npy", "input")),
]


class BadModelUse(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.inputs = Path(tempfile.mkdtemp(prefix="gmmpi-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.inputs)
        write_inputs(cls.inputs)

    def test_cases(self):
        self.check_cases(CASES, self.inputs)

    def test_the_same_inputs_without_the_fault_are_accepted(self):
        (self.dir / "in").symlink_to(self.inputs)
        for args in (KEEP.format("m.h5", 0), GIVEN.format("named.h5", "width=1,2=1") + " --force", TARGET.format("x.npy", "m.h5", 0) + " --force",
                     "compare in/m.h5 in/m.h5 --data in/x.npy -n 2", PREDICT + "--outliers 1e-4 --outlier-rule model --force",
                     PREDICT + "--outliers 1e-9 --outlier-rule chi2 --force"):
            self.run_ok(args)
