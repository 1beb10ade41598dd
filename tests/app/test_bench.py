# The benchmarks of scripts/bench at tiny scale: they run, their numbers are sane, and they notice what they are for.
import json
import re
import shutil
import subprocess
import sys
import unittest

from harness import DATA, PROGRAM, ROOT, SANITIZED, ProgramTest, environment

BENCH = ROOT / "scripts/bench"
BUILD = PROGRAM.parent
TIMEOUT = 1800 if SANITIZED else 600
sys.path.insert(0, str(BENCH))
import cases  # noqa: E402
import model  # noqa: E402
from file_to_model import mean_log_likelihood  # noqa: E402
from programs import Armadillo, Mclust  # noqa: E402

BUILT = (BUILD / "scripts/bench/kernel_bench").exists()
CACHE = BUILD / "CMakeCache.txt"
RELEASE = CACHE.exists() and "CMAKE_BUILD_TYPE:STRING=Release\n" in CACHE.read_text(encoding="utf-8")
TINY = ("--scale", "0.001", "--repeats", "1", "--seconds", "0.001")
SMALL_DGEMM = ("--dgemm-size", "200")
NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?"


def available_simd():
    """The instruction sets that this processor runs."""
    return [simd for simd in ("avx512", "avx2", "fma128", "neon", "scalar") if subprocess.run(
        [PROGRAM, "fit", DATA / "old_faithful.csv", "-k", "1", "--dry-run", "-o", "m.h5", "--simd", simd], env=environment(),
        capture_output=True, check=False).returncode == 0]


class BenchTest(ProgramTest):
    def bench(self, name, *args, codes=(0,), build=BUILD):
        """Standard output of scripts/bench/<name>.py."""
        place = () if name == "guard" else ("--folder", self.dir)
        command = [sys.executable, BENCH / f"{name}.py", "--build", build, *place, *args]
        done = subprocess.run([str(word) for word in command], cwd=self.dir, env=environment(), capture_output=True,
                              text=True, timeout=TIMEOUT, check=False)
        self.assertIn(done.returncode, codes, done.stdout + done.stderr)
        return done.stdout

    def rows(self, text):
        """The rows of all Markdown tables, each as {column: first number, or text}."""
        found, columns = [], None
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not line.startswith("|"):
                columns = None
            elif columns is None:
                columns = cells
            elif not line.startswith("|---"):
                self.assertEqual(len(cells), len(columns), line)
                values = [re.match(NUMBER + r"(?=[ %*‡;(]|$)", cell) for cell in cells]
                found.append({column: float(value[0].replace(",", "")) if value else cell
                              for column, value, cell in zip(columns, values, cells)})
        self.assertTrue(found, text)
        return found


class Peers(BenchTest):
    ALL_TYPES = ("full-5e5x16-k16", "tied-5e5x16-k16", "diag-1e6x32-k64", "spherical-1e6x16-k32")

    def compare(self, peer, *names, **more):
        return self.bench("compare_peers", *TINY, *SMALL_DGEMM, "--extra", 4, "--slow-scale", 0.5, "--slow-repeats", 1,
                          "--at-least", -1e9, "--programs", "gmmpi-dense", peer, "--cases", *names, **more)

    def check(self, peer, column, *names):
        """That it has the same log-likelihood on these cases."""
        rows = self.rows(self.compare(peer, *names))
        self.assertEqual(len(rows), len(names))
        for row in rows:
            self.assertLess(row["log-likelihoods"], 1e-8)
            self.assertIsInstance(row["gmmpi, dense"], float)
            self.assertIsInstance(row[column], float)
            self.assertGreater(row["DGEMM"], 0)

    def test_scikit_learn_agrees(self):
        self.check("sklearn", "scikit-learn", "full-5e5x16-k16", "tied-5e5x16-k16")

    def test_armadillo_agrees(self):
        if Armadillo(self.dir).available():
            self.skipTest("there is no Armadillo")
        self.check("armadillo", "Armadillo", "full-5e5x16-k16", "diag-1e6x32-k64")

    def test_mclust_agrees(self):
        if Mclust().available():
            self.skipTest("there is no mclust")
        self.check("mclust", "mclust", *self.ALL_TYPES)

    def test_another_answer_is_noticed(self):
        (self.dir / "gmmpi").write_text(
            f"#!/bin/sh\nline=\nfor word; do [ \"$before\" = --reg-covar ] && word=0.01; before=$word; "
            f"line=\"$line $word\"; done\nexec {PROGRAM} $line\n", encoding="utf-8")
        (self.dir / "gmmpi").chmod(0o755)
        rows = self.rows(self.compare("sklearn", "spherical-1e6x16-k32", codes=(1,), build=self.dir))
        self.assertGreater(rows[0]["log-likelihoods"], 1e-8)

    def test_being_too_slow_is_noticed(self):
        self.bench("compare_peers", *TINY, *SMALL_DGEMM, "--extra", 4, "--at-least", 1e9, "--programs", "gmmpi-dense",
                   "sklearn", "--cases", "spherical-1e6x16-k32", codes=(1,))


