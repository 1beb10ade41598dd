# Short versions of the fault campaigns in scripts/faults, side by side: they mostly wait.
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "faults"))

import campaign
import damage
import disk
import every_iteration
import kill
import locks
import stop
import syscalls

CAMPAIGNS = {
    "kill": lambda tally: kill.campaign(8, 3, tally, chain_length=4),
    "every iteration": lambda tally: every_iteration.campaign(6, 3, tally, kinds=("tied", "diag", "accelerated"), chains=False),
    "system calls": lambda tally: syscalls.campaign(12, 3, tally),
    "damage": lambda tally: damage.campaign(5, 3, tally, truncation_step=4096),
    "stop": lambda tally: stop.campaign(1, 3, tally, ["usr1_to_mpirun", "term_to_mpirun", "second_signal", "time_limit",
                                                      "must_and_never"]),
    "locks": lambda tally: locks.campaign(1, 3, tally, ["the_second_waits_and_finds_it_complete",
                                                        "the_lock_of_a_dead_process_is_taken_at_once", "a_superseded_writer_ends"]),
    "disk": lambda tally: disk.campaign(1, 3, tally, ["full_during_the_fit", "full_at_the_final_model", "missing_directory",
                                                      "somebody_elses_directory", "directory_that_vanishes_for_a_while"]),
}
AT_A_TIME = 3


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not Path(campaign.PROGRAM).exists():
            raise RuntimeError(f"{campaign.PROGRAM} is not there: build it, or name another with GMMPI_PROGRAM")
        cls.pool = ThreadPoolExecutor(AT_A_TIME)
        cls.running = {name: cls.pool.submit(cls.run_campaign, name) for name in CAMPAIGNS}

    @classmethod
    def tearDownClass(cls):
        cls.pool.shutdown()

    @staticmethod
    def run_campaign(name):
        tally = campaign.Tally(name, verbose=False)
        CAMPAIGNS[name](tally)
        return tally

    def check(self, name, at_least):
        """The campaign did something of each of these kinds, and found nothing wrong."""
        tally = self.running[name].result()
        print(tally.summary(), file=sys.stderr)
        self.assertEqual(tally.problems, [])
        if not any("skipped" in what for what in tally.counts):
            for what, number in at_least.items():
                self.assertGreaterEqual(tally.counts.get(what, 0), number, f"{what}: {tally.counts}")

    def test_killed_fits_resume_to_the_same_bits(self):
        self.check("kill", {"kills": 8, "fits": 3, "resumed": 2})

    def test_a_fit_can_be_resumed_at_every_iteration(self):
        self.check("every iteration", {"iterations": 21, "points of the start": 4})

    def test_faults_of_system_calls(self):
        self.check("system calls", {"kills": 1, "errors": 8})

    def test_damaged_checkpoints(self):
        self.check("damage", {"flip": 5, "truncation": 2, "all damaged": 1})

    def test_stops_by_signal_and_time(self):
        self.check("stop", {"cases": 5, "resumed": 4})

    def test_runs_that_meet(self):
        self.check("locks", {"cases": 3})

    def test_disks_and_rights(self):
        self.check("disk", {"cases": 5})


if __name__ == "__main__":
    unittest.main()
