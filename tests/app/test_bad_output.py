# Outputs that cannot be written, are full or exist: the right exit code, and what was there is untouched.
import json
import os
import subprocess

import h5py
import numpy as np

from harness import AS_NOBODY, OLD_FAITHFUL, Case, ProgramTest, gmmpi, in_parallel, snapshot

FIT = f"fit {OLD_FAITHFUL} -k 2 "
FULL = ("free space", "cannot be written")


def notes(*names):
    """A setup: files of these names with a user's text."""
    def write(cwd):
        for name in names:
            (cwd / name).parent.mkdir(exist_ok=True)
            (cwd / name).write_text("mine, keep it")
    return write


def use(model):
    """The commands besides fit that write a file, {} being its name."""
    return {"predict": f"predict {OLD_FAITHFUL} {model} -o {{}}.h5", "sample": f"sample {model} -n 9 -o {{}}.h5",
            "score": f"score {OLD_FAITHFUL} {model} -o {{}}.h5", "marginal": f"marginal {model} --keep 1 -o {{}}.h5",
            "condition": f"condition {model} --given 0=3 -o {{}}.h5", "regress": f"regress {OLD_FAITHFUL} {model} --target 1 -o {{}}.h5",
            "convert": f"convert {OLD_FAITHFUL} {{}}.npy"}


