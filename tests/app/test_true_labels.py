# score and compare --labels: the adjusted Rand index and the accuracy of the best matching, judged by scikit-learn and scipy.
import json
import unittest

import h5py
import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score

from harness import DATA, Case, ProgramTest


def judged(truth, labels):
    """The index and the accuracy of rows that are labelled; noise (-1) is matched with nothing."""
    rows = truth >= 0
    truth, labels = truth[rows], labels[rows]
    table = np.zeros((labels.max() + 1, truth.max() + 1), dtype=int)
    np.add.at(table, (labels[labels >= 0], truth[labels >= 0]), 1)
    return adjusted_rand_score(truth, labels), table[linear_sum_assignment(-table)].sum() / len(truth)


class TrueLabels(ProgramTest):
    def setUp(self):
        super().setUp()
        self.X = np.loadtxt(DATA / "iris.csv", delimiter=",", skiprows=1, usecols=range(4))
        self.truth = np.repeat([0, 1, 2], 50)
        np.save(self.dir / "x.npy", self.X)
        np.save(self.dir / "truth.npy", self.truth)

    def labels(self, model):
        self.run_ok(f"predict x.npy {model} -o p.h5 --force")
        with h5py.File(self.dir / "p.h5") as f:
            return f["labels"][()]

    def check(self, found, truth, labels):
        index, accuracy = judged(truth, labels)
        self.assertAlmostEqual(found["adjusted_rand_index"], index, places=12)
        self.assertAlmostEqual(found["accuracy"], accuracy, places=12)
        self.assertEqual(found["n_labelled"], (truth >= 0).sum())

    def test_score(self):
        r = np.random.default_rng(3)
        some = np.where(r.uniform(size=150) < 0.3, -1, self.truth)
        np.save(self.dir / "some.npy", some)
        np.save(self.dir / "other.npy", self.truth[::-1] * 3 + 2)  # classes 2, 5, 8
        np.save(self.dir / "one.npy", np.zeros(150, dtype=int))
        weights = r.uniform(size=150) * (np.arange(150) % 5 > 0)
        np.save(self.dir / "w.npy", weights)
        for K, more in ((1, ""), (5, ""), (3, "--noise --covariance-type diag")):
            self.run_ok(f"fit x.npy -k {K} --seed 2 {more} -o m.h5 --force")
            labels = self.labels("m.h5")
            for name, truth in (("truth", self.truth), ("some", some), ("other", self.truth[::-1] * 3 + 2), ("one", self.truth * 0)):
                runs = [self.run_ok(f"score x.npy m.h5 --labels {name}.npy --json", ranks).out for ranks in ((1, 3) if K == 3 else (2,))]
                self.assertEqual(len(set(runs)), 1)
                self.check(json.loads(runs[0])["labels"], truth, labels)
        alone = json.loads(self.run_ok("score x.npy m.h5 --json").out)
        both = json.loads(runs[0])
        del both["labels"]
        self.assertEqual(both, alone)
        weighted = self.run_ok("score x.npy m.h5 --labels truth.npy --sample-weight w.npy --json", ranks=3)
        self.check(json.loads(weighted.out)["labels"], np.where(weights > 0, self.truth, -1), labels)
        text = self.run_ok("score x.npy m.h5 --labels some.npy --sample-weight w.npy").out
        self.assertIn("each counted once, whatever its weight", text)
        self.assertIn(f"; {((some < 0) & (weights > 0)).sum()} without a label are left out)", text)
        self.assertRegex(text, r"labels some.npy: adjusted Rand index [\d.]+, accuracy [\d.]+ \(component: class, \d: \d, ")

    def test_compare(self):
        for name, K in (("a", 3), ("b", 4)):
            self.run_ok(f"fit x.npy -k {K} --seed 2 -o {name}.h5")
        runs = [self.run_ok("compare a.h5 b.h5 -n 100 --data x.npy --labels truth.npy --json", ranks).out for ranks in (1, 3)]
        self.assertEqual(*runs)
        for name in "ab":
            self.check(json.loads(runs[0])["labels"][name], self.truth, self.labels(f"{name}.h5"))
        text = self.run_ok("compare a.h5 b.h5 -n 100 --data x.npy --labels truth.npy").out
        self.assertRegex(text, r"labels truth.npy: 150 rows\n  A: adjusted Rand index [\d.]+, accuracy [\d.]+ \(component: class, \d: \d, ")

    def test_bad_labels(self):
        self.run_ok("fit x.npy -k 3 --seed 2 -o m.h5")
        for name, values in (("none", np.full(150, -1)), ("half", self.truth + 0.5), ("big", self.truth + 70000), ("few", self.truth[:9])):
            np.save(self.dir / f"{name}.npy", values)
        score = "score in/x.npy in/m.h5 --labels in/"
        self.check_cases([Case("none", score + "none.npy", 65, ("none.npy", "no row has a label")),
                          Case("half", score + "half.npy", 65, ("row 0 is 0.5", "whole numbers from 0 to 65535")),
                          Case("big", score + "big.npy", 65, ("row 0 is 70000", "65535")),
                          Case("few", score + "few.npy", 65, ("9 labels for 150 rows",)),
                          Case("gone", score + "gone.npy", 66, ("gone.npy",)),
                          Case("no rows", "compare in/m.h5 in/m.h5 --labels in/none.npy", 64, ("--labels", "--data"))], self.dir)


if __name__ == "__main__":
    unittest.main()
