# fit --short-runs by the program: what is written, the same bits on ranks and after stops, fewer passes.
import json

import h5py

from harness import OLD_FAITHFUL, ProgramTest, gmmpi
from interrupt import stop_on_the_way


class ShortRuns(ProgramTest):
    FIT = f"fit {OLD_FAITHFUL} -k 4 --init random-from-data --tol 1e-8"
    COMMAND = FIT + " --n-init 6 --short-runs 4"

    def fit(self, options, output, ranks=1):
        return json.loads(self.run_ok(f"{options} --json -o {output}", ranks).out)

    def test_one_run_goes_on(self):
        result = self.fit(self.COMMAND, "m.h5")
        self.assertTrue(result["converged"])
        alone = self.fit(f"{self.FIT} --seed {result['best_restart']}", "alone.h5")
        self.assertEqual(alone["log_likelihood"], result["log_likelihood"])
        self.assertLess(result["n_sweeps"], self.fit(self.FIT + " --n-init 6", "all.h5")["n_sweeps"])
        with h5py.File(self.dir / "m.h5") as f, h5py.File(self.dir / "alone.h5") as g:
            self.assertEqual(f["model/means"][()].tobytes(), g["model/means"][()].tobytes())
            self.assertEqual(f["history/log_likelihood"][()].tobytes(), g["history/log_likelihood"][()].tobytes())
            self.assertEqual(f["options"].attrs["short_runs"], 4)
            self.assertEqual(len(f["history/restart_log_likelihood"]), 7)

    def test_the_same_bits_on_ranks_and_after_stops(self):
        command = self.COMMAND.replace("1e-8", "0") + " --max-iter 5000"
        whole = self.fit(command, "whole.h5")
        self.assertEqual(self.fit(command, "three.h5", 3)["digest"], whole["digest"])
        for ranks in (1, 2):
            stop_on_the_way(self, f"{command} -o part.h5", ranks)
        part = self.run_ok(f"{command} --json -o part.h5", 3)
        self.assertIn("resumed from ", part.err)
        self.assertEqual(json.loads(part.out)["digest"], whole["digest"])

    def test_changed_options_are_refused_by_name(self):
        stop_on_the_way(self, self.COMMAND.replace("1e-8", "0") + " --max-iter 5000 -o m.h5")
        for change, words in (("--n-init 7 --short-runs 4", "--n-init"), ("--n-init 6 --short-runs 5", "--short-runs"),
                              ("--n-init 6", "--short-runs was 4, now 0")):
            self.check_failure(gmmpi(self.FIT.replace("1e-8", "0") + f" --max-iter 5000 {change} -o m.h5", self.dir, 2), 76, (words, "--force"))

    def test_the_log_says_what_goes_on_and_warns_of_no_short_run(self):
        run = self.run_ok(f"{self.COMMAND} -o m.h5")
        self.assertIn("6 starts of 4 iterations", run.err)
        self.assertIn("start: the best short run, restart ", run.err)
        self.assertNotIn("warning", run.err)

    def test_engines_that_have_none(self):
        for more in ("--engine kmeans", "--trace elbo"):
            self.check_failure(gmmpi(f"{self.COMMAND} {more} -o m.h5", self.dir, 2), 64, ("--short-runs", "leave one"))
