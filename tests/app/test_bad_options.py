# Options, environment and configuration files that make no sense: exit code 64 (66 and 77 for a file) and one message.
import os
import re

import numpy as np

from harness import AS_NOBODY, OLD_FAITHFUL, Case, ProgramTest, gmmpi, in_parallel

FIT = f"fit {OLD_FAITHFUL} -k 2 -o out.h5 "
SAMPLE = "sample m.h5 -o out.h5 "

# option, command line before it, values that are not such a number or out of range
NUMBERS = [
    ("n-components", f"fit {OLD_FAITHFUL} -o out.h5", ["0", "-3", "two", "2.5", "1e3", "99999999999999999999", "1:9"]),
    ("n-init", FIT, ["0", "-1", "x", "1.5"]),
    ("short-runs", FIT, ["-1", "few", "2.5", "4294967296"]),
    ("max-iter", FIT, ["-1", "many", "1.5", "4294967296"]),
    ("batches", FIT + "--engine stepwise ", ["0", "-1", "few", "1.5", "4294967296"]),
    ("step-exponent", FIT + "--engine stepwise ", ["-1", "nan", "steep", "1e999"]),
    ("tol", FIT, ["-1e-6", "nan", "inf", "small", "1e-6x", "1e999"]),
    ("reg-covar", FIT, ["-1", "nan", "-inf", "none", "1e999"]),
    ("seed", FIT, ["-1", "x", "0.5", "18446744073709551616"]),
    ("threads", FIT, ["0", "-2", "all", "1000000"]),
    ("n-samples", SAMPLE, ["0", "-5", "ten", "1.5", "99999999999999999999"]),
    ("seed", SAMPLE + "-n 5", ["-1", "x"]),
    ("threads", f"score {OLD_FAITHFUL} m.h5", ["0", "x"]),
    ("outliers", f"predict {OLD_FAITHFUL} m.h5 -o out.h5", ["-0.1", "few", "nan", "inf"]),
    ("prior-shrinkage", FIT + "--prior auto", ["-1", "nan", "little"]),
    ("prior-dof", FIT + "--prior auto", ["-1", "few"]),
    ("prior-scale", FIT + "--prior auto", ["-1", "inf"]),
    ("prior-weight", FIT + "--prior auto", ["0.5", "nan"]),
    ("noise-weight", FIT + "--noise", ["0", "1", "-0.1", "nan", "some"]),
    ("noise-volume", FIT + "--noise", ["0", "-1", "inf", "nan", "large", "1e999"]),
    ("n-samples", "compare m.h5 m.h5", ["1", "-5", "ten"]),
    ("seed", "compare m.h5 m.h5", ["-1", "x"]),
    ("pca", FIT, ["0", "-1", "many", "1.5", "0.0", "nan", "41x"]),
    ("n-components", f"pca {OLD_FAITHFUL} -o out.h5", ["0", "two", "1.5"]),
    ("variance", f"pca {OLD_FAITHFUL} -o out.h5", ["-0.1", "0", "1.5", "most", "nan"]),
]
WORDS = {"output", "covariance-type", "init", "on-collapse", "skip", "engine", "accelerate", "trace", "family", "sample-weight", "labels", "init-labels", "dof", "prior", "fix", "checkpoint", "resume", "log-json", "simd",
         "config", "outlier-rule", "keep", "given", "target", "data", "columns", "header", "separator", "decimal", "na", "missing", "errors"}
TIMES = [(option, FIT, values) for option, values in (("checkpoint-every", ["often", "5 parsecs", "nan"]),
                                                      ("time-limit", ["soon", "-1h", "nan"]), ("watchdog", ["later", "-1s"]))]
