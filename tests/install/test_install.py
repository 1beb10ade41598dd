# covers: src/gmmpi.cpp
"""An outside program and the installed program: what `cmake --install` leaves is all that they need.

GMMPI_PROGRAM names the program (default: build/release/gmmpi); what is installed is the build folder around it.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "app"))
from harness import DATA, PROGRAM, ROOT, environment  # noqa: E402

BUILD = PROGRAM.resolve().parent
LIMIT_S = 600
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "2"]


def run(*command, cwd=None, env=None, code=0):
    """The finished process; an exit code other than `code` fails the test."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=environment(**(env or {})), text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S, check=False)
    if done.returncode != code:
        raise AssertionError(f"{command}: code {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def rows_of_the_outside_program(n_ranks):
    """What tests/install/outside/main.cpp holds, rank after rank."""
    i = np.concatenate([np.arange(1000 * (rank + 1)) for rank in range(n_ranks)])
    return np.stack([10.0 * (i % 3 == 0) + (i * 7919 % 1024) / 512, (i * 104729 % 4096) / 4096], axis=1)


def rows_of_the_plugins():
    """What tests/install/outside/plugins.cpp holds."""
    i, j = np.arange(3000)[:, None], np.arange(3)
    u = ((i * 7919 + j * 104729) % 8191 + 0.5) / 8191
    return -np.where(i % 3 == 0, 9.0, 1.0 + j) * np.log(u)


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="gmmpi-install-")
        cls.dir = pathlib.Path(cls.temporary.name)
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.prefix = cls.dir / "prefix"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        cls.program = cls.prefix / "bin/gmmpi"

    def check_outside(self, program):
        """It fits, alone and on two ranks, what gmmpi fit makes of the same rows: the same digest."""
        for n_ranks in (1, 2):
            np.save(self.dir / "rows.npy", rows_of_the_outside_program(n_ranks))
            said = run(*(MPIRUN if n_ranks > 1 else []), program, "outside.h5", cwd=self.dir).stdout
            digest = re.fullmatch(r"log-likelihood \S+, digest (\w{32})\n", said)
            self.assertTrue(digest, said)
            fitted = run(self.program, "fit", "rows.npy", "-k", "2", "-o", "fitted.h5", "--force", cwd=self.dir)
            self.assertIn(f"digest {digest[1]}\n", fitted.stdout)
            self.assertIn(digest[1], run(self.program, "info", "outside.h5", cwd=self.dir).stdout)

    def test_an_outside_cmake_project_finds_and_uses_it(self):
        build = self.dir / "cmake"
        flags = "-Wall -Wextra -Wpedantic -Werror"
        run("cmake", "-S", HERE / "outside", "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DCMAKE_CXX_FLAGS={flags}")
        said = run("cmake", "--build", build).stdout
        self.assertNotIn("warning", said)
        self.assertIn(f"{self.prefix}/lib/cmake/gmmpi", (build / "CMakeCache.txt").read_text())
        self.check_outside(build / "outside")

    def plugins(self, n_ranks):
        """What tests/install/outside/plugins.cpp says of each fit: numbers, or a text."""
        build = self.dir / "plugins"
        if not build.exists():
            run("cmake", "-S", HERE / "outside", "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}",
                "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Werror")
            run("cmake", "--build", build, "--target", "plugins")
        said = run(*(MPIRUN if n_ranks > 1 else []), build / "plugins", cwd=self.dir).stdout
        return dict(line.split(": ", 1) for line in said.splitlines())

    def test_an_outside_program_registers_a_structure_and_a_component(self):
        said = self.plugins(1)
        self.assertEqual(said, self.plugins(2))
        x = rows_of_the_plugins()
        numbers = {what: np.array(text.split(), float) for what, text in said.items() if re.match(r"-?\d", text)}

        one = numbers["exchangeable 1"]
        scatter = np.cov(x.T, bias=True)
        beside = (scatter.sum() - np.trace(scatter)) / 6
        expected = np.where(np.eye(3) == 1, np.trace(scatter) / 3, beside)
        np.testing.assert_allclose(one[2:5], x.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(one[5:].reshape(3, 3), expected, rtol=1e-12)
        two = numbers["exchangeable 2"]
        weights, means, covariances = two[1:3], two[3:9].reshape(2, 3), two[9:].reshape(2, 3, 3)
        log_joint = np.stack([np.log(w) - 0.5 * (3 * np.log(2 * np.pi) + np.linalg.slogdet(c)[1] + np.einsum(
            "ni,ij,nj->n", x - m, np.linalg.inv(c), x - m)) for w, m, c in zip(weights, means, covariances)])
        density = np.logaddexp(*log_joint)
        self.assertAlmostEqual(two[0] / density.sum(), 1, delta=1e-12)
        self.assertGreater(two[0], one[0])
        shares = np.exp(log_joint - density)  # one more step of EM stays where it is
        np.testing.assert_allclose(shares.mean(axis=1), weights, rtol=1e-4)
        np.testing.assert_allclose(shares @ x / shares.sum(axis=1)[:, None], means, rtol=1e-4)

        self.assertAlmostEqual(numbers["exponential 1"][0] / (-len(x) * (np.log(x.mean(axis=0)) + 1).sum()), 1,
                               delta=1e-12)
        self.assertGreater(numbers["exponential 2"][0], numbers["exponential 1"][0])
        np.testing.assert_allclose(numbers["exponential accelerated"], numbers["exponential 2"], rtol=1e-3)
        probable = numbers["exchangeable prior"]  # of one component, without a prior of the mean: rows seen before
        more = 3 + 2 + 3 + 1  # nu + d + 1, nu = d + 2
        both = (len(x) * scatter + np.cov(x.T)) / (len(x) + more)
        beside = (both.sum() - np.trace(both)) / 6
        np.testing.assert_allclose(probable[5:].reshape(3, 3), np.where(np.eye(3) == 1, np.trace(both) / 3, beside),
                                   rtol=1e-12)
        for refused in ("exchangeable accelerated", "exponential prior"):
            self.assertIn("leave", said[refused])

    def test_the_documents_show_the_structure(self):
        shown = re.findall(r"```cpp\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
        self.assertEqual(shown, [(HERE / "outside/exchangeable.cpp").read_text()])

    def test_the_documents_show_this_program(self):
        text = (ROOT / "docs/install.md").read_text(encoding="utf-8")
        shown = {language: block for language, block in re.findall(r"```(cpp|text)\n(.*?)```", text, re.DOTALL)}
        self.assertEqual(shown["cpp"], (HERE / "outside/main.cpp").read_text())
        self.assertIn(shown["text"], (HERE / "outside/CMakeLists.txt").read_text())

    def test_pkg_config_gives_its_flags(self):
        env = {"PKG_CONFIG_PATH": str(self.prefix / "lib/pkgconfig")}
        flags = run("pkg-config", "--cflags", "--libs", "gmmpi", env=env).stdout.split()
        self.assertNotRegex(" ".join(flags), "eigen|crypto")  # neither headers nor what a shared HDF5 brings itself
        run("mpicxx", "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o", self.dir / "by_pkg_config",
            f"-Wl,-rpath,{self.prefix / 'lib'}", HERE / "outside/main.cpp", *flags)
        self.check_outside(self.dir / "by_pkg_config")
        self.assertEqual(run("pkg-config", "--modversion", "gmmpi", env=env).stdout.strip(),
                         run(self.program, "--version").stdout.split()[1])

    def test_every_public_header_compiles_alone(self):
        headers = sorted(path.relative_to(self.prefix / "include") for path in self.prefix.glob("include/**/*.hpp"))
        self.assertEqual([str(h) for h in headers],
                         sorted(str(p.relative_to(ROOT / "include")) for p in (ROOT / "include").rglob("*.hpp")))

        def compile_alone(header):
            run("mpicxx", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-x", "c++",
                f"-I{self.prefix / 'include'}", "-include", header, "/dev/null")

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(compile_alone, headers))

    def test_the_program_fits_and_draws_from_there(self):
        run(self.program, "fit", DATA / "old_faithful.csv", "-k", "2", "-o", "m.h5", cwd=self.dir)
        drawn = run(self.program, "plot", "scatter", DATA / "old_faithful.csv", "m.h5", "-o", "m.png", cwd=self.dir)
        self.assertEqual((self.dir / "m.png").read_bytes()[:4], b"\x89PNG", drawn.stderr)
        trace = run("strace", "-f", "-e", "trace=openat", self.program, "plot", "--help").stderr
        self.assertIn(str(self.prefix / "share/gmmpi/python/gmmpi/plot/cli.py"), trace)
        self.assertNotIn(str(ROOT / "scripts"), trace)

    def test_python_finds_the_installed_program(self):
        found = run("/usr/bin/python3", "-c", "import gmmpi; print(gmmpi.__file__, gmmpi.find_program())",
                    env={"PYTHONPATH": str(self.prefix / "share/gmmpi/python"), "PATH": "/usr/bin:/bin"}).stdout
        self.assertEqual(found.split(), [str(self.prefix / "share/gmmpi/python/gmmpi/__init__.py"), str(self.program)])

    def test_links_of_installed_documents_lead_somewhere(self):
        folder = self.prefix / "share/doc/gmmpi"
        for page in [folder / "README.md", *folder.glob("docs/**/*.md")]:
            for link in re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text(encoding="utf-8")):
                if not re.match(r"[a-z]+:", link):
                    self.assertTrue((page.parent / link).exists(), f"{page.name}: {link}")
        self.assertTrue((folder / "scripts/slurm/requeue.sbatch").exists())


if __name__ == "__main__":
    unittest.main()
