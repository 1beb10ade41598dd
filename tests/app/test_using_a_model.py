# What models are used for: densities and outliers of rows, marginals, conditionals, regression, comparison.
import json
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np
from scipy import stats
from scipy.special import logsumexp
from sklearn.metrics import adjusted_rand_score

from harness import DATA, OLD_FAITHFUL, ProgramTest, gmmpi, in_parallel

TYPES = ("full", "tied", "diag", "spherical")
X = np.loadtxt(OLD_FAITHFUL, delimiter=",", skiprows=1)


def reference(name):
    return json.loads((DATA / "cases" / f"{name}.json").read_text())["models"]


def write_model(path, m, names=None):
    with h5py.File(path, "w") as f:
        for name in ("weights", "means", "covariances"):
            f["model/" + name] = m[name]
        f["model"].attrs["covariance_type"] = m["covariance_type"]
        if names:
            f["feature_names"] = names


def read_model(path):
    """Datasets and attributes of /model; the covariances as (K, d, d)."""
    with h5py.File(path) as f:
        m = {**f["model"].attrs, **{name: f["model"][name][()] for name in f["model"]}}
    K, d = m["means"].shape
    c = m["covariances"]
    m["full"] = {"full": lambda: c, "tied": lambda: np.stack([c] * K), "diag": lambda: np.stack([np.diag(v) for v in c]),
                 "spherical": lambda: c[:, None, None] * np.eye(d)}[m["covariance_type"]]()
    return m


def log_joint(m, x):
    """ln pi_k N(x | mu_k, Sigma_k), (N, K)."""
    return np.log(m["weights"]) + np.stack([stats.multivariate_normal(mu, s).logpdf(x) for mu, s in zip(m["means"], m["full"])], axis=-1)


def datasets(path):
    with h5py.File(path) as f:
        return {name: f[name][()] for name in f}


def as_bytes(path):
    return {name: values.tobytes() for name, values in datasets(path).items()}


def close(actual, expected, rtol=1e-9, atol=0.0, name=""):
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol, err_msg=name)


