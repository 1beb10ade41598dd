# mclust's structures on the command line: names, files, pictures, Python, and a start from given labels.
# covers: src/model/decomposition.cpp
import csv
import json
import unittest

import h5py
import numpy as np

from harness import DATA, OLD_FAITHFUL, ProgramTest, gmmpi, in_parallel
from interrupt import interrupt

LETTERS = "EII VII EEI VEI EVI VVI EEE VEE EVE VVE EEV VEV EVV VVV".split()
FOUR = {"VVV": "full", "EEE": "tied", "VVI": "diag", "VII": "spherical"}
IRIS = DATA / "iris.csv"


def structure_of(path):
    with h5py.File(path) as f:
        model = f["model"]
        return {name: model[name][()] for name in model} | dict(model.attrs)


class Structures(ProgramTest):
    def test_every_name_fits_and_its_file_holds_volume_shape_and_orientation(self):
        def fit(letters):
            self.run_ok(f"fit {IRIS} --columns 0,1,2,3 -k 3 --covariance-type {letters.lower()} --max-iter 5 -o {letters}.h5")
        in_parallel(fit, [(letters,) for letters in LETTERS])
        for letters in LETTERS:
            m = structure_of(self.dir / f"{letters}.h5")
            self.assertEqual(m["covariance_type"], FOUR.get(letters, letters))
            if letters in FOUR:
                self.assertNotIn("scale", m)
                continue
            D, shape = m["orientation"], m["shape"]
            self.assertEqual((m["scale"].shape, shape.shape, D.shape), ((3,), (3, 4), (3, 4, 4)))
            np.testing.assert_allclose(shape.prod(axis=1), 1, rtol=1e-12)
            np.testing.assert_allclose(D.swapaxes(1, 2) @ D, np.broadcast_to(np.eye(4), D.shape), atol=1e-13)
            whole = m["scale"][:, None, None] * (D * shape[:, None, :]) @ D.swapaxes(1, 2)
            c = m["covariances"]
            full = c if c.ndim == 3 else np.eye(4) * (c[:, :, None] if c.ndim == 2 else c[:, None, None])
            np.testing.assert_allclose(whole, full, rtol=1e-11, atol=1e-14)
            if letters[0] == "E":
                np.testing.assert_allclose(m["scale"], m["scale"][0], rtol=1e-12)
            if letters[1] == "E":
                np.testing.assert_allclose(shape, np.broadcast_to(shape[0], shape.shape), rtol=1e-11)
            if letters[2] != "V":
                np.testing.assert_allclose(D, np.broadcast_to(D[0], D.shape), atol=1e-12)
        shown = self.run_ok("info VEV.h5").out
        for text in ("VEV: volumes vary, shapes are equal, orientations vary", "    volume ", "    shape  "):
            self.assertIn(text, shown)

    def test_a_fit_of_each_structure_goes_on_to_the_same_digest(self):
        for letters in ("VEE", "EVE", "VVE", "VEV", "VEI"):
            with self.subTest(letters):
                fit = f"fit {IRIS} --columns 0,1,2,3 -k 4 --covariance-type {letters} --init random --tol 0 --max-iter 400"
                interrupt(self, f"{fit} -o {letters}.h5")
                resumed = json.loads(self.run_ok(f"{fit} -o {letters}.h5 --json", ranks=2).out)
                whole = json.loads(self.run_ok(f"{fit} -o whole{letters}.h5 --json").out)
                self.assertEqual(resumed["digest"], whole["digest"])

    def test_derived_models_samples_and_uses(self):
        self.run_ok("simulate --covariance-type VEV -k 3 --n-features 4 -n 600 --seed 2 -o x.h5 --model true.h5")
        m = structure_of(self.dir / "true.h5")
        eigenvalues = np.linalg.eigvalsh(m["covariances"])
        ratios = eigenvalues / eigenvalues[:1]
        np.testing.assert_allclose(ratios, ratios[:, :1] * np.ones(4), rtol=1e-10)
        self.run_ok("fit x.h5 -k 3 --covariance-type VEV --standardize -o fit.h5")
        self.assertIn("Rand", self.run_ok("compare fit.h5 true.h5").out)
        for command, expected in (("marginal fit.h5 --keep 0,2 -o sub.h5", "full"),
                                  ("condition true.h5 --given 1=0.5 -o sub.h5 --force", "full")):
            self.run_ok(command)
            self.assertEqual(structure_of(self.dir / "sub.h5")["covariance_type"], expected)
        self.run_ok("fit x.h5 -k 3 --covariance-type VEE -o vee.h5")
        self.run_ok("marginal vee.h5 --keep 0,2,3 -o sub.h5 --force")
        self.assertEqual(structure_of(self.dir / "sub.h5")["covariance_type"], "VEE")
        for command in ("score x.h5 fit.h5", "predict x.h5 fit.h5 --mahalanobis -o p.h5", "sample fit.h5 -n 10 -o s.h5",
                        "regress x.h5 fit.h5 --target 1 -o r.h5", "info sub.h5",
                        "fit x.h5 -k 3 --covariance-type EVE --init vee.h5 -o from.h5",
                        "fit x.h5 -k 3 --covariance-type VVE --engine hard -o hard.h5",
                        "fit x.h5 -k 3 --covariance-type VEI --engine kmeans -o means.h5",
                        "fit x.h5 -k 3 --covariance-type EVV --engine stepwise -o step.h5",
                        "fit x.h5 -k 3 --covariance-type EEV --noise --reg-covar 0.01 -o noise.h5",
                        "plot scatter x.h5 fit.h5 -o scatter.png", "plot parameters vee.h5 -o heat.png"):
            with self.subTest(command):
                self.run_ok(command, env={"GMMPI_PYTHON": "/usr/bin/python3"})

    def test_what_a_structure_cannot_do_is_refused(self):
        for args, words in ((f"fit {OLD_FAITHFUL} -k 2 --covariance-type VEE --accelerate lbfgs -o m.h5", ("--accelerate", "VEE")),
                            (f"fit {OLD_FAITHFUL} -k 2 --covariance-type EEC -o m.h5", ("EEC", "full", "VEV"))):
            self.check_failure(gmmpi(args, self.dir), 64, words)

    def test_given_labels_are_the_start_and_not_more(self):
        with open(IRIS) as file:
            labels = [row["label"] for row in csv.DictReader(file)]
        (self.dir / "labels.csv").write_text("".join(f"{name}\n" for name in labels))
        case = json.loads((DATA / "cases" / "structures_iris_k3.json").read_text())
        (self.dir / "start.csv").write_text("".join(f"{k}\n" for k in case["labels"]))
        fit = f"fit {IRIS} --columns 0,1,2,3 -k 3 --covariance-type VEV --tol 0 --max-iter 3"
        self.run_ok(f"{fit} --init-labels start.csv -o m.h5")
        with h5py.File(self.dir / "m.h5") as f:
            np.testing.assert_allclose(f["history/log_likelihood"][:], case["by_type"]["VEV"]["log_likelihood"][:4], rtol=1e-12)
            self.assertNotIn("n_labelled", f["model"].attrs)
        # A column of the data, as text.
        named = json.loads(self.run_ok(f"{fit} --init-labels label -o column.h5 --json").out)
        from_file = json.loads(self.run_ok(f"{fit} --init-labels labels.csv -o file.h5 --json", ranks=2).out)
        self.assertEqual(named["log_likelihood"], from_file["log_likelihood"])
        for more, words in (("--init k-means++", ("--init-labels", "--init")), ("--labels label", ("--init-labels", "--labels"))):
            self.check_failure(gmmpi(f"{fit} --init-labels start.csv {more} -o bad.h5", self.dir), 64, words)
        (self.dir / "two.csv").write_text("0\n1\n" * 75)
        self.check_failure(gmmpi(f"{fit} --init-labels two.csv -o bad.h5", self.dir), 65, ("two.csv",))

    def test_a_selection_over_all_structures_shows_the_best_three(self):
        out = self.run_ok(f"select {OLD_FAITHFUL} -k 1:3 --covariance-type all --n-init 2 -o all.h5").out
        for letters in LETTERS:
            self.assertIn(FOUR.get(letters, letters), out)
        for word in ("bic ", "K = 1", "best ", "difference "):
            self.assertIn(word, out)
        (self.dir / "one.csv").write_text("".join(f"{x}\n" for x in np.random.default_rng(1).normal(size=100)))
        run = self.run_ok("select one.csv -k 1:2 --covariance-type all -o one.h5")
        with h5py.File(self.dir / "one.h5") as f:
            self.assertEqual(sorted({name.decode() for name in f["grid/covariance_type"][:]}), ["EII", "spherical"], run.err)


if __name__ == "__main__":
    unittest.main()
