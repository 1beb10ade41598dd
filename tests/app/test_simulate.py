# gmmpi simulate: the same rows on any ranks, a truth that fits find again, and bad input.
import json

import h5py
import numpy as np

from harness import Case, ProgramTest, gmmpi, in_parallel

DRAW = "simulate -k 3 --n-features 2 -n 3000 --seed 5"


class Simulate(ProgramTest):
    def test_the_same_rows_on_any_ranks(self):
        in_parallel(self.run_ok, [(f"{DRAW} -o {r}.h5 --model truth{r}.h5", r) for r in (1, 3)])
        with h5py.File(self.dir / "1.h5") as a, h5py.File(self.dir / "3.h5") as b:
            self.assertEqual(a["X"].shape, (3000, 2))
            for name in ("X", "labels"):
                self.assertEqual(a[name][()].tobytes(), b[name][()].tobytes())
        self.assertEqual((self.dir / "truth1.h5").read_bytes(), (self.dir / "truth3.h5").read_bytes())

    def test_the_truth_is_found_again(self):
        self.run_ok(f"{DRAW} --separation 3 -o rows.h5 --model truth.h5")
        self.run_ok("fit rows.h5 -k 3 --n-init 3 -o fitted.h5")
        compared = json.loads(self.run_ok("compare truth.h5 fitted.h5 --data rows.h5 --json").out)
        self.assertGreater(compared["adjusted_rand_index"], 0.95)
        with h5py.File(self.dir / "truth.h5") as t, h5py.File(self.dir / "rows.h5") as f:
            shares = np.bincount(f["labels"][()], minlength=3) / 3000
            np.testing.assert_allclose(shares, t["model/weights"][()], atol=0.05)
        self.assertIn("drawn by gmmpi simulate, --separation 3 --seed 5", self.run_ok("info truth.h5").out)

    def test_repeated_and_other_requests(self):
        self.run_ok(f"{DRAW} -o rows.h5 --model truth.h5")
        again = self.run_ok(f"{DRAW} -o rows.h5 --model truth.h5 --json", ranks=2)
        self.assertEqual(again.err.count("holds this already"), 2)
        self.assertEqual(json.loads(again.out)["n_components"], 3)
        self.check_failure(gmmpi(f"{DRAW} --separation 1 -o rows.h5", self.dir), 73, ("rows.h5", "--force"))
        self.check_failure(gmmpi(f"{DRAW} --covariance-type diag -o new.h5 --model truth.h5", self.dir), 73, ("truth.h5", "--force"))
        self.run_ok(f"{DRAW} --separation 1 -o rows.h5 --force")

    def test_errors(self):
        in_parallel(self.run_ok, [(f"{DRAW} -o plain.h5", 1)] + [(f"{DRAW} --errors 0.1:0.8 -o {r}.h5 --model truth.h5 --force", r) for r in (1, 3)])
        self.run_ok(f"{DRAW} --errors 0.1:0.8 -o 1.csv")
        with h5py.File(self.dir / "1.h5") as a, h5py.File(self.dir / "plain.h5") as plain:
            X, errors, true, labels = (a[name][()] for name in ("X", "errors", "true", "labels"))
            np.testing.assert_array_equal(true, plain["X"])
            np.testing.assert_array_equal(labels, plain["labels"])
        self.assertEqual((self.dir / "1.h5").read_bytes(), (self.dir / "3.h5").read_bytes())
        self.assertTrue((errors >= 0.1).all() and (errors <= 0.8).all())
        self.assertAlmostEqual(((X - true) / errors).std(), 1, delta=0.05)
        table = np.genfromtxt(self.dir / "1.csv", delimiter=",", names=True)
        self.assertEqual(table.dtype.names, ("x0", "x1", "x0_error", "x1_error", "x0_true", "x1_true", "label"))
        np.testing.assert_array_equal(np.array(table.tolist()), np.column_stack([X, errors, true, labels]))
        for to in ("c.csv", "c.h5", "c.npy", "some.h5 --columns 1"):
            said = self.run_ok(f"convert 1.h5 {to}").out
            self.assertEqual("without /errors and /true" in said, "c." not in to or "npy" in to, said)
        self.assertEqual((self.dir / "c.csv").read_bytes(), (self.dir / "1.csv").read_bytes())
        with h5py.File(self.dir / "c.h5") as c:
            np.testing.assert_array_equal([c["errors"], c["true"]], [errors, true])
        # The truth is that of the rows without errors, and the fit that knows the errors finds it.
        again = self.run_ok(f"{DRAW} --errors 0.1:0.8 -o 1.h5")
        self.assertIn("holds this already", again.err)
        self.assertIn("next: gmmpi fit 1.h5 --errors 1.h5 -k 3 -o fitted.h5", again.out)
        drawn = self.run_ok(f"{DRAW} --errors 0.5 -o 5.csv")
        self.assertIn("--columns 0,1 --errors 2,3", drawn.out)
        self.check_failure(gmmpi(f"{DRAW} -o 1.h5", self.dir), 73, ("1.h5", "--force"))
        found = []
        for errors in ("--errors 1.h5", "--columns 0,1 --errors 2,3", ""):
            fit = self.run_ok(f"fit 1.{'csv' if 'columns' in errors else 'h5'} {errors} -k 3 --n-init 3 -o fitted.h5 --force")
            told = self.run_ok("info fitted.h5").out
            self.assertEqual([" with errors" in told, "--errors" in told, "--errors" in fit.out], [errors != ""] * 3)
            found.append(json.loads(self.run_ok("compare truth.h5 fitted.h5 --json").out)["kl_ab"])
        self.assertIn("next: gmmpi fit 1.h5 --errors 1.h5", self.run_ok("info 1.h5").out)
        self.assertEqual(found[0], found[1])
        self.assertLess(5 * found[0], found[2])

    def test_bad_input(self):
        rest = "-k 3 --n-features 2 -n 100 -o out.h5"
        bad = [("n-features", v) for v in ("0", "-2", "two", "1.5", "100000")]
        bad += [("separation", v) for v in ("-1", "nan", "far", "inf")] + [("concentration", v) for v in ("0", "0.5", "even")]
        bad += [("errors", v) for v in ("-1", "0.5:0.1", "nan:1", "0:inf", "1:", "a:b", "0.1:0.2:0.3", "")]
        bad += [("n-samples", v) for v in ("0", "many")] + [("n-components", v) for v in ("0", "1:3")] + [("seed", "-1"), ("covariance-type", "fulll")]
        flags = {"n-features": "--n-features 2", "n-samples": "-n 100", "n-components": "-k 3"}
        cases = [Case(f"{name} {v}", f"simulate {rest.replace(flags.get(name, '?'), '')} --{name}='{v}'", 64, (f"--{name}", v),
                      ranks=(1, 3) if i % 4 == 0 else (1,)) for i, (name, v) in enumerate(bad)]
        cases += [Case("no columns", "simulate -k 2 -n 5 -o out.h5", 64, ("--n-features", "missing")),
                  Case("no rows", "simulate -k 2 --n-features 2 -o out.h5", 64, ("-n", "missing")),
                  Case("one file for both", f"simulate {rest} --model out.h5", 73, ("--model", "out.h5")),
                  Case("no such folder", f"simulate {rest} --model nowhere/t.h5", 73, ("nowhere",))]
        self.check_cases(cases)