class FileToModel(BenchTest):
    def test_both_end_with_a_model(self):
        row, = self.rows(self.bench("file_to_model", "--scale", 0.01, "--repeats", 1, "--cases", "digits-diag",
                                    "--at-least", 0, codes=(0, 1)))  # 1: one seed may end in a worse optimum
        self.assertGreater(row["gmmpi"], 0)
        self.assertGreater(row["scikit-learn"], 0)
        self.assertAlmostEqual(row["log-likelihood per row"], row["of scikit-learn"], delta=3)

    def test_the_judge_agrees_with_the_model_file(self):
        import h5py
        import numpy as np

        rows = np.loadtxt(DATA / "old_faithful.csv", delimiter=",", skiprows=1)
        for kind in ("full", "diag"):
            self.run_ok(f"fit {DATA / 'old_faithful.csv'} -k 2 --covariance-type {kind} -o {kind}.h5")
            with h5py.File(self.dir / f"{kind}.h5", "r") as file:
                own = file["model"].attrs["lower_bound"]
            judged = mean_log_likelihood(kind, self.dir / f"{kind}.h5", rows)
            self.assertAlmostEqual(judged, own, delta=1e-10 * abs(own))


class Streaming(BenchTest):
    def test_same_digest(self):
        row, = self.rows(self.bench("streaming", "--megabytes", 250, "--part", 0.5, "--repeats", 1, "--extra", 2,
                                    "--cases", "spherical-1e6x16-k32"))
        self.assertEqual(row["same digest"], "yes")