SIZES = [("memory-limit", FIT, ["8", "much", "0G", "-1G", "8GB", "nanG", "8 G", "1e999T"])]
# option, command line before it, a value that is none of its words
CHOICES = [
    ("covariance-type", FIT, "fulll", ("fulll", "full", "tied", "diag", "spherical")),
    ("init", FIT, "kmean", ("kmean", "k-means++", "random-from-data", "model file")),
    ("on-collapse", FIT, "ignore", ("ignore", "reseed", "fail")),
    ("engine", FIT, "soft", ("soft", "em", "hard", "kmeans", "stepwise")),
    ("missing", FIT, "ignore", ("ignore", "error", "drop", "em")),
    ("skip", FIT, "some", ("some", "auto", "none")),
    ("family", FIT, "poisson", ("poisson", "gaussian", "bernoulli")),
    ("accelerate", FIT, "squarem", ("squarem", "none", "lbfgs")),
    ("trace", FIT, "kl", ("kl", "none", "elbo")),
    ("prior", FIT, "flat", ("flat", "none", "auto")),
    ("fix", FIT, "variances", ("variances", "weights", "means", "covariances")),
    ("fix", FIT, "means,", ("''", "weights,means")),
    ("resume", FIT, "maybe", ("maybe", "auto", "never")),
    ("outlier-rule", f"predict {OLD_FAITHFUL} m.h5 -o out.h5 --outliers 0.1", "box", ("box", "data", "model", "chi2")),
    ("header", FIT, "maybe", ("maybe", "yes", "no", "auto")),
    ("decimal", FIT, "x", (".", ",")),
    ("separator", FIT, "abc", ("abc", "semicolon")),
    ("simd", FIT, "sse9", ("sse9", "avx2", "neon", "scalar")),
    ("covariance-type", FIT, "", ()),
]


def config(text):
    """A setup that writes run.toml."""
    return lambda cwd: (cwd / "run.toml").write_text(text)


CASES = [
    Case("no command", "", 64, ("command", "--help")),
    Case("unknown command", "fti data.h5", 64, ("fti", "--help")),
    Case("unknown option", FIT + "--n-component 3", 64, ("--n-component", "--help")),
    Case("unknown short option", FIT + "-x", 64, ("-x", "--help")),
    Case("option of another command", f"score {OLD_FAITHFUL} m.h5 --tol 1", 64, ("--tol",)),
    Case("option without its value", FIT + "--tol", 64, ("--tol",)),
    Case("flag with a value", FIT + "--force=maybe", 64, ("force", "maybe")),
    Case("option twice", FIT + "-k 3", 64, ("n-components",)),
    Case("no data", "fit -k 2 -o out.h5", 64, ("DATA",)),
    Case("data twice", f"fit {OLD_FAITHFUL} other.csv -k 2 -o out.h5", 64, ("other.csv",)),
    Case("no -k", f"fit {OLD_FAITHFUL} -o out.h5", 64, ("-k", "missing")),
    Case("no output", f"fit {OLD_FAITHFUL} -k 2", 64, ("-o", "missing")),
    Case("empty output", f"fit {OLD_FAITHFUL} -k 2 -o ''", 64, ("-o",)),
    Case("no model", f"score {OLD_FAITHFUL}", 64, ("MODEL",)),
    Case("no -n", "sample m.h5 -o out.h5", 64, ("-n", "missing")),
    Case("output: no HDF5", f"fit {OLD_FAITHFUL} -k 2 -o model.csv", 64, ("model.csv", "HDF5", ".h5")),
    Case("output: rows as text", "sample m.h5 -n 5 -o rows.txt", 64, ("rows.txt", "not written", ".csv"),
         setup=lambda cwd: (cwd / "m.h5").touch()),
    Case("columns: no such name", FIT + "--columns eruption", 64, ("--columns", "'eruption'", "eruptions, waiting")),
    Case("columns: no such number", FIT + "--columns 0,2", 64, ("--columns", "column 2", "0 to 1")),
    Case("columns: one twice", FIT + "--columns 1,waiting", 64, ("--columns", "column 1", "twice")),
    Case("columns: an empty name", FIT + "--columns 0,", 64, ("--columns", "''")),
    Case("columns: without names", "fit x.npy -k 2 -o out.h5 --columns a", 64, ("'a'", "x.npy", "0 to 2"),
         setup=lambda cwd: np.save(cwd / "x.npy", np.eye(3))),
    Case("columns: two of a name", "fit x.csv -k 2 -o out.h5 --columns a", 64, ("'a'", "numbers"),
         setup=lambda cwd: (cwd / "x.csv").write_text("a,a,b\n1,2,3\n")),
    Case("columns: text", "fit x.csv -k 2 -o out.h5 --columns b,a", 65, ("x.csv", "row 1", "column 0", "(x)", "--columns"),
         setup=lambda cwd: (cwd / "x.csv").write_text("a,b\n1,2\nx,4\n")),
    Case("convert: no format", f"convert {OLD_FAITHFUL} out.dat", 64, ("out.dat", ".h5", ".csv")),
    Case("convert: dataset in a csv", f"convert {OLD_FAITHFUL} out.csv:/X", 64, ("out.csv", "HDF5")),
    Case("environment: not a number", FIT, 64, ("--tol", "small"), env={"GMMPI_TOL": "small"}),
    Case("environment: neither true nor false", FIT, 64, ("force", "maybe"), env={"GMMPI_FORCE": "maybe"}),
    Case("config missing", FIT + "--config nix.toml", 66, ("--config", "nix.toml")),
    Case("config in the environment missing", FIT, 66, ("nix.toml",), env={"GMMPI_CONFIG": "nix.toml"}),
    Case("config is a directory", FIT + "--config folder", 65, ("folder", "directory"),
         setup=lambda cwd: (cwd / "folder").mkdir()),
    Case("config: unknown key", FIT + "--config run.toml", 64, ("run.toml", "'toll'"), setup=config("toll = 3\n")),
    Case("config: not a number", FIT + "--config run.toml", 64, ("tol", "small"), setup=config('tol = "small"\n')),
    Case("config: a list", FIT + "--config run.toml", 64, ("run.toml", "seed"), setup=config("seed = [1, 2]\n")),
    Case("config: not TOML", FIT + "--config run.toml", 64, ("run.toml",), setup=config("[fit\ntol 3\n")),
    Case("config: unknown key of the command", FIT + "--config run.toml", 64, ("run.toml", "'toll'"),
         setup=config("[fit]\ntoll = 3\n")),
]


