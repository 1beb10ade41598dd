# Sample weights of any unit: what BIC and ICL make of them, --relative-weights, and weights that are too large or small.
import json
import math
import unittest

import h5py
import numpy as np

from harness import Case, ProgramTest

FIT = "-k 2 --seed 1 --reg-covar 0"
SCORE = "score x.npy m.h5 --json --sample-weight"


class Weights(ProgramTest):
    def setUp(self):
        super().setUp()
        r = np.random.default_rng(11)
        self.X = np.vstack([r.normal(size=(150, 2)), r.normal(size=(50, 2)) * 0.5 + [5, 2]])
        self.w = r.uniform(0.1, 3, 200)
        self.w[::17] = 0
        np.save(self.dir / "x.npy", self.X)
        for name, w in (("ones", np.ones(200)), ("shares", np.full(200, 1 / 200)), ("w", self.w)):
            np.save(self.dir / f"{name}.npy", w)

    def warnings(self, run):
        return [line for line in run.err.splitlines() if line.startswith("gmmpi: warning: ") and "weights" in line]

    def parameters(self, path):
        with h5py.File(self.dir / path) as f:
            return [f["model"][name][()].tobytes() for name in ("weights", "means", "covariances")]

    def test_weights_that_do_not_count_rows_are_warned_of(self):
        select = "select x.npy -k 1:3 --covariance-type full --json --force -o s.h5 --sample-weight"
        unweighted = json.loads(self.run_ok("select x.npy -k 1:3 --covariance-type full --json -o u.h5").out)
        self.run_ok(f"fit x.npy {FIT} -o m.h5")
        for command in (select, SCORE, f"fit x.npy {FIT} --json --force -o f.h5 --sample-weight"):
            for ranks in (1, 3):
                warnings = self.warnings(self.run_ok(f"{command} shares.npy", ranks))
                self.assertEqual(len(warnings), 1, command)
                self.assertIn("weights shares.npy of 200 rows sum to 1, which BIC and ICL take for the number of rows", warnings[0])
            for right in ("ones.npy", "w.npy", "shares.npy --relative-weights"):
                self.assertEqual(self.warnings(self.run_ok(f"{command} {right}")), [], f"{command} {right}")
        relative = json.loads(self.run_ok(f"{select} shares.npy --relative-weights", ranks=3).out)
        self.assertEqual(relative["n_components"], unweighted["n_components"])
        self.assertAlmostEqual(relative["bic"], unweighted["bic"], places=7)

    def test_relative_weights_are_w_n_over_sum(self):
        scaled = self.w * (np.count_nonzero(self.w) / math.fsum(self.w))
        np.save(self.dir / "scaled.npy", scaled)
        for power in (-1000, -300, 300, 1000):
            np.save(self.dir / f"p{power}.npy", np.ldexp(self.w, power))
        by_hand = json.loads(self.run_ok(f"fit x.npy {FIT} --sample-weight scaled.npy -o hand.h5 --json").out)
        digests = set()
        for ranks, weights in ((1, "w"), (3, "w"), (1, "p-1000"), (2, "p-300"), (1, "p300"), (3, "p1000")):
            run = self.run_ok(f"fit x.npy {FIT} --sample-weight {weights}.npy --relative-weights -o r.h5 --json --force", ranks)
            digests.add(json.loads(run.out)["digest"])
        self.assertEqual(len(digests), 1)
        self.assertEqual(self.parameters("r.h5"), self.parameters("hand.h5"))
        with h5py.File(self.dir / "r.h5") as r, h5py.File(self.dir / "hand.h5") as hand:
            self.assertEqual(r["options"].attrs["data_fingerprint"], hand["options"].attrs["data_fingerprint"])
            self.assertEqual(r["options"].attrs["relative_weights"], "true")
            self.assertNotIn("relative_weights", hand["options"].attrs)
            self.assertEqual(r["model"].attrs["bic"], by_hand["bic"])
        dry = self.run_ok(f"fit x.npy {FIT} --sample-weight p1000.npy --relative-weights -o no.h5 --dry-run", ranks=2)
        self.assertNotIn("sample weights", dry.err + dry.out)
        score = json.loads(self.run_ok("score x.npy r.h5 --sample-weight p1000.npy --relative-weights --json", ranks=2).out)
        self.assertAlmostEqual(score["total_weight"], np.count_nonzero(self.w), places=9)
        self.assertAlmostEqual(score["bic"], by_hand["bic"], places=7)

    def test_a_power_of_two_changes_no_parameter(self):
        self.run_ok(f"fit x.npy {FIT} --sample-weight w.npy -o m.h5")
        for power in (-700, -100, 100, 900):
            np.save(self.dir / "p.npy", np.ldexp(self.w, power))
            self.run_ok(f"fit x.npy {FIT} --sample-weight p.npy -o p.h5 --force", ranks=1 + (power > 0))
            self.assertEqual(self.parameters("p.h5"), self.parameters("m.h5"), power)

    def test_weights_are_blamed_for_what_they_do(self):
        with h5py.File(self.dir / "start.h5", "w") as f:
            f.create_group("model").attrs["covariance_type"] = "full"
            f["model/weights"], f["model/means"], f["model/covariances"] = [0.5, 0.5], [[0, 0], [4, 1.0]], [np.eye(2)] * 2
        cases = []
        for name, value, words in (("huge", 1e306, ("sum to more than 1.8e+308", "overflow", "--relative-weights")),
                                   ("large", 1e300, ("sum to 2e+302", "overflow", "--relative-weights")),
                                   ("tiny", 1e-300, ("largest sample weight is 1e-300", "lose their digits", "--relative-weights")),
                                   ("denormal", 1e-320, ("largest sample weight is 1e-320", "--relative-weights")),
                                   ("negative", -1.0, ("row 0 is negative", "finite and not negative")),
                                   ("nan", np.nan, ("row 0 is nan", "finite and not negative")),
                                   ("infinite", np.inf, ("row 0 is infinite", "finite and not negative")),
                                   ("zero", 0.0, ("every sample weight is zero",))):
            np.save(self.dir / f"{name}.npy", np.full(200, value))
            for how in ("--init start.h5", ""):
                cases.append(Case(name, f"fit in/x.npy {FIT} {how.replace('start', 'in/start')} --sample-weight in/{name}.npy -o o.h5", 65,
                                  (f"{name}.npy", *words), ranks=(3,) if how else (1,)))
        cases.append(Case("none", f"fit in/x.npy {FIT} --relative-weights -o o.h5", 64, ("--relative-weights", "--sample-weight")))
        cases.append(Case("all zero", f"fit in/x.npy {FIT} --relative-weights --sample-weight in/zero.npy -o o.h5", 65, ("every sample weight is zero",)))
        far = np.array(self.X)
        far[:, 0] *= 1e100
        np.save(self.dir / "far.npy", far)
        np.save(self.dir / "w100.npy", np.full(200, 1e100))
        cases.append(Case("both", f"fit in/far.npy {FIT} --sample-weight in/w100.npy -o o.h5", 65, ("the sample weights sum to 2e+102", "overflow")))
        with h5py.File(self.dir / "away.h5", "w") as f:
            f.create_group("model").attrs["covariance_type"] = "spherical"
            f["model/weights"], f["model/means"], f["model/covariances"] = [0.5, 0.5], [[0, 0], [1e110, 1.0]], [1.0, 1.0]
        cases.append(Case("a start far away", f"fit in/x.npy {FIT} --covariance-type spherical --init in/away.h5 --sample-weight in/w100.npy -o o.h5",
                          79, ("the sample weights sum to 2e+102", "overflow")))
        self.check_cases(cases, self.dir)


if __name__ == "__main__":
    unittest.main()