class BadOutput(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = self.dir / "model.h5"
        self.run_ok(FIT + f"-o {self.model}")
        self.commands = {"fit": FIT + "-o {}.h5", **use(self.model)}

    def test_places_that_cannot_be(self):
        cases = []
        for command, args in self.commands.items():
            cases += [Case(f"{command}: no directory", args.format("nix/out"), 73, ("nix/out", "no directory nix", "create")),
                      Case(f"{command}: a file as directory", args.format("note/out"), 73, ("note/out",), setup=notes("note")),
                      Case(f"{command}: a directory of this name", args.format("a"), 73, ("a.", "directory"),
                           setup=notes("a.h5/note", "a.npy/note"))]
        cases += [Case("log: no directory", FIT + "-o out.h5 --log-json nix/log.json", 73, ("--log-json", "nix/log.json")),
                  Case("a device", FIT + "-o /dev/null --force", 73, ("/dev/null", "device"))]
        self.check_cases(cases)

    def test_existing_files(self):
        words = ("out.", "exists already", "--force", "another name")
        cases = [Case(command, args.format("out"), 73, words, setup=notes("out.h5", "out.npy"))
                 for command, args in self.commands.items()]
        for other in ("--seed 1", "--covariance-type diag", "--tol 1e-3", "--reg-covar 0", "--init random"):
            cases.append(Case(f"fit with {other}", FIT + f"{other} -o out.h5", 73, words,
                              setup=lambda cwd: (cwd / "out.h5").write_bytes(self.model.read_bytes())))
        self.check_cases(cases)

    def test_same_run_again(self):
        before = snapshot(self.dir)
        for ranks, more in ((1, ""), (3, "--simd scalar"), (1, "--threads 2 --resume never")):
            run = self.run_ok(FIT + f"-o model.h5 {more}", ranks)
            self.assertIn("complete already", run.err)
            self.assertIn("--force", run.err)
            with h5py.File(self.model) as f:
                self.assertIn(f["model"].attrs["digest"], run.out)
            self.assertEqual(snapshot(self.dir), before)

    def test_same_run_again_as_json(self):
        with h5py.File(self.model) as f:
            self.assertEqual(json.loads(self.run_ok(FIT + "-o model.h5 --json").out)["digest"], f["model"].attrs["digest"])

    def test_same_options_on_other_data(self):
        x = np.loadtxt(OLD_FAITHFUL, delimiter=",", skiprows=1)
        np.save(self.dir / "same.npy", x)
        x[271, 1] = np.nextafter(x[271, 1], 0)
        np.save(self.dir / "other.npy", x)
        self.assertIn("complete already", self.run_ok("fit same.npy -k 2 -o model.h5").err)
        before = snapshot(self.dir)
        self.check_failure(gmmpi("fit other.npy -k 2 -o model.h5", self.dir, 3), 73, ("model.h5", "--force"))
        self.assertEqual(snapshot(self.dir), before)

    def test_force_replaces(self):
        for command, args in self.commands.items():
            notes("out.h5", "out.npy")(self.dir)
            (self.dir / "link.h5").unlink(missing_ok=True)
            (self.dir / "link.h5").symlink_to("out.h5")
            name = "out" if command == "convert" else "link"
            before = set(snapshot(self.dir))
            self.run_ok(args.format(name) + " --force", ranks=3)
            self.assertEqual(set(snapshot(self.dir)), before)
            self.assertTrue((self.dir / "link.h5").is_symlink())  # the file that it leads to was replaced
            written = (self.dir / ("out.npy" if command == "convert" else "out.h5")).read_bytes()
            self.assertTrue(written.startswith((b"\x89HDF", b"\x93NUMPY")), command)

    def test_a_log_never_destroys_the_data(self):
        data = self.dir / "data.csv"
        data.write_bytes(OLD_FAITHFUL.read_bytes())
        run = gmmpi("fit data.csv -k 2 -o out.h5 --log-json data.csv", self.dir)
        self.assertEqual(data.read_bytes(), OLD_FAITHFUL.read_bytes())
        self.check_failure(run, 73, ("--log-json", "data.csv"))

    def test_no_permission(self):
        if os.geteuid() != 0:
            self.skipTest("only root can run the program as another user")
        if gmmpi("--version", "/", prefix=AS_NOBODY).codes != [0]:
            self.skipTest("another user cannot run the program where it lies")
        for path, mode in ((self.dir, 0o755), (self.model, 0o644)):
            path.chmod(mode)
        np.save(self.dir / "data.npy", np.loadtxt(OLD_FAITHFUL, delimiter=",", skiprows=1))
        (self.dir / "secret.npy").write_bytes((self.dir / "data.npy").read_bytes())
        (self.dir / "secret.npy").chmod(0o600)
        cases = (("fit data.npy -k 2 -o out.h5", ("out.h5",)), ("fit data.npy -k 3 -o model.h5 --force", ("model.h5",)),
                 ("predict data.npy model.h5 -o out.h5", ("out.h5",)), ("condition model.h5 --given 0=3 -o out.h5", ("out.h5",)),
                 ("sample model.h5 -n 9 -o out.h5", ("out.h5",)),
                 ("convert data.npy out.csv", ("out.csv",)),
                 ("fit data.npy -k 2 -o out.h5 --log-json log.json", ("--log-json", "log.json")),
                 ("fit secret.npy -k 2 -o out.h5", ("secret.npy", "permission")))
        self.check_untouched(self.dir, 77, cases, prefix=AS_NOBODY)

    def check_untouched(self, directory, code, cases, ranks=(1, 3), **more):
        """Every command line of `cases` fails in self.dir, with its words, and leaves `directory` as it was."""
        before = snapshot(directory)
        launches = [(args, words, n) for args, words in cases for n in ranks]
        runs = in_parallel(lambda args, _, n: gmmpi(args, self.dir, n, **more), launches)
        for (args, words, n), run in zip(launches, runs):
            with self.subTest(args, ranks=n):
                self.check_failure(run, code, words)
        self.assertEqual(snapshot(directory), before)

    def small_disk(self, kilobytes):
        """A file system of this size, or a skipped test."""
        disk = self.dir / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", disk], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("a small file system can be mounted by root only")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        return disk

    def test_full_disk(self):
        disk = self.small_disk(64)
        (disk / "model.h5").write_bytes(self.model.read_bytes())
        with open(disk / "filler", "wb", buffering=0) as filler:
            filler.write(bytes(40 << 10))
        digits = OLD_FAITHFUL.parent / "digits.csv"
        commands = (FIT + "--seed 1 --force -o disk/model.h5", FIT + "-o disk/new.h5",
                    f"predict {OLD_FAITHFUL} model.h5 -o disk/labels.h5 --responsibilities --mahalanobis",
                    f"predict {OLD_FAITHFUL} model.h5 -o disk/labels.csv --responsibilities --mahalanobis",
                    f"predict {OLD_FAITHFUL} model.h5 -o disk/labels.npy --responsibilities --mahalanobis",
                    "sample model.h5 -n 5000 -o disk/sample.npy", "sample model.h5 -n 5000 -o disk/sample.h5", f"regress {OLD_FAITHFUL} model.h5 --target 0 --covariance -o disk/r.h5", "sample model.h5 -n 5000 -o disk/model.h5 --force",
                    f"convert {digits} disk/digits.npy", f"convert {digits} disk/digits.csv", f"convert {digits} disk/digits.h5")
        self.check_untouched(disk, 74, [(args, ("disk/", *FULL)) for args in commands])

    def test_limited_file_size(self):
        """ulimit -f: the signal that comes with it must not end the program."""
        limit = ("sh", "-c", 'ulimit -f 8 && exec "$@"', "sh")
        cases = ((FIT + "--seed 1 --force -o model.h5", ("model.",)), ("sample model.h5 -n 5000 -o out.h5", ("out.h5",)),
                 (f"predict {OLD_FAITHFUL} model.h5 -o labels.h5 --responsibilities", ("labels.h5",)),
                 (f"convert {OLD_FAITHFUL} out.npy", ("out.npy",)))
        self.check_untouched(self.dir, 74, cases, ranks=(1,), prefix=limit)

    def test_results_that_nobody_can_read(self):
        """Standard output on a full disk: a result that is lost is an error."""
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full here")
        to_full = ("sh", "-c", '"$@" >/dev/full', "sh")
        for args in (f"score {OLD_FAITHFUL} model.h5", "info model.h5 --json"):
            with self.subTest(args):
                self.check_failure(gmmpi(args, self.dir, prefix=to_full), 74, ("standard output",))
