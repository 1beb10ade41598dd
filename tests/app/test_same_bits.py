# One fit has one digest: on any ranks and threads, with any kernels, from any file format, for every kind of fit.
import json
import shutil
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

from harness import SANITIZED, ProgramTest, gmmpi, in_parallel

N, D, K = 3000, 3, 3
TYPES = ("full", "tied", "diag", "spherical")
LAYOUTS = [(ranks, threads) for ranks in (1, 2, 3, 4, 7) for threads in (1, 2, 3)]
FEW_LAYOUTS = [(1, 1), (2, 2), (7, 3)]
SIMD = ("avx512", "avx2", "fma128", "neon", "scalar")
FIT = f"-k {K} --max-iter 8 --tol 0"


def write_data(folder):
    """The numbers of one table in every format, and others of it in float32."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(N, D)) * [1.0, 3.0, 0.2] + rng.integers(0, 3, (N, 1)) * [2.0, -1.0, 0.3] + 100.0
    exact = np.round(x * 1024) / 1024  # f4 holds these numbers, too
    with h5py.File(folder / "x.h5", "w") as f:
        f["X"], f["exact"], f["exact_f4"] = x, exact, exact.astype("f4")
        f.create_dataset("gzip", data=x, chunks=(97, 2), compression="gzip", shuffle=True)
        f["big"], f["big_f4"] = x.astype(">f8"), exact.astype(">f4")
        f["sample_weight"] = rng.integers(0, 4, N) * 0.25
        f["few"] = x[:150]  # three blocks: with 7 ranks some have no rows
        f["one_block"] = x[:40]
        counts = np.round(x * 8).astype("i8")
        f["counts"], f["counts_i4"] = counts.astype("f8"), counts.astype(">i4")
    np.save(folder / "c.npy", x)
    np.save(folder / "fortran.npy", np.asfortranarray(x))
    np.save(folder / "big.npy", x.astype(">f8"))
    np.save(folder / "exact_f4.npy", np.asfortranarray(exact.astype("f4")))
    np.savetxt(folder / "x.csv", x, fmt="%.17g", delimiter=",")
    np.savetxt(folder / "names.csv", x, fmt="%.17g", delimiter=";", header="a;b;c", comments="")


class SameBits(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = Path(tempfile.mkdtemp(prefix="gmmpi-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.data)
        write_data(cls.data)

    def digest(self, data, options, ranks=1, threads=1):
        """Digest and model of a fit, one string."""
        with tempfile.TemporaryDirectory(dir=self.dir) as folder:
            run = self.run_ok(f"fit {self.data}/{data} {FIT} {options} -o m.h5 --json", ranks, cwd=folder, threads=threads)
            digest = json.loads(run.out)["digest"]
            with h5py.File(Path(folder, "m.h5")) as f:
                self.assertEqual(f["model"].attrs["digest"], digest)
                # Not only the digest's word for it:
                bits = b"".join(f[name][()].tobytes() for name in ("model/weights", "model/means", "model/covariances",
                                                                   "history/log_likelihood"))
        return digest + bits.hex()

    def check(self, cases):
        """`cases` maps names to lists of digest()'s arguments; within a name all must be equal, and names differ."""
        launches = [(name, arguments) for name, ways in cases.items() for arguments in ways]
        results = in_parallel(lambda _, arguments: self.digest(*arguments), launches)
        first = {}
        for (name, arguments), result in zip(launches, results):
            with self.subTest(name, way=arguments):
                self.assertEqual(result[:32], first.setdefault(name, result)[:32], "another digest")
                self.assertEqual(result, first[name], "same digest, other bits")
        self.assertEqual(len(set(first.values())), len(first), "different fits have the same digest")

    def test_ranks_times_threads(self):
        layouts = FEW_LAYOUTS if SANITIZED else LAYOUTS
        self.check({"full": [("x.h5", "", ranks, threads) for ranks, threads in layouts]})

    def test_types(self):
        self.check({t: [("x.h5", f"--covariance-type {t} --seed 1", *layout) for layout in FEW_LAYOUTS] for t in TYPES})

    def test_weights(self):
        weights = f"--sample-weight {self.data}/x.h5"
        self.check({t: [("x.h5", f"--covariance-type {t} {weights}", *layout) for layout in FEW_LAYOUTS] for t in ("full", "tied")})

    def test_initialisers(self):
        self.run_ok(f"fit {self.data}/x.h5 -k {K} --max-iter 1 --seed 2 -o start.h5")
        inits = ("kmeans", "k-means++", "random", "random-from-data", self.dir / "start.h5")
        self.check({str(init): [("x.h5", f"--init {init} --seed 5 --covariance-type diag", *layout) for layout in FEW_LAYOUTS]
                    for init in inits})

    def test_restarts_collapse_and_the_guard(self):
        """Paths that are taken rarely: the best of three, components that vanish, means that are far off."""
        with h5py.File(self.dir / "far.h5", "w") as f:
            f["model/weights"], f["model/means"] = np.full(K, 1 / K), np.array([[1e7, 0, 0], [100.0, 100, 100], [0, -1e7, 0]])
            f["model/covariances"] = np.stack([np.eye(D)] * K)
            f["model"].attrs["covariance_type"] = "full"
        self.check({"restarts": [("x.h5", "--n-init 3", *layout) for layout in FEW_LAYOUTS],
                    "far start": [("x.h5", f"--init {self.dir}/far.h5", *layout) for layout in FEW_LAYOUTS]})

    def test_acceleration(self):
        self.check({t: [("x.h5", f"--covariance-type {t} --accelerate lbfgs", *layout) for layout in FEW_LAYOUTS] for t in TYPES})

    def test_more_ranks_than_blocks(self):
        self.check({f"{name} {init}": [(f"x.h5:/{name}", f"--init {init}", *layout) for layout in ((1, 1), (2, 3), (7, 2))]
                    for name in ("few", "one_block") for init in ("kmeans", "random")})

    def test_kernels(self):
        usable = [s for s in SIMD if gmmpi(f"fit {self.data}/x.h5 {FIT} --simd {s} --dry-run -o m.h5", self.dir).codes == [0]]
        self.assertIn("scalar", usable)
        if len(usable) == 1:
            raise unittest.SkipTest("this processor has the scalar kernels only")
        options = {**{t: f"--covariance-type {t}" for t in TYPES}, "weights": f"--sample-weight {self.data}/x.h5 --init k-means++"}
        self.check({name: [("x.h5", f"{o} --simd {simd}", *layout) for simd, layout in zip(usable, ((1, 1), (3, 1), (1, 3), (2, 2)))]
                    for name, o in options.items()})

    def test_formats(self):
        same = ("x.h5", "x.h5:/gzip", "x.h5:/big", "c.npy", "fortran.npy", "big.npy", "x.csv", "names.csv")
        exact = ("x.h5:/exact", "x.h5:/exact_f4", "x.h5:/big_f4", "exact_f4.npy")
        counts = ("x.h5:/counts", "x.h5:/counts_i4")
        self.check({name: [(data, "", ranks, 1) for data, ranks in zip(ways, (1, 3) * 4)]
                    for name, ways in (("doubles", same), ("floats", exact), ("integers", counts))})

    def test_what_matters_changes_the_digest(self):
        changes = ("", "--seed 1", "--reg-covar 1e-3", "--init random", "--covariance-type diag", "--n-init 2", "--on-collapse fail",
                   "--accelerate lbfgs")
        self.check({change: [("x.h5", change)] for change in changes})