@unittest.skipUnless(BUILT, "built without GMMPI_BENCHMARKS")
class Sweeps(BenchTest):
    def test_exact_sums_against_plain_ones(self):
        for row in self.rows(self.bench("sweep", *TINY, *SMALL_DGEMM, "--threads", 1, "--most-for-exact", 1, "--cases",
                                        "full-5e5x16-k16", "diag-1e6x32-k64")):
            self.assertGreater(row["ms"], 0)
            self.assertGreater(row["with plain sums, ms"], 0)
            self.assertLessEqual(row["exact sums' share, %"], 100)
        self.bench("sweep", *TINY, *SMALL_DGEMM, "--most-for-exact", -1e9, "--cases", "full-1e6x2-k8", codes=(1,))

    @unittest.skipIf(SANITIZED or not shutil.which("nm"), "there is no nm, or the function has no symbol")
    def test_plain_sums_are_linked_in_place_of_exact_ones(self):
        for name, exact in (("sweep_bench", True), ("sweep_bench_plain", False)):
            symbols = subprocess.run(["nm", "-C", BUILD / "scripts/bench" / name], capture_output=True, text=True,
                                     check=True).stdout
            self.assertIn("gmmpi::ExactArray::add", symbols)
            self.assertEqual("split_and_add" in symbols, exact, name)

    def test_scaling_of_threads_and_ranks(self):
        rows = self.rows(self.bench("scaling", *TINY, *SMALL_DGEMM, "--cases", "full-5e5x16-k16", "--layouts", "1x1",
                                    "1x2", "2x1"))
        self.assertEqual(len(rows), 3)
        self.assertEqual((rows[0]["speed-up"], rows[0]["gain of DGEMM"]), (1, 1))
        for row in rows:
            self.assertGreater(row["speed-up"], 0)
            self.assertAlmostEqual(row["speed-up"], rows[0]["ms"] / row["ms"], delta=0.7 * row["speed-up"])

    def test_roofline(self):
        """What the figures are depends on what else the machine does; how they follow from each other does not."""
        for simd in available_simd():
            with self.subTest(simd):
                row, = self.rows(self.bench("roofline", *TINY, "--threads", 1, "--simd", simd, "--cases", "full-5e5x16-k16"))
                self.assertAlmostEqual(row["flop/byte"], 2 * 16 * 16 / 8, delta=1)
                compute, posterior, memory = row["flops, ms"], row["responsibilities, ms"], row["memory, ms"]
                self.assertGreater(min(compute, posterior, memory, row["measured, ms"]), 0)
                bound = max(compute + posterior, memory)
                self.assertAlmostEqual(row["bound, ms"], bound, delta=0.02 * bound)
                share = row["bound, ms"] / row["measured, ms"]
                self.assertAlmostEqual(row["bound / measured"], share, delta=0.06 * share)

    @unittest.skipUnless(RELEASE and shutil.which("objdump"), "not optimised, or there is no objdump")
    def test_the_peak_is_measured_by_chains_in_registers(self):
        """Of each instruction set's own vectors, not by what the compiler makes of wider ones."""
        code = subprocess.run(["objdump", "-d", "-C", "--no-show-raw-insn", BUILD / "scripts/bench/machine_bench"],
                              capture_output=True, text=True, check=True).stdout
        for simd, register in (("avx512", "zmm"), ("avx2", "ymm"), ("fma128", "xmm")):
            body, = re.findall(rf"^\S+ <[^\n]*{simd}::multiply_adds\(\)>:\n(.*?)\n\n", code, re.MULTILINE | re.DOTALL)
            steps = re.findall(r"vfn?m\w+pd\s+(.*)", body)
            self.assertGreaterEqual(len(steps), 12, simd)
            for operands in steps:
                self.assertRegex(operands, rf"^%{register}\d+,%{register}\d+,%{register}\d+$", simd)

    def test_a_peak_that_no_machine_reaches_is_not_measured(self):
        """Two units, and 8 GHz: faster clocks are years away."""
        lanes = {"avx512": 8, "avx2": 4, "fma128": 2, "neon": 2, "scalar": 1}
        for simd in available_simd():
            done = subprocess.run([BUILD / "scripts/bench/machine_bench", "1", "0.001", simd], capture_output=True, text=True,
                                  timeout=TIMEOUT, check=True)
            self.assertLess(float(done.stdout.split()[0]), 2 * 2 * lanes[simd] * 8, simd)


@unittest.skipUnless(BUILT, "built without GMMPI_BENCHMARKS")
class ScalingModel(BenchTest):
    def test_every_number_is_there(self):
        text = self.bench("model", *TINY, "--cases", "full-5e5x16-k16", "--ranks", 1, 2, 8)
        measured, shared, repeated = self.rows(text)
        case = cases.CASES["full-5e5x16-k16"].scaled(0.001)
        self.assertAlmostEqual(measured["message, kB"], 1e-3 * model.message_bytes(case), delta=0.01)
        for row, columns in ((measured, ("b, ns per row", "a, ms", "allreduce of two here, ms")), (shared, ("P = 1", "P = 2", "P = 8")),
                             (repeated, ("P = 1", "P = 2", "P = 8"))):
            for column in columns:
                self.assertIsInstance(row[column], float)
        self.assertEqual(repeated["P = 1"], shared["P = 1"])

    def test_predictions(self):
        case = cases.CASES["full-5e5x16-k16"]
        a, b, alpha, beta = 1e-3, 1e-7, 2e-6, 1e-10
        self.assertAlmostEqual(model.predicted(case, 1, a, b, alpha, beta), 1e-3 + 5e-2, delta=1e-12)
        reduction = model.allreduce(8, model.message_bytes(case), alpha, beta)
        self.assertAlmostEqual(model.predicted(case, 8, a, b, alpha, beta), 1e-3 + 31 * 2048 * 1e-7 + reduction, delta=1e-12)
        self.assertGreater(reduction, 6e-6)

    def test_one_rank_needs_no_reduction(self):
        self.assertEqual(model.allreduce(1, 1e6, 1e-6, 1e-9), 0)

    def test_short_messages_cost_latency_and_long_ones_bandwidth(self):
        self.assertAlmostEqual(model.allreduce(1024, 8, 1e-6, 1e-10), 10 * (1e-6 + 8e-10))
        self.assertAlmostEqual(model.allreduce(1024, 1e9, 1e-6, 1e-10), 2 * 1023 / 1024 * 0.1, delta=1e-4)

    def test_the_grid_is_that_of_the_library(self):
        header = (ROOT / "include/gmmpi/data/block_grid.hpp").read_text(encoding="utf-8")
        self.assertIn("std::clamp<Index>(n_rows / 64 / kTileRows * kTileRows, kTileRows, 2048)", header)
        self.assertIn("kTileRows = 64;", header)
        case = cases.Case("full", 1_000_000, 2, 8)
        self.assertEqual(model.fullest_rank(case, 1), 1_000_000)
        self.assertEqual(model.fullest_rank(case, 2), 245 * 2048)  # of 489 blocks
        self.assertEqual(model.fullest_rank(case, 4096), 2048)


