# A process that a launcher started along with others, but that MPI has not joined to them, is refused.
import os
import sys
import unittest
from unittest import mock

from harness import ERROR, OLD_FAITHFUL, PROGRAM, ROOT, ProgramTest, gmmpi, in_parallel

sys.path.insert(0, str(ROOT / "scripts/python"))
import gmmpi as package  # noqa: E402

FIT = f"fit {OLD_FAITHFUL} -k 2 -o m.h5"
PAIRS = {"MPICH and Intel MPI": ("PMI_RANK", "PMI_SIZE"), "Open MPI": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
         "MVAPICH": ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"), "PALS": ("PALS_RANKID", "PALS_SIZE"),
         "Slurm": ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS")}


class Launchers(ProgramTest):
    def test_several_that_do_not_meet_are_refused_in_one_line(self):
        """As N processes of a foreign launcher would: none does anything, the first says why."""
        launches = [(FIT, self.dir, 1, 1, {rank: str(r), size: "3"}) for rank, size in PAIRS.values() for r in range(3)]
        runs = in_parallel(gmmpi, launches)
        for n, (launcher, (_, size)) in enumerate(PAIRS.items()):
            with self.subTest(launcher):
                first, *others = runs[3 * n:3 * n + 3]
                self.check_failure(first, 64, (f"{size}=3", "mpirun", "srun --mpi=pmix"))
                for run in others:
                    self.assertEqual((run.codes, run.out, run.err), ([64], "", ""))
        self.assertEqual(list(self.dir.iterdir()), [])

    def test_where_only_the_rank_is_known_the_second_speaks(self):
        runs = in_parallel(gmmpi, [(FIT, self.dir, 1, 1, {"PMIX_RANK": str(r)}) for r in (1, 2)])
        self.check_failure(runs[0], 64, ("PMIX_RANK=1", "mpirun"))
        self.assertEqual((runs[1].codes, runs[1].err), ([64], ""))

    def test_every_command_is_refused(self):
        for args in ("--version", f"info {OLD_FAITHFUL}", "sample m.h5 -n 3 -o x.h5"):
            run = gmmpi(args, self.dir, env={"PMI_SIZE": "2", "PMI_RANK": "0"})
            self.assertEqual((run.codes, run.out, len(run.errors)), ([64], "", 1), args)

    def test_one_process_is_enough(self):
        """Settings, a batch script, and launchers of one process."""
        alone = ({"PMIX_MCA_gds": "hash", "PMIX_MCA_psec": "native"}, {"OMPI_MCA_btl": "self", "I_MPI_DEBUG": "0"},
                 {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "8", "SLURM_PROCID": "0"},
                 {"SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1"},
                 {"PMI_SIZE": "1", "PMI_RANK": "0"}, {"MV2_COMM_WORLD_SIZE": "1", "MV2_COMM_WORLD_RANK": "0"})
        one = ({"OMPI_COMM_WORLD_SIZE": "1"}, {"PMIX_RANK": "0"}, {"PMI_SIZE": "1", "PMIX_RANK": "0"})
        talks = {"OMPI_MCA_mpi_show_mca_params": "all"}
        runs = in_parallel(gmmpi, [("--version", self.dir, 1, 1, {**env, **talks}) for env in alone + one])
        for env, run in zip(alone + one, runs):
            with self.subTest(env):
                self.assertEqual((run.codes, run.out.split()[:1]), ([0], ["gmmpi"]), run.err)
                self.assertEqual("mpi_show_mca_params=" in run.err, env in one)  # whether MPI was initialised
                self.assertNotIn(ERROR, run.err)

    def test_ranks_that_meet_do_not_mind_what_else_is_there(self):
        """mpirun's daemons may be tasks of a step of Slurm."""
        run = self.run_ok(FIT, ranks=2, env={"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "4", "PMI_SIZE": "4"})
        self.assertIn("run: 2 ranks", run.err)

    def test_a_program_that_python_runs_is_not_one_of_the_launched(self):
        """mpi4py programs, or one Python per task of a step, may each fit something of their own."""
        env = {"PMI_SIZE": "4", "PMI_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "2", "PMIX_RANK": "2",
               "SLURM_PROCID": "2", "SLURM_STEP_NUM_TASKS": "4", "GMMPI_PROGRAM": str(PROGRAM)}
        with mock.patch.dict(os.environ, env):
            self.assertIn("272 x 2", package.program.run("info", OLD_FAITHFUL).out)


if __name__ == "__main__":
    unittest.main()
