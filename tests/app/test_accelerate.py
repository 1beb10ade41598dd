# Accelerated fits by the program: fewer sweeps, what is written and logged of them, and that they resume.
import json

import h5py
import numpy as np

from harness import DATA, ProgramTest, gmmpi

CASE = json.loads((DATA / "cases" / "em_old_faithful_std_k2_full.json").read_text())
FIT = f"fit {DATA}/old_faithful_std.csv -k 2 --init start.h5 --reg-covar 0"


class Accelerate(ProgramTest):
    def setUp(self):
        super().setUp()
        with h5py.File(self.dir / "start.h5", "w") as f:
            for name in ("weights", "means", "covariances"):
                f["model/" + name] = np.array(CASE["start"][name])
            f["model"].attrs["covariance_type"] = "full"

    def fit(self, options, output="m.h5", ranks=1):
        """The printed result, and the model's attributes and history."""
        result = json.loads(self.run_ok(f"{FIT} {options} -o {output} --json --force", ranks).out)
        with h5py.File(self.dir / output) as f:
            return result, dict(f["model"].attrs), dict(f["options"].attrs), f["history/log_likelihood"][()], f["history"].attrs["n_sweeps"]

    def test_fewer_sweeps_across_the_plateau(self):
        plain, _, _, _, plain_sweeps = self.fit("")
        fast, model, options, history, fast_sweeps = self.fit("--accelerate lbfgs", ranks=2)
        self.assertEqual((plain["n_sweeps"], fast["n_sweeps"]), (plain_sweeps, fast_sweeps))
        self.assertEqual(plain["n_rejected"], 0)
        self.assertLessEqual(fast_sweeps, 0.7 * plain_sweeps)
        self.assertAlmostEqual(fast["log_likelihood"], CASE["limit"]["log_likelihood"], delta=1e-6 * CASE["n"])
        self.assertTrue(fast["converged"])
        self.assertTrue((np.diff(history) >= 0).all())
        self.assertEqual(len(history), fast["n_iter"] + 1)
        self.assertGreater(fast["n_rejected"], 0)
        self.assertEqual(fast_sweeps, len(history) + fast["n_rejected"] + fast["n_recentred"])
        self.assertEqual((model["n_rejected"], options["accelerate"]), (fast["n_rejected"], "lbfgs"))

    def test_plain_fits_are_as_ever(self):
        """`--accelerate none` is the default; nothing of it is in the digest."""
        default, model, options, _, _ = self.fit("")
        self.assertEqual(self.fit("--accelerate none")[0]["digest"], default["digest"])
        self.assertNotIn("n_rejected", model)
        self.assertEqual(options["accelerate"], "none")

    def test_log(self):
        run = self.run_ok(f"{FIT} --accelerate lbfgs -o m.h5 --log-json log.json")
        events = [json.loads(line) for line in (self.dir / "log.json").read_text().splitlines()]
        rejected = [e for e in events if e["event"] == "rejected"]
        end = events[-1]
        self.assertEqual(events[0]["accelerate"], "lbfgs")
        self.assertEqual(end["n_rejected"], len(rejected))
        iterations = {e["iteration"]: e["log_likelihood"] for e in events if e["event"] == "iteration"}
        self.assertEqual(end["n_sweeps"], len(iterations) + len(rejected))
        for e in rejected:
            self.assertLess(e["log_likelihood"], iterations[e["iteration"] - 1])
        self.assertIn("(accelerated)", run.err)
        self.assertIn(f"; {end['n_sweeps']} sweeps in all, {len(rejected)} extrapolation", run.out)

    def test_an_output_of_another_acceleration_is_not_the_same_fit(self):
        self.run_ok(f"{FIT} -o m.h5")
        self.check_failure(gmmpi(f"{FIT} --accelerate lbfgs -o m.h5", self.dir), 73, ("m.h5", "--force"))
        self.run_ok(f"{FIT} --accelerate lbfgs -o m.h5 --force")
        self.assertIn("complete already", self.run_ok(f"{FIT} --accelerate lbfgs -o m.h5").err)