class References(ProgramTest):
    """The reference's cases through files, at 1 and 3 ranks, with equal digests."""

    def both(self, args, name):
        """Runs with {} as output at 1 and 3 ranks; returns the results as JSON and the two paths."""
        paths = [f"{name}.{ranks}.h5" for ranks in (1, 3)]
        results = [json.loads(self.run_ok(args.format(path) + " --json", ranks).out) for path, ranks in zip(paths, (1, 3))]
        return results, [self.dir / path for path in paths]

    def check_same(self, results, paths):
        self.assertEqual(results[0]["digest"], results[1]["digest"])
        self.assertEqual(as_bytes_of_model(paths[0]), as_bytes_of_model(paths[1]))

    def test_conditionals(self):
        def check(number, block):
            write_model(self.dir / f"m{number}.h5", block)
            for query in block["queries"][:: max(1, len(block["queries"]) - 1)]:  # the first and the last
                given = ",".join(f"{i}={v!r}" for i, v in zip(query["given_indices"], query["given_values"]))
                results, paths = self.both(f"condition m{number}.h5 --given={given} -o {{}} --force", f"c{number}")
                self.check_same(results, paths)
                m = read_model(paths[0])
                self.assertEqual(m["covariance_type"], block["covariance_type"])
                close(m["weights"], query["weights"], atol=1e-300, name=given)
                close(m["means"], query["means"], atol=1e-12)
                close(m["full"], query["covariances"], atol=1e-13)
                for density in (results[0]["log_density_given"], m["log_density_given"]):
                    close(density, query["log_density_given"])
                self.assertEqual(results[0]["columns"], query["remaining_indices"])
                whole = json.loads(self.run_ok(f"info {paths[1].name} --json").out)["mixture"]
                close(whole["mean"], query["mean"])
                close(whole["covariance"], query["covariance"], atol=1e-12)
        in_parallel(check, enumerate(reference("conditional_mixture")))

    def test_marginals(self):
        def check(number, block):
            write_model(self.dir / f"m{number}.h5", block)
            results, paths = self.both(f"marginal m{number}.h5 --keep {','.join(map(str, block['keep']))} -o {{}}", f"s{number}")
            self.check_same(results, paths)
            m = read_model(paths[0])
            self.assertEqual(m["covariance_type"], block["covariance_type"])
            close(m["weights"], block["marginal"]["weights"])
            close(m["means"], block["marginal"]["means"])
            close(m["full"], block["marginal"]["covariances"])
            np.save(self.dir / f"x{number}.npy", [block["probe"]])
            score = json.loads(self.run_ok(f"score x{number}.npy {paths[1].name} --json").out)
            close(score["log_likelihood"], block["log_density_probe"])
        in_parallel(check, enumerate(reference("marginal_mixture")))

    def test_moments(self):
        def check(number, block, ranks):
            write_model(self.dir / f"m{number}.h5", block)
            whole = json.loads(self.run_ok(f"info m{number}.h5 --json", ranks).out)["mixture"]
            close(whole["mean"], block["mean"])
            close(whole["covariance"], block["covariance"])
            shown = self.run_ok(f"info m{number}.h5").out.partition("all components together")[2]
            for value in (block["mean"][0], block["covariance"][0][0]):
                self.assertIn(f"{value:.6g}", shown)
        in_parallel(check, [(n, block, 1 + 2 * (n % 2)) for n, block in enumerate(reference("mixture_moments"))])

    def test_mahalanobis(self):
        def check(number, block):
            write_model(self.dir / f"m{number}.h5", block)
            table = np.genfromtxt(DATA / Path(block["data"]).name, delimiter=",", skip_header=1)[:, :len(block["columns"])]
            np.save(self.dir / f"x{number}.npy", table)
            for ranks in (1, 3):
                self.run_ok(f"predict x{number}.npy m{number}.h5 --mahalanobis -o p{number}.{ranks}.h5", ranks)
            distances = datasets(self.dir / f"p{number}.1.h5")["mahalanobis"]
            close(distances[block["rows"]], block["distances"])
            close(distances[block["rows"]] ** 2, block["squared"])
            self.assertEqual(as_bytes(self.dir / f"p{number}.1.h5"), as_bytes(self.dir / f"p{number}.3.h5"))
        in_parallel(check, enumerate(reference("mahalanobis")))


def as_bytes_of_model(path):
    return {name: values.tobytes() for name, values in read_model(path).items() if isinstance(values, np.ndarray)}


