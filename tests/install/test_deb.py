"""The Debian package: built, unpacked by dpkg into a root of its own, and its program run from there.

dpkg is given this machine's list of installed packages, so it checks the package's dependencies; the libraries that
the program then runs with are this machine's.
"""

import gzip
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

from test_install import BUILD, DATA, run

STATUS = pathlib.Path("/var/lib/dpkg/status")


@unittest.skipUnless(shutil.which("dpkg") and STATUS.exists(), "this is no Debian")
class Deb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="gmmpi-deb-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.dir = pathlib.Path(cls.temporary.name)
        cls.said = run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", cls.dir)
        (cls.deb,) = cls.dir.glob("*.deb")
        cls.root = cls.dir / "root"
        (cls.root / "var/lib/dpkg/info").mkdir(parents=True)
        (cls.root / "var/lib/dpkg/updates").mkdir()
        shutil.copy(STATUS, cls.root / "var/lib/dpkg/status")
        run("dpkg", f"--root={cls.root}", "--force-not-root", "--force-script-chrootless", "--install", cls.deb,
            env={"LC_ALL": "C"})
        cls.usr = cls.root / "usr"
        cls.program = cls.usr / "bin/gmmpi"

    def field(self, name):
        return run("dpkg-deb", "--field", self.deb, name).stdout.strip()

    def test_it_is_installed_and_its_dependencies_are_met(self):
        status = run("dpkg-query", f"--admindir={self.root}/var/lib/dpkg", "-W", "-f", "${Status} ${Version}", "gmmpi")
        self.assertEqual(status.stdout, f"install ok installed {self.field('Version')}")
        needed = {re.split(r"[ (]", package)[0] for package in self.field("Depends").split(", ")}
        self.assertLessEqual({"libc6", "libhdf5-103-1", "libopenmpi3", "libgomp1"}, needed)
        self.assertIn(run(self.program, "--version").stdout.split()[1], self.deb.name)

    def test_the_program_runs_from_there(self):
        done = run("mpirun", "--oversubscribe", "--bind-to", "none", "-n", "2", self.program, "fit",
                   DATA / "old_faithful.csv", "-k", "2", "-o", "m.h5", cwd=self.dir)
        self.assertRegex(done.stdout, r"converged after \d+ iterations")
        run(self.program, "plot", "scatter", DATA / "old_faithful.csv", "m.h5", "-o", "m.png", cwd=self.dir)
        self.assertGreater((self.dir / "m.png").stat().st_size, 10_000)

    def test_what_it_holds(self):
        pages = sorted(self.usr.glob("share/man/man1/gmmpi*.1.gz"))
        self.assertIn(".SH NAME", gzip.decompress(pages[0].read_bytes()).decode())
        self.assertIn("gmmpi-fit.1.gz", [page.name for page in pages])
        for path in ("include/gmmpi/gmmpi.hpp", "lib/cmake/gmmpi/gmmpi-config.cmake", "lib/pkgconfig/gmmpi.pc",
                     "share/bash-completion/completions/gmmpi", "share/zsh/vendor-completions/_gmmpi", "share/doc/gmmpi/copyright",
                     "share/doc/gmmpi/README.md", "share/doc/gmmpi/scripts/slurm/requeue.sbatch"):
            self.assertTrue((self.usr / path).exists(), path)
        self.assertTrue(list(self.usr.glob("lib/libgmmpi.*")))
        found = run(sys.executable, "-c", "import gmmpi; print(gmmpi.find_program())",
                    env={"PYTHONPATH": str(self.usr / "lib/python3/dist-packages"), "PATH": "/nowhere"})
        self.assertEqual(found.stdout.strip(), str(self.program))

    def test_files_belong_to_root_and_can_be_read(self):
        for line in run("dpkg-deb", "--contents", self.deb).stdout.splitlines():
            mode, owner = line.split()[:2]
            self.assertEqual(owner, "root/root", line)
            self.assertRegex(mode, r"^([dl-]rwxr-xr-x|-rw-r--r--|lrwxrwxrwx)$", line)


if __name__ == "__main__":
    unittest.main()
