# HDF5 files as other programs leave them: made of several files, not written to the end, tables of records.
import re
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np

from harness import Case, ProgramTest, gmmpi

N = 3000
rng = np.random.default_rng(4)
X = np.concatenate([rng.normal(size=(N // 2, 3)), rng.normal(size=(N // 2, 3)) + 6])


def virtual(path, name, shape, *parts, **more):
    """Rows first.. of a dataset are those of other ones: (first, file, dataset, shape) each."""
    with h5py.File(path, "a") as f:
        layout = h5py.VirtualLayout(shape, "f8")
        for first, file, dataset, part in parts:
            layout[first:first + part[0]] = h5py.VirtualSource(file, dataset, part)
        f.create_virtual_dataset(name, layout, **more)


def write_inputs(folder):
    (folder / "parts").mkdir()
    for i, rows in enumerate(np.array_split(X, 3)):
        with h5py.File(folder / f"parts/{i}.h5", "w") as f:
            f.create_dataset("X", data=rows, chunks=(100, 3), compression="gzip")
            f["w"], f["labels"] = np.ones(len(rows)), np.arange(len(rows)) % 2
    thirds = [(1000 * i, f"parts/{i}.h5", "X", (1000, 3)) for i in range(3)]
    virtual(folder / "good.h5", "X", (N, 3), *thirds)
    virtual(folder / "nested.h5", "X", (N, 3), (0, "good.h5", "X", (N, 3)))
    virtual(folder / "gone.h5", "X", (N, 3), *thirds[:2], (2000, "parts/3.h5", "X", (1000, 3)), fillvalue=1.0)
    virtual(folder / "gone.h5", "w", (N,), *((first, file, "w", (1000,)) for first, file, *_ in thirds[:2]))
    virtual(folder / "gone.h5", "labels", (N,), (0, "parts/0.h5", "labels", (1000,)), (1000, "nix.h5", "labels", (2000,)))
    virtual(folder / "gone.h5", "model/means", (2, 3), (0, "nix.h5", "means", (2, 3)))
    with h5py.File(folder / "gone.h5", "a") as f:
        f["model/weights"], f["model/covariances"] = [0.5, 0.5], np.ones((2, 3))
        f["model"].attrs["covariance_type"] = "diag"
    with h5py.File(folder / "plain.h5", "w") as f:
        f["X"] = X
        f.create_dataset("never", X.shape, "f8")
        f.create_dataset("half", X.shape, "f4", chunks=(250, 3), fillvalue=-1)[:1100] = X[:1100]
        f.create_dataset("weights", (N,), "f8", chunks=(1000,))[:1000] = 1
        f.create_dataset("raw", X.shape, "f8", external=[("gone.raw", 0, h5py.h5f.UNLIMITED)])


FIT = "fit in/{} -k 2 --max-iter 3 -o out.h5"
LEAST = " --memory-limit 1000M"
CASES = [
    Case("a source that is missing", FIT.format("gone.h5"), 66, ("in/gone.h5:/X", "parts/3.h5", "not there", "HDF5_VDS_PREFIX")),
    Case("weights without a source", FIT.format("plain.h5") + " --sample-weight in/gone.h5:/w", 65,
         ("in/gone.h5:/w", "rows 2000 to 2999", "no source")),
    Case("labels of which a file is missing", FIT.format("plain.h5") + " --labels in/gone.h5", 66, ("in/gone.h5:/labels", "nix.h5")),
    Case("a start of which a file is missing", FIT.format("plain.h5") + " --init in/gone.h5", 66, ("in/gone.h5", "means", "nix.h5")),
    Case("a model of which a file is missing", "score in/plain.h5 in/gone.h5", 66, ("in/gone.h5", "means", "nix.h5")),
    Case("data that were never written", FIT.format("plain.h5:/never"), 65, ("in/plain.h5:/never", "never written")),
    Case("chunks that were never written", FIT.format("plain.h5:/half"), 65, ("in/plain.h5:/half", "rows 1250 to 1499", "never written")),
    Case("weights that were never written", FIT.format("plain.h5") + " --sample-weight in/plain.h5:/weights", 65,
         ("in/plain.h5:/weights", "rows 1000 to 1999")),
    Case("a raw file that is missing", FIT.format("plain.h5:/raw"), 66, ("gone.raw", "in/plain.h5:/raw", "no such file")),
    Case("convert", "convert in/gone.h5 out.csv", 66, ("parts/3.h5",)),
]


class Sources(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.inputs = Path(tempfile.mkdtemp(prefix="gmmpi-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.inputs)
        write_inputs(cls.inputs)

    def test_what_is_not_there_is_no_zero(self):
        self.check_cases(CASES, self.inputs)

    def test_sources_are_read_like_one_dataset(self):
        """In memory and streamed; a source that lies elsewhere is found as HDF5 finds it."""
        (self.dir / "in").symlink_to(self.inputs)
        moved = self.dir / "moved"
        moved.mkdir()
        shutil.copy(self.inputs / "good.h5", moved)
        digests = set()
        refused = gmmpi("fit in/good.h5 -k 2 --max-iter 3 -o none.h5 --memory-limit 1M", self.dir, 3)
        least = re.search(r"--memory-limit \d+M", refused.errors[0].split("give")[1])[0]
        for name, more, ranks, prefix in (("in/plain", "", 1, ""), ("in/good", "", 3, ""), ("in/nested", "", 1, ""),
                                          ("in/nested", least, 3, ""), ("moved/good", "", 3, f"/nowhere:{self.inputs}"),
                                          ("moved/good", "", 1, "${ORIGIN}/../in")):
            env = {"HDF5_VDS_PREFIX": prefix} if prefix else {}
            run = self.run_ok(f"fit {name}.h5 -k 2 --max-iter 3 {more} -o out.h5 --force", ranks, env=env)
            digests.add(re.search(r"digest (\w+)", run.out)[1])
        self.assertEqual(len(digests), 1)

    def test_info_says_what_cannot_be_read(self):
        (self.dir / "in").symlink_to(self.inputs)
        out = self.run_ok("info in/plain.h5").out
        self.assertRegex(out, r"/never +\[3000,3\] f8 \(cannot be read: .*never written")
        self.assertRegex(out, r"/X +\[3000,3\] f8\n")