class BadOptions(ProgramTest):
    def test_numbers(self):
        # `--option=value`, since a value that begins with a dash could be taken for an option
        cases = [Case(f"{option} {value}", f"{command} --{option}='{value}'", 64, (f"--{option}", value),
                      ranks=(1, 3) if value == values[0] else (1,), setup=lambda cwd: (cwd / "m.h5").touch())
                 for option, command, values in NUMBERS + TIMES + SIZES for value in values]
        self.check_cases(cases)

    def test_every_numeric_option_has_its_cases(self):
        for command in ("fit", "sample", "score", "predict", "marginal", "condition", "regress", "compare", "pca"):
            options = re.findall(r"^ +(?:-\w,)?--([\w-]+) [A-Z]", self.run_ok(f"{command} --help").out, re.M)
            self.assertGreater(len(options), 3)
            self.assertEqual(set(options) - WORDS - {option for option, *_ in NUMBERS + TIMES + SIZES}, set())

    def test_choices(self):
        self.check_cases([Case(f"{option} {value}", f"{command} --{option}='{value}'", 64, (f"--{option}", *words))
                          for option, command, value, words in CHOICES])

    def test_other_mistakes(self):
        self.check_cases(CASES)

    def test_mpirun_returns_the_code(self):
        """As a user sees it, without the tests' way of asking each rank."""
        run = gmmpi(FIT + "--tol small", self.dir, prefix=("mpirun", "--oversubscribe", "--bind-to", "none", "-n", "2"))
        self.assertEqual(run.codes, [64])
        self.assertEqual(len(run.errors), 1)

    def test_config_that_may_not_be_read(self):
        if os.geteuid() != 0:
            self.skipTest("only root can run the program as another user")
        if gmmpi("--version", "/", prefix=AS_NOBODY).codes != [0]:
            self.skipTest("another user cannot run the program where it lies")
        self.dir.chmod(0o777)
        (self.dir / "run.toml").write_text("tol = 1e-3\n")
        (self.dir / "run.toml").chmod(0o600)
        self.check_failure(gmmpi(FIT + "--config run.toml", self.dir, prefix=AS_NOBODY), 77, ("run.toml", "permission"))

    def test_values_at_the_edge_are_accepted(self):
        edges = ["--max-iter 0", "--tol 0 --max-iter 2", "--reg-covar 0", "--resume never", "--resume auto", "--reg-covar auto",
                 f"--seed {2**63 - 1} --n-init 2", "--threads 64", "--on-collapse fail", "--tol 1e300", "--memory-limit 0.5TiB", "--memory-limit 1e6K"]
        runs = in_parallel(gmmpi, [(f"fit {OLD_FAITHFUL} -k 2 -o {n}.h5 {edge}", self.dir) for n, edge in enumerate(edges)])
        for edge, run in zip(edges, runs):
            self.assertEqual(run.codes, [0], edge + "\n" + run.err)
        np.save(self.dir / "three.npy", np.array([[1.0], [2.0], [4.0]]))
        self.run_ok("fit three.npy -k 3 -o three.h5", ranks=3)  # K = N = number of ranks

    def test_help_and_version(self):
        for args in ("--help", "fit --help", "sample --help", "--version"):
            run = self.run_ok(args)
            self.assertTrue(run.out and not run.err, args)
        self.assertIn("gmmpi 0.", self.run_ok("--version").out)
        self.assertEqual(self.run_ok("--help", ranks=3).out, self.run_ok("--help").out)