@unittest.skipUnless(BUILT, "built without GMMPI_BENCHMARKS")
class Guard(BenchTest):
    KERNELS = ("mahalanobis_full/16", "accumulate_full/16", "responsibilities/8", "exact_sums/1024")

    def guard(self, *args, kernels=KERNELS, **more):
        return self.bench("guard", "--file", self.dir / "guard.json", "--rounds", 1, "--repetitions", 1, "--kernels",
                          "|".join(kernels), *args, **more)

    def guard_of(self, rates, *args, **more):
        """With a stand-in for the benchmark, whose rates are these."""
        report = {"context": {"kernels": "avx2", "blas": "BLAS"}, "benchmarks": [
            {"run_type": "iteration", "run_name": name, "GFLOP/s": rate} for name, rate in rates.items()]}
        program = self.dir / "scripts/bench/kernel_bench"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(report)}\nEND\n", encoding="utf-8")
        program.chmod(0o755)
        return self.guard(*args, build=self.dir, **more)

    def test_a_slower_kernel_is_named(self):
        rates = {"dgemm/512": 40.0, "mahalanobis_full/16": 30.0, "exp/1": 2.0}
        self.guard_of(rates, "--record")
        (ratios,) = json.loads((self.dir / "guard.json").read_text(encoding="utf-8")).values()
        self.assertEqual(ratios, {"mahalanobis_full/16": 0.75, "exp/1": 0.05})
        self.assertIn("0 of 2 kernels slower", self.guard_of(rates))
        slow = self.guard_of(rates | {"exp/1": 1.6}, codes=(1,))
        self.assertRegex(slow, r"(?m)^exp/1 .* slower \(-20%\)$")
        self.assertIn("1 of 2 kernels slower", slow)
        self.assertIn("0 of 2", self.guard_of(rates | {"exp/1": 1.9}))  # within the tolerance
        self.assertIn("0 of 2", self.guard_of({name: rate / 2 for name, rate in rates.items()}))  # a slower machine
        self.assertIn("faster (+50%)", self.guard_of(rates | {"exp/1": 3.0}))
        self.assertIn("new", self.guard_of(rates | {"log/1": 3.0}))

    def test_it_reads_what_the_benchmark_prints(self):
        self.guard("--record")
        (ratios,) = json.loads((self.dir / "guard.json").read_text(encoding="utf-8")).values()
        self.assertEqual(set(ratios), set(self.KERNELS))
        self.assertGreater(min(ratios.values()), 0)
        self.assertIn("0 of 4 kernels slower", self.guard("--tolerance", 1))

    def test_another_machine_has_no_record(self):
        (self.dir / "guard.json").write_text("{}", encoding="utf-8")
        self.guard(codes=(2,), kernels=("exp",))

    def test_every_kernel_runs_and_what_is_recorded_exists(self):
        done = subprocess.run([BUILD / "scripts/bench/kernel_bench", "--benchmark_min_time=0.0001"],
                              capture_output=True, text=True, timeout=TIMEOUT, check=True)
        rates = dict(re.findall(rf"^(\S+) .*(?:GFLOP|Gvalues)/s=({NUMBER}[km]?)", done.stdout, re.MULTILINE))
        for family in ("full", "tied", "diag", "spherical"):
            for kernel in ("mahalanobis", "accumulate"):
                for d in (2, 3, 4, 8, 16, 32, 41, 64, 128):
                    self.assertIn(f"{kernel}_{family}/{d}", rates)
        for ratios in json.loads((BENCH / "guard.json").read_text(encoding="utf-8")).values():
            self.assertLessEqual(set(ratios), set(rates))


if __name__ == "__main__":
    unittest.main()
