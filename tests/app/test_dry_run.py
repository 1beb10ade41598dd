# fit --dry-run: what it says beforehand is what the fit takes.
import json

import numpy as np

from harness import OLD_FAITHFUL, ProgramTest, snapshot
from interrupt import interrupt, iterations


def duration(seconds):
    """As the program writes it."""
    if seconds < 120:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


class DryRun(ProgramTest):
    def setUp(self):
        super().setUp()
        self.x = np.random.default_rng(1).normal(size=(300_000, 8))

    def plan(self, args, **more):
        before = snapshot(self.dir)
        run = self.run_ok(f"fit {args} -o m.h5 --dry-run --json", **more)
        self.assertEqual(snapshot(self.dir), before, "a dry run writes nothing")
        return json.loads(run.out), run.err

    def test_time_of_an_iteration(self):
        np.save(self.dir / "x.npy", self.x)
        plan, said = self.plan("x.npy -k 16")
        self.assertLess(plan["trial_rows"], 300_000)
        self.assertIn(f"iterations on {plan['trial_rows']} of 300000 rows", said)
        seconds = plan["seconds_per_iteration"]  # what it is depends on what else the machine does
        self.assertGreater(seconds, 0)
        self.assertIn(f"time: about {duration(seconds)} per iteration, judged by 3 iterations", said)
        self.assertIn(f"at most {duration(1000 * seconds)} for 1000 iterations", said)

    def test_checkpoint_space(self):
        np.save(self.dir / "x.npy", self.x)
        for more in ("", "--accelerate lbfgs"):
            with self.subTest(more):
                plan, said = self.plan(f"x.npy -k 16 {more}")
                self.assertRegex(said, r"checkpoints: 3 are kept, and one more while it is written, of about [\d.]+ KiB each; .* are free in .*")
                interrupt(self, f"fit x.npy -k 16 {more} --init random-from-data --tol 0 -o m.h5 --force", ready=iterations(15))
                size = max(path.stat().st_size for path in self.dir.glob("m.ckpt.*.h5"))
                self.assertLessEqual(size, plan["checkpoint_bytes"])
                self.assertGreater(3 * size, plan["checkpoint_bytes"])

    def test_each_rank_says_where_it_runs(self):
        plan, said = self.plan(f"{OLD_FAITHFUL} -k 2", ranks=3)
        self.assertRegex("\n".join(plan["ranks"]), r"rank 0 on \S+: processors [\d,-]+\nrank 1 on .*\nrank 2 on .*")
        self.assertIn(plan["ranks"][2] + ", 1 thread\n", said)
        bound, _ = self.plan(f"{OLD_FAITHFUL} -k 2", prefix=("taskset", "-c", "0"))
        self.assertTrue(bound["ranks"][0].endswith(": processors 0"), bound)

    def test_rows_that_lack_values_are_tried(self):
        np.savetxt(self.dir / "gaps.csv", np.where(self.x[:500] > 2.0, np.nan, self.x[:500]), delimiter=",")
        for missing in ("em", "drop"):
            plan, said = self.plan(f"gaps.csv -k 2 --missing {missing}")
            self.assertEqual(plan["trial_rows"], 500)  # 0 where a trial fails
            self.assertIn("judged by 3 iterations", said)

    def test_no_estimate_says_why(self):
        np.savetxt(self.dir / "bad.csv", [[1, 2], [np.nan, 3], [4, 5]], delimiter=",")
        for args, why in (("bad.csv -k 1", "row 1, column 0 is missing"), (f"{OLD_FAITHFUL} -k 300", "300 components for 272 rows")):
            plan, said = self.plan(args, ranks=2)
            self.assertEqual((plan["seconds_per_iteration"], plan["trial_rows"]), (None, 0))
            self.assertRegex(said, f"time: no estimate: .*{why}")
