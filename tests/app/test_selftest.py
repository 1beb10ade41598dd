#!/usr/bin/env python3
# gmmpi selftest: the digests in the program are those of this build, on any ranks and threads.
import json
import unittest

from harness import ProgramTest


class SelfTest(ProgramTest):
    def test_all_fits_are_as_recorded(self):
        run = self.run_ok("selftest", threads=2)
        self.assertEqual(run.err, "")
        lines = run.out.splitlines()
        self.assertRegex(lines[-2], r"^(\d+) of \1 fits have the recorded digests")
        self.assertIn("gives the bits of gmmpi", lines[-1])
        self.assertGreaterEqual(len(lines), 33)

    def test_json_on_two_ranks(self):
        run = self.run_ok("selftest --json", ranks=2)
        told = json.loads(run.out)
        self.assertTrue(told["as_recorded"])
        names = [fit["name"] for fit in told["fits"]]
        self.assertEqual(len(set(names)), len(names))
        for fit in told["fits"]:
            self.assertEqual(set(fit["found"].values()), {fit["recorded"]}, fit["name"])
            self.assertIn("scalar", fit["found"])
        digests = [fit["recorded"] for fit in told["fits"]]
        self.assertEqual(len(set(digests)), len(digests))  # no two are the same fit


if __name__ == "__main__":
    unittest.main()