class UsingAModel(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.models = Path(tempfile.mkdtemp(prefix="gmmpi-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.models)
        in_parallel(gmmpi, [(f"fit {OLD_FAITHFUL} -k 3 --covariance-type {t} -o {t}.h5", cls.models) for t in TYPES])

    def setUp(self):
        super().setUp()
        shutil.copytree(self.models, self.dir, dirs_exist_ok=True)

    def test_score_of_each_row(self):
        weights = np.arange(len(X)) % 4 * 0.5
        np.save(self.dir / "w.npy", weights)
        plain = self.run_ok(f"score {OLD_FAITHFUL} tied.h5 --json").out
        self.assertEqual(self.run_ok(f"score {OLD_FAITHFUL} tied.h5 --json -o s.h5", ranks=3).out, plain)
        self.run_ok(f"predict {OLD_FAITHFUL} tied.h5 --log-density -o p.h5")
        s = datasets(self.dir / "s.h5")
        self.assertEqual(list(s), ["log_density"])
        self.assertEqual(s["log_density"].tobytes(), datasets(self.dir / "p.h5")["log_density"].tobytes())
        close(s["log_density"].sum(), json.loads(plain)["log_likelihood"], 1e-13)
        self.run_ok(f"score {OLD_FAITHFUL} tied.h5 --sample-weight w.npy -o w.h5")
        weighted = datasets(self.dir / "w.h5")["log_density"]
        np.testing.assert_array_equal(weighted, np.where(weights > 0, s["log_density"], np.nan))
        again = self.run_ok(f"score {OLD_FAITHFUL} tied.h5 --json -o s.h5", ranks=2)  # written already: the result all the same
        self.assertEqual(again.out, plain)
        self.assertIn("--force", again.err)

    def test_outliers_by_the_data(self):
        for q in (0.01, 0.1, 0.5):
            run = self.run_ok(f"predict {OLD_FAITHFUL} full.h5 --log-density --outliers {q} -o o.h5 --json --force", ranks=3)
            p, result = datasets(self.dir / "o.h5"), json.loads(run.out)
            threshold = np.quantile(p["log_density"], q)
            np.testing.assert_array_equal(p["outliers"], p["log_density"] < threshold)
            close(result["outlier_threshold"], threshold, 1e-15)
            self.assertEqual(result["n_outliers"], p["outliers"].sum())
            with h5py.File(self.dir / "o.h5") as f:
                self.assertEqual((f.attrs["outlier_rule"], f.attrs["outlier_quantile"], f.attrs["outlier_threshold"]),
                                 ("data", q, result["outlier_threshold"]))

    def test_outliers_by_the_model(self):
        self.run_ok("sample full.h5 -n 100000 -o drawn.h5")
        self.run_ok("score drawn.h5 full.h5 -o densities.h5")
        run = self.run_ok(f"predict {OLD_FAITHFUL} full.h5 --outliers 0.02 --outlier-rule model --log-density -o o.h5 --json", ranks=3)
        threshold = np.quantile(datasets(self.dir / "densities.h5")["log_density"], 0.02)
        close(json.loads(run.out)["outlier_threshold"], threshold, 1e-15)
        p = datasets(self.dir / "o.h5")
        np.testing.assert_array_equal(p["outliers"], p["log_density"] < threshold)

    def test_outliers_by_chi_square(self):
        for covariance_type in TYPES:
            run = self.run_ok(f"predict {OLD_FAITHFUL} {covariance_type}.h5 --outliers 0.05 --outlier-rule chi2 --mahalanobis "
                              "-o o.h5 --json --force")
            p, threshold = datasets(self.dir / "o.h5"), stats.chi2.isf(0.05, 2)
            close(json.loads(run.out)["outlier_threshold"], threshold, 1e-13)
            np.testing.assert_array_equal(p["outliers"], (p["mahalanobis"] ** 2 > threshold).all(axis=1))
            self.assertIn(p["outliers"].sum(), range(1, 40))

    def test_outliers_have_the_same_bits_everywhere(self):
        ways = [(rule, ranks, threads) for rule in ("data", "model", "chi2") for ranks, threads in ((1, 1), (3, 1), (7, 2))]
        in_parallel(lambda rule, ranks, threads: self.run_ok(
            f"predict {OLD_FAITHFUL} full.h5 --outliers 0.03 --outlier-rule {rule} -o {rule}.{ranks}.h5", ranks, threads=threads), ways)
        for rule, ranks, _ in ways:
            with h5py.File(self.dir / f"{rule}.{ranks}.h5") as f, h5py.File(self.dir / f"{rule}.1.h5") as one:
                self.assertEqual(f.attrs["outlier_threshold"], one.attrs["outlier_threshold"])
                np.testing.assert_array_equal(f["outliers"], one["outliers"])

    def test_regress(self):
        for covariance_type in TYPES:
            self.run_ok(f"regress {OLD_FAITHFUL} {covariance_type}.h5 --target 1 --log-density -o r.h5 --force", ranks=3)
            r, m = datasets(self.dir / "r.h5"), read_model(self.dir / f"{covariance_type}.h5")
            self.assertEqual(list(r), ["log_density", "mean", "variance"])
            s, mu = m["full"], m["means"]
            joint = np.log(m["weights"]) + stats.norm(mu[:, 0], np.sqrt(s[:, 0, 0])).logpdf(X[:, :1])
            density = logsumexp(joint, axis=1)
            resp = np.exp(joint - density[:, None])
            means = mu[:, 1] + s[:, 0, 1] / s[:, 0, 0] * (X[:, :1] - mu[:, 0])
            variances = s[:, 1, 1] - s[:, 0, 1] ** 2 / s[:, 0, 0]
            mean = (resp * means).sum(axis=1)
            close(r["mean"][:, 0], mean, 1e-12)
            close(r["variance"][:, 0], (resp * (variances + (means - mean[:, None]) ** 2)).sum(axis=1), 1e-10)
            close(r["log_density"], density, 1e-12)

    def test_regress_on_the_given_columns_alone(self):
        iris = np.genfromtxt(DATA / "iris.csv", delimiter=",", skip_header=1)[:, :4]
        np.save(self.dir / "all.npy", iris)
        np.save(self.dir / "given.npy", iris[:, [0, 2]])
        write_model(self.dir / "iris.h5", reference("mahalanobis")[0], ["sl", "sw", "pl", "pw"])
        self.run_ok("regress all.npy iris.h5 --target 3,1 --covariance -o a.h5", ranks=3)
        run = self.run_ok("regress given.npy iris.h5 --target pw,sw --covariance -o b.h5 --json")
        self.assertEqual(json.loads(run.out), {"output": "b.h5", "n_samples": 150, "targets": [3, 1]})
        self.assertEqual(as_bytes(self.dir / "a.h5"), as_bytes(self.dir / "b.h5"))
        r = datasets(self.dir / "a.h5")
        self.assertEqual((r["mean"].shape, r["variance"].shape, r["covariance"].shape), ((150, 2), (150, 2), (150, 2, 2)))
        np.testing.assert_array_equal(r["covariance"][:, [0, 1], [0, 1]], r["variance"])
        for row in (0, 75, 149):  # the conditional of that row, in the order of its columns
            given = f"sl={iris[row, 0]!r},2={iris[row, 2]!r}"
            self.run_ok(f"condition iris.h5 --given {given} -o c.h5 --force")
            whole = json.loads(self.run_ok("info c.h5 --json").out)["mixture"]
            close(r["mean"][row], whole["mean"][::-1], 1e-12)
            close(r["covariance"][row], np.array(whole["covariance"])[::-1, ::-1], 1e-11, 1e-13)

    def test_models_made_from_models(self):
        """Names go along, and every command takes the result."""
        write_model(self.dir / "iris.h5", reference("mahalanobis")[0], ["sl", "sw", "pl", "pw"])
        self.run_ok("marginal iris.h5 --keep pw,0,sw -o three.h5", ranks=3)
        self.run_ok("condition three.h5 --given sl=5.8 -o two.h5", ranks=3)
        for name, columns in (("three", ["pw", "sl", "sw"]), ("two", ["pw", "sw"])):
            with h5py.File(self.dir / f"{name}.h5") as f:
                self.assertEqual(list(f["feature_names"].asstr()), columns)
        shown = self.run_ok("info two.h5").out
        for text in ("columns: pw, sw", "gmmpi condition from three.h5", "--given sl=5.8", read_model(self.dir / "two.h5")["digest"]):
            self.assertIn(text, shown)
        self.run_ok("sample two.h5 -n 3000 -o drawn.h5")
        self.run_ok("fit drawn.h5 -k 3 --init two.h5 --max-iter 2 -o refit.h5")
        self.run_ok("regress drawn.h5 two.h5 --target sw -o r.h5")
        self.run_ok("compare two.h5 refit.h5 -n 100")
        with h5py.File(self.dir / "two.h5") as f:
            self.assertEqual((f.attrs["filetype"], f["options"].attrs["command"], f["options"].attrs["given"]),
                             ("gmmpi-model", "condition", "sl=5.8"))

    def test_compare(self):
        a, b = read_model(self.dir / "full.h5"), read_model(self.dir / "tied.h5")
        layouts = ((1, 1), (3, 1), (2, 2))
        runs = in_parallel(lambda ranks, threads: self.run_ok("compare full.h5 tied.h5 -n 20000 --seed 3 --json", ranks, threads=threads).out, layouts)
        self.assertEqual(len(set(runs)), 1)
        result = json.loads(runs[0])
        for m in result["components"]:
            i, j = m["a"], m["b"]
            shift, s, t = b["means"][j] - a["means"][i], a["full"][i], b["full"][j]
            close(m["weight_error"], b["weights"][j] - a["weights"][i])
            close(m["mean_error"], np.linalg.norm(shift))
            close(m["mean_mahalanobis"], np.sqrt(shift @ np.linalg.solve(s, shift)))
            close(m["covariance_error"], np.linalg.norm(t - s) / np.linalg.norm(s))
            det = np.linalg.det
            close(m["bhattacharyya"], shift @ np.linalg.solve((s + t) / 2, shift) / 8 + np.log(det((s + t) / 2) / np.sqrt(det(s) * det(t))) / 2)
        self.assertEqual([m["a"] for m in result["components"]], [0, 1, 2])
        labels = []
        for p, q, name in ((a, b, "kl_ab"), (b, a, "kl_ba")):  # the rows that sample draws
            self.run_ok(f"sample {'full' if p is a else 'tied'}.h5 -n 20000 --seed 3 -o drawn.h5 --force")
            x = datasets(self.dir / "drawn.h5")["X"]
            ratio = logsumexp(log_joint(p, x), axis=1) - logsumexp(log_joint(q, x), axis=1)
            close(result[name], ratio.mean(), 1e-9)
            close(result[name + "_standard_error"], ratio.std(ddof=1) / np.sqrt(len(x)), 1e-9)
            labels.append([log_joint(m, x).argmax(axis=1) for m in (a, b)])
        close(result["adjusted_rand_index"], adjusted_rand_score(*np.hstack(labels)))
        self.assertEqual(result["n_labelled"], 40000)

    def test_compare_on_data_and_other_sizes(self):
        write_model(self.dir / "two.h5", {"weights": [0.4, 0.6], "means": [[2.0, 54], [4.3, 80]], "covariance_type": "diag",
                                          "covariances": [[0.1, 30], [0.2, 36]]})
        run = self.run_ok(f"compare full.h5 two.h5 --data {OLD_FAITHFUL} --json -n 1000", ranks=3)
        result = json.loads(run.out)
        self.assertEqual((len(result["components"]), len(result["unmatched_a"]), result["unmatched_b"]), (2, 1, []))
        labels = [log_joint(read_model(self.dir / f"{n}.h5"), X).argmax(axis=1) for n in ("full", "two")]
        close(result["adjusted_rand_index"], adjusted_rand_score(*labels))
        self.assertEqual(result["n_labelled"], len(X))
        text = self.run_ok(f"compare two.h5 full.h5 --data {OLD_FAITHFUL} -n 1000").out
        self.assertRegex(text, r"(?m)^ +- +\d +\d\.\d+$")
        self.assertIn(f"272 rows of {OLD_FAITHFUL}", text)

    def test_a_model_and_itself(self):
        result = json.loads(self.run_ok("compare diag.h5 diag.h5 --json").out)
        self.assertEqual((result["kl_ab"], result["kl_ab_standard_error"], result["adjusted_rand_index"]), (0.0, 0.0, 1.0))
        self.assertEqual([(m["a"], m["b"], m["mean_error"], m["covariance_error"]) for m in result["components"]],
                         [(k, k, 0.0, 0.0) for k in range(3)])

    def test_bernoulli_mixtures(self):
        """The same commands for 0/1 rows: half of a digit from the other half."""
        digits = (np.loadtxt(DATA / "digits.csv", delimiter=",", skiprows=1)[:, :64] >= 8).astype("u1")
        np.save(self.dir / "digits.npy", digits)
        np.save(self.dir / "upper.npy", digits[:, :32])
        self.run_ok("fit digits.npy -k 10 --family bernoulli --max-iter 20 -o b.h5")
        self.run_ok("fit digits.npy -k 9 --family bernoulli --max-iter 5 -o other.h5")
        with h5py.File(self.dir / "b.h5") as f:
            weights, mu = f["model/weights"][()], f["model/means"][()]
        lower, upper = ",".join(map(str, range(32, 64))), digits[:, None, :32]
        self.run_ok(f"regress upper.npy b.h5 --target {lower} --log-density -o r.h5", ranks=3)
        with np.errstate(divide="ignore"):
            joint = np.log(weights) + np.where(upper, np.log(mu[:, :32]), np.log1p(-mu[:, :32])).sum(axis=2)
        resp = np.exp(joint - logsumexp(joint, axis=1)[:, None])
        r = datasets(self.dir / "r.h5")
        close(r["mean"], resp @ mu[:, 32:], 1e-9, 1e-12)
        close(r["variance"], r["mean"] * (1 - r["mean"]), 1e-6, 1e-9)  # of a 0/1 variable
        given = ",".join(f"{j}={digits[7, j]}" for j in range(32))
        result = json.loads(self.run_ok(f"condition b.h5 --given {given} -o c.h5 --json", ranks=3).out)
        close(result["log_density_given"], r["log_density"][7])
        close(json.loads(self.run_ok("info c.h5 --json").out)["mixture"]["mean"], r["mean"][7], 1e-9, 1e-12)
        self.run_ok("marginal b.h5 --keep 0,63 -o m.h5")
        self.assertIn("Bernoulli mixture, 10 components in 2 columns", self.run_ok("info m.h5").out)
        self.run_ok("predict digits.npy b.h5 --outliers 0.05 --outlier-rule model -o p.h5", ranks=3)
        compared = json.loads(self.run_ok("compare b.h5 other.h5 --json -n 1000 --data digits.npy", ranks=3).out)
        self.assertEqual((len(compared["components"]), len(compared["unmatched_a"])), (9, 1))
        self.assertIsNone(compared["components"][0]["covariance_error"])

    def test_outputs_that_exist(self):
        commands = {"score": f"score {OLD_FAITHFUL} full.h5 -o out.h5", "marginal": "marginal full.h5 --keep 1 -o out.h5",
                    "condition": "condition full.h5 --given 0=3 -o out.h5", "regress": f"regress {OLD_FAITHFUL} full.h5 --target 0 -o out.h5",
                    "predict": f"predict {OLD_FAITHFUL} full.h5 --outliers 0.1 -o out.h5"}
        others = {"score": "full.h5", "marginal": "--keep 1", "condition": "0=3", "regress": "--target 0", "predict": "0.1"}
        changed = {"score": "tied.h5", "marginal": "--keep 0", "condition": "0=4", "regress": "--target 1", "predict": "0.2"}
        for name, command in commands.items():
            with self.subTest(name):
                (self.dir / "out.h5").unlink(missing_ok=True)
                self.run_ok(command)
                before = (self.dir / "out.h5").read_bytes()
                self.assertIn("holds this already", self.run_ok(command, ranks=3).err)
                other = command.replace(others[name], changed[name])
                self.check_failure(gmmpi(other, self.dir, 3), 73, ("out.h5", "exists already", "--force"))
                self.assertEqual((self.dir / "out.h5").read_bytes(), before)
                self.run_ok(other + " --force", ranks=3)
                self.assertNotEqual((self.dir / "out.h5").read_bytes(), before)
