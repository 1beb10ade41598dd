# Peak memory of a fit of 2,000,000 x 16 doubles with K = 64: the data plus less than 100 MB.
import os
import sys
import unittest

import h5py
import numpy as np

from harness import PROGRAM, SANITIZED, TIMEOUT, ProgramTest, environment, start_and_wait

N, D, K = 2_000_000, 16, 64
MOST = N * D * 8 + 100e6  # bytes

# Waits for one program and prints its peak memory in KiB.
MEASURE = """
import os, sys
pid = os.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print("peak", usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@unittest.skipIf(SANITIZED, "a sanitizer takes memory for itself")
class Memory(ProgramTest):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(2)
        with h5py.File(self.dir / "x.h5", "w") as f:
            x = f.create_dataset("X", (N, D), "f8")
            for first in range(0, N, 100_000):
                x[first:first + 100_000] = rng.normal(size=(100_000, D)) + rng.integers(0, 5, (100_000, 1))

    def peak(self, *options):
        """Bytes."""
        command = [PROGRAM, "fit", "x.h5", "-k", K, "--max-iter", 2, "-o", "m.h5", "--force", *options]
        out, err, code = start_and_wait([sys.executable, "-c", MEASURE, *map(str, command)], self.dir,
                                        environment(threads=2), 4 * TIMEOUT)
        self.assertEqual(code, 0, err)
        return 1024 * int(out.split("peak ")[1])

    def test_fit(self):
        inits = os.environ.get("GMMPI_TEST_INITS", "random-from-data").split()  # kmeans takes the same and three times as long
        for init in inits:
            with self.subTest(init):
                peak = self.peak("--init", init)
                self.assertLess(peak, MOST, f"{(peak - N * D * 8) / 1e6:.0f} MB besides the data")
                self.assertGreater(peak, N * D * 8)  # else it was not measured
