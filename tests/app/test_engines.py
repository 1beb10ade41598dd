# Engines other than EM through the command line: traces in the file, the same bits on ranks and after a stop.
import json

import h5py
import numpy as np

from harness import OLD_FAITHFUL, ProgramTest, gmmpi


class HardEM(ProgramTest):
    COMMAND = f"fit {OLD_FAITHFUL} -k 3 --engine hard --seed 4 --init random-from-data --tol 0 --max-iter 8"

    def fit(self, output, more="", ranks=1):
        return json.loads(self.run_ok(f"{self.COMMAND} --json -o {output} {more}", ranks).out)

    def test_both_traces_are_written_and_what_it_raises_never_falls(self):
        result = self.fit("m.h5")
        with h5py.File(self.dir / "m.h5") as f:
            classification = f["history/classification_log_likelihood"][()]
            mixture = f["history/log_likelihood"][()]
        self.assertEqual(len(classification), len(mixture))
        self.assertTrue((classification <= mixture).all())
        self.assertTrue((np.diff(classification) >= -1e-9 * abs(classification[:-1])).all())
        self.assertEqual(mixture[-1], result["log_likelihood"])
        soft = json.loads(self.run_ok(self.COMMAND.replace("hard", "em") + " --json -o soft.h5").out)
        self.assertNotEqual(result["digest"], soft["digest"])

    def test_the_same_bits_on_ranks_and_after_stops(self):
        whole = self.fit("whole.h5", "--n-init 2")
        self.assertEqual(self.fit("three.h5", "--n-init 2", 3)["digest"], whole["digest"])
        for _ in range(3):
            stopped = gmmpi(f"{self.COMMAND} --n-init 2 --time-limit 0.000001s --checkpoint-every 1it -o part.h5", self.dir, 2)
            self.assertEqual(stopped.codes, [75, 75])
        self.assertEqual(self.fit("part.h5", "--n-init 2", 3)["digest"], whole["digest"])

    def test_acceleration_is_refused(self):
        run = gmmpi(f"{self.COMMAND} --accelerate lbfgs -o m.h5", self.dir, 3)
        self.check_failure(run, 64, ("--accelerate", "--engine em"))
