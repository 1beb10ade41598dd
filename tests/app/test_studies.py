# The study of scripts/studies: a small one, its table, its picture, and the same numbers again.
import csv
import os
import subprocess

from harness import PROGRAM, ROOT, ProgramTest, environment

SCRIPT = ROOT / "scripts/studies/recovery.py"
SMALL = "--separations 1,4 --components 2 --rows 200,400 --features 2 --starts kmeans,truth --seeds 2 --jobs 2".split()


class Recovery(ProgramTest):
    def study(self, *arguments):
        return subprocess.run(["/usr/bin/python3", SCRIPT, *arguments], cwd=self.dir, env=environment(GMMPI_PROGRAM=os.fspath(PROGRAM)),
                              capture_output=True, text=True, timeout=600, check=False)

    def test_table_and_picture(self):
        done = self.study(*SMALL, "-o", "a")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(done.stdout.splitlines()), 1 + 2 * 2)
        with open(self.dir / "a.csv", encoding="utf-8") as table:
            lines = list(csv.DictReader(table))
        self.assertEqual(len(lines), 2 * 2 * 2 * 2)
        for line in lines:
            self.assertLess(abs(float(line["kl"])), 1)
            if line["start"] == "truth":
                self.assertEqual(float(line["gap"]), 0)
            if line["separation"] == "4.0":
                self.assertGreater(float(line["rand_index"]), 0.9)
        self.assertGreater((self.dir / "a.png").stat().st_size, 5000)
        self.assertEqual(self.study(*SMALL, "-o", "b").returncode, 0)
        self.assertEqual((self.dir / "a.csv").read_bytes(), (self.dir / "b.csv").read_bytes())

    def test_bad_input(self):
        for arguments, code, word in ((["--starts", "kmean"], 64, "kmean"), (["--separations", "-1"], 64, "separation"),
                                      (["--seeds", "0"], 2, "--seeds"), (["--rows", "few"], 2, "--rows")):
            done = self.study(*SMALL, *arguments, "-o", "x")
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(word, done.stderr.splitlines()[-1])
            self.assertFalse((self.dir / "x.csv").exists())
