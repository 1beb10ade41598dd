# Shared starts of a selection: no structure below one that is nested in it, and the same table on ranks and after stops.
import itertools
import json
import re
import unittest

import numpy as np

from harness import DATA, OLD_FAITHFUL, Case, ProgramTest, in_parallel
from interrupt import checkpoints, interrupt
from test_select import digests, grid_of

IRIS = DATA / "iris.csv"
LETTERS = {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII"}
FOUR = f"select {IRIS} --columns 0,1,2,3 -k 4 --covariance-type tied,VEE,EVE,full"
LONG = f"select {OLD_FAITHFUL} -k 3:4 --covariance-type EEI,tied,VEE --n-init 2 --tol 0 --max-iter 300"


def table(grid):
    """{(letters, K): (log-likelihood, degenerate, started from)}."""
    names = [LETTERS.get(name, name) for name in grid["covariance_type"]]
    return dict(zip(zip(names, grid["n_components"]), zip(grid["log_likelihood"], grid["degenerate"], grid["started_from"])))


def is_nested(poorer, richer):
    return poorer != richer and all("IEV".index(a) <= "IEV".index(b) for a, b in zip(poorer, richer))


def falls(cells):
    """Structures that are less likely than a sound one nested in them."""
    return [(a, b, K) for (a, K), (b, L) in itertools.permutations(cells, 2)
            if K == L and is_nested(a, b) and not cells[a, K][1] and cells[a, K][0] > cells[b, K][0] + 1e-9 * abs(cells[a, K][0])]


class Nesting(ProgramTest):
    def test_no_structure_is_less_likely_than_one_nested_in_it(self):
        runs = in_parallel(self.run_ok, [(f"{FOUR} --json -o {name}.h5 --share-starts {name}",) for name in ("no", "yes")])
        alone, shared = (json.loads(run.out)["grid"] for run in runs)
        self.assertNotIn("started_from", alone)
        before, after = table(alone | {"started_from": [""] * 4}), table(shared)
        self.assertEqual(falls(before), [("EEE", "VEE", 4), ("EEE", "EVE", 4)])  # else this shows nothing
        self.assertEqual(falls(after), [])
        for key, (log_likelihood, _, donor) in after.items():
            self.assertGreaterEqual(log_likelihood, before[key][0])
            self.assertEqual(donor == "", log_likelihood == before[key][0], key)
        self.assertEqual(after["VEE", 4][2], "tied")
        self.assertIn("  from tied", runs[1].err)
        self.assertRegex(self.run_ok("info yes.h5").out, r"(?m)^VEE .* from tied$")

    def test_all_structures_of_old_faithful(self):
        run = self.run_ok(f"select {OLD_FAITHFUL} -k 4:5 --covariance-type all --n-init 2 -o all.h5")
        self.assertIn("; +: started from another type's model", run.out)
        self.assertRegex(run.out, r"(?m)^\w+ .*\d\+")
        self.assertEqual(falls(table(grid_of(self.dir / "all.h5")[0])), [])

    def test_types_that_share_nothing_are_fitted_as_alone(self):
        command = f"select {OLD_FAITHFUL} -k 2:3 --covariance-type tied,diag --n-init 4"
        in_parallel(self.run_ok, [(f"{command} --share-starts {name} -o {name}.h5",) for name in ("no", "yes")])
        self.assertEqual(digests(self.dir / "yes.h5"), digests(self.dir / "no.h5"))

    def test_half_of_the_starts_are_random_unless_a_start_is_named(self):
        command = f"select {OLD_FAITHFUL} -k 3 --covariance-type tied,full --n-init 4 --checkpoint-every 1000it"
        for more, n in (("", 2), ("--init kmeans", 0), ("--share-starts no", 0), ("--n-init 1", 0)):
            given = command.replace("--n-init 4", "") if "--n-init" in more else command
            self.run_ok(f"{given} {more} --log-json log.json -o m.h5 --force")
            written = set(re.findall(r"m\.ckpt\.\w+\.3\.random", (self.dir / "log.json").read_text()))
            (self.dir / "log.json").unlink()
            self.assertEqual(len(written), n, more)
            self.assertEqual(list(self.dir.glob("*ckpt*")), [])

    def test_bad_values(self):
        self.check_cases([Case("neither", f"select {OLD_FAITHFUL} -k 2 --share-starts maybe -o m.h5", 64, ("--share-starts", "maybe", "yes"))])


class SameTable(ProgramTest):
    def test_on_ranks_in_groups_and_after_stops(self):
        for more in ("", "--criterion cv --folds 2"):
            with self.subTest(more):
                self.run_ok(f"{LONG} {more} -o whole.h5 --force")
                whole, grid = digests(self.dir / "whole.h5"), grid_of(self.dir / "whole.h5")
                self.assertTrue(any(grid[0]["started_from"]))
                cases = [(2, 1), (3, 1), (2, 2), (3, 3)]
                in_parallel(self.run_ok, [(f"{LONG} {more} --groups {g} -o {p}.{g}.h5 --force", p) for p, g in cases])
                for p, g in cases:
                    self.assertEqual(digests(self.dir / f"{p}.{g}.h5"), whole, (p, g))
                    np.testing.assert_equal(grid_of(self.dir / f"{p}.{g}.h5"), grid)
                for ranks in (1, 2):
                    ready = checkpoints("part.ckpt.*.from.*.h5")
                    stopped = interrupt(self, f"{LONG} {more} -o part.h5", ranks, ready if ranks == 1 else checkpoints("part.ckpt.tied.4*.from.*.h5"))
                    self.assertRegex(stopped.err, r"\d of 6 candidates done; checkpoint \S+ .*run the same command again")
                self.assertIn("resumed from ./part.ckpt.", self.run_ok(f"{LONG} {more} -o part.h5", ranks=3).err)
                self.assertEqual(digests(self.dir / "part.h5"), whole)
                self.assertEqual(list(self.dir.glob("*ckpt*")), [])
                (self.dir / "part.h5").unlink()

    def test_what_other_types_gave_before_is_replaced(self):
        """The grid is changed on the way, and with it the models that start others."""
        interrupt(self, f"{LONG} -o part.h5", ready=checkpoints("part.ckpt.VEE.4.from.*.h5"))
        more = LONG.replace("EEI,", "EII,VEI,EEI,")
        in_parallel(self.run_ok, [(f"{more} -o {name}.h5",) for name in ("part", "whole")])
        self.assertEqual(digests(self.dir / "part.h5"), digests(self.dir / "whole.h5"))
        self.assertEqual(list(self.dir.glob("*ckpt*")), [])


if __name__ == "__main__":
    unittest.main()
