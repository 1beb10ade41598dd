# What works: fit, score and predict against scikit-learn, the layout of model files, the log, the order of options.
import json
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np
from sklearn.mixture import GaussianMixture

from harness import OLD_FAITHFUL, ProgramTest, gmmpi, in_parallel, snapshot

X = np.loadtxt(OLD_FAITHFUL, delimiter=",", skiprows=1)
N, D, K = *X.shape, 3
TYPES = {"full": (K, D, D), "tied": (D, D), "diag": (K, D), "spherical": (K,)}
FIT = f"fit {OLD_FAITHFUL} -k {K} -o"
BITS = ("weights", "means", "covariances", "precisions_cholesky")


def read_model(path):
    """Attributes and datasets of /model, one dictionary."""
    with h5py.File(path) as f:
        return {**f["model"].attrs, **{name: f["model"][name][()] for name in f["model"]}}


def as_sklearn(m):
    gm = GaussianMixture(len(m["weights"]), covariance_type=m["covariance_type"])
    gm.weights_, gm.means_, gm.covariances_ = m["weights"], m["means"], m["covariances"]
    gm.precisions_cholesky_ = m["precisions_cholesky"]
    return gm


def numbers_close(actual, expected, rtol=1e-10, atol=0.0, **more):
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol, **more)


class Commands(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.models = Path(tempfile.mkdtemp(prefix="gmmpi-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.models)
        fits = [(f"{FIT} {t}.h5 --covariance-type {t}", cls.models) for t in TYPES]
        cls.runs = dict(zip(TYPES, in_parallel(gmmpi, fits)))

    def setUp(self):
        super().setUp()
        shutil.copytree(self.models, self.dir, dirs_exist_ok=True)

    def test_alone_there_is_no_mpi(self):
        """It would start slowly, and not at all where its session files cannot be made."""
        talks = {"OMPI_MCA_mpi_show_mca_params": "all"}
        self.assertEqual(self.run_ok("--version", env={**talks, "OMPI_MCA_orte_tmpdir_base": "/proc"}).err, "")
        self.assertIn("mpi_show_mca_params=", self.run_ok("--version", ranks=2, env=talks).err)
        for launcher, value in (("OMPI_COMM_WORLD_SIZE", "1"), ("PMIX_RANK", "0"), ("PMI_RANK", "0"), ("PALS_RANKID", "0")):
            started = gmmpi("--version", self.dir, env={**talks, launcher: value})
            self.assertIn("mpi_show_mca_params=", started.err, launcher)

    def test_success_leaves_the_output_only(self):
        self.assertEqual([run.codes for run in self.runs.values()], [[0]] * len(TYPES))
        self.assertEqual(set(snapshot(self.models)), {f"{t}.h5" for t in TYPES})

    def test_layout_of_model_files(self):
        for covariance_type, shape in TYPES.items():
            with self.subTest(covariance_type), h5py.File(self.dir / f"{covariance_type}.h5") as f:
                self.assertEqual(f.attrs["filetype"], "gmmpi-model")
                self.assertEqual(f.attrs["format_version"], 1)
                self.assertIn(f"gmmpi {f.attrs['gmmpi_version']}", self.runs[covariance_type].err)
                m, shapes = f["model"], {"weights": (K,), "means": (K, D), "covariances": shape, "precisions_cholesky": shape}
                for name, wanted in shapes.items():
                    self.assertEqual((m[name].shape, m[name].dtype), (wanted, np.dtype("<f8")), name)
                texts, numbers = {"covariance_type", "digest"}, {
                    "n_components": K, "n_features": D, "n_samples": N, "converged": 1, "tol": 1e-6, "seed": 0, "n_iter": None,
                    "lower_bound": None, "log_likelihood": None, "reg_covar": None, "n_parameters": None, "aic": None,
                    "bic": None, "icl": None}
                for name in texts:
                    self.assertIs(type(m.attrs[name]), str, name)
                for name, wanted in numbers.items():
                    self.assertEqual(np.shape(m.attrs[name]), (), name)
                    if wanted is not None:
                        self.assertEqual(m.attrs[name], wanted, name)
                self.assertEqual(m.attrs["covariance_type"], covariance_type)
                history = f["history/log_likelihood"][()]
                self.assertEqual(history.shape, (m.attrs["n_iter"] + 1,))
                self.assertEqual(history[-1], m.attrs["log_likelihood"])
                self.assertTrue((np.diff(history) > -1e-9 * abs(history[-1])).all())
                self.assertTrue(all(type(v) is str for v in f["runtime"].attrs.values() if not np.isscalar(v)))
                self.assertEqual(len(f["runtime/seconds"]), len(history))
                self.assertEqual(f["options"].attrs["covariance_type"], covariance_type)
                self.assertEqual(f["options"].attrs["data"], str(OLD_FAITHFUL))

    def test_numbers_of_a_model_file(self):
        for covariance_type in TYPES:
            with self.subTest(covariance_type):
                m = read_model(self.dir / f"{covariance_type}.h5")
                gm = as_sklearn(m)
                log_density, posterior = gm.score_samples(X), gm.predict_proba(X)
                numbers_close(m["weights"].sum(), 1.0, 1e-15)
                numbers_close(m["log_likelihood"], log_density.sum())
                numbers_close(m["lower_bound"], log_density.mean())
                numbers_close([m["aic"], m["bic"]], [gm.aic(X), gm.bic(X)])
                numbers_close(m["icl"], gm.bic(X) - 2 * np.log(posterior.max(axis=1)).sum())
                self.assertEqual(m["n_parameters"], gm._n_parameters())
                u = m["precisions_cholesky"]
                if covariance_type in ("full", "tied"):
                    self.assertEqual(np.abs(np.tril(u, -1)).max(), 0.0)
                    identity = u @ np.swapaxes(u, -1, -2) @ m["covariances"]
                    numbers_close(identity, np.broadcast_to(np.eye(D), identity.shape), atol=1e-10)
                else:
                    numbers_close(u, 1 / np.sqrt(m["covariances"]), 1e-14)

    def test_fit_ends_where_sklearn_does(self):
        for covariance_type in TYPES:
            with self.subTest(covariance_type):
                start = read_model(self.dir / f"{covariance_type}.h5")
                self.run_ok(f"{FIT} far.h5 --init {covariance_type}.h5 --covariance-type {covariance_type} --tol 1e-12 --reg-covar 0 --force",
                            ranks=3)
                gm = GaussianMixture(K, covariance_type=covariance_type, tol=1e-12, reg_covar=0, max_iter=10000,
                                     weights_init=start["weights"], means_init=start["means"])
                gm._initialize_parameters = lambda X, rng: vars(gm).update(  # sklearn's only way to start from covariances
                    weights_=start["weights"], means_=start["means"], covariances_=start["covariances"],
                    precisions_cholesky_=start["precisions_cholesky"])
                gm.fit(X)
                far = read_model(self.dir / "far.h5")
                for ours, theirs in ((far["means"], gm.means_), (far["weights"], gm.weights_)):
                    numbers_close(ours, theirs, 1e-3)
                numbers_close(far["lower_bound"], gm.score(X), 1e-9)

    def test_score(self):
        weights = np.arange(N) % 3 * 0.5
        np.save(self.dir / "w.npy", weights)
        for covariance_type in TYPES:
            with self.subTest(covariance_type):
                model, gm = f"{covariance_type}.h5", as_sklearn(read_model(self.dir / f"{covariance_type}.h5"))
                score = json.loads(self.run_ok(f"score {OLD_FAITHFUL} {model} --json", ranks=3).out)
                m = read_model(self.dir / model)
                for name in ("log_likelihood", "aic", "bic", "icl"):
                    numbers_close(score[name], m[name], 1e-15, err_msg=name)
                self.assertEqual(score["n_samples"], N)
                numbers_close(score["mean_log_likelihood"], m["lower_bound"], 1e-15)
                weighted = json.loads(self.run_ok(f"score {OLD_FAITHFUL} {model} --sample-weight w.npy --json").out)
                numbers_close(weighted["total_weight"], weights.sum())
                log_likelihood = weights @ gm.score_samples(X)
                numbers_close(weighted["log_likelihood"], log_likelihood)
                numbers_close(weighted["mean_log_likelihood"], log_likelihood / weights.sum())
                numbers_close(weighted["bic"], -2 * log_likelihood + gm._n_parameters() * np.log(weights.sum()))

    def test_predict(self):
        columns = "--responsibilities --log-density --mahalanobis"
        for covariance_type in TYPES:
            with self.subTest(covariance_type):
                m = read_model(self.dir / f"{covariance_type}.h5")
                gm = as_sklearn(m)
                outputs = [self.dir / f"p{ranks}.h5" for ranks in (1, 3, 7)]
                for ranks, path in zip((1, 3, 7), outputs):
                    run = self.run_ok(f"predict {OLD_FAITHFUL} {covariance_type}.h5 -o {path} {columns} --json --force", ranks)
                with h5py.File(outputs[0]) as f:
                    self.assertEqual(f.attrs["filetype"], "gmmpi-prediction")
                    one = {name: f[name][()] for name in f}
                np.testing.assert_array_equal(one["labels"], gm.predict(X))
                numbers_close(one["log_density"], gm.score_samples(X))
                numbers_close(one["responsibilities"], gm.predict_proba(X), atol=1e-12)
                full = {"full": lambda k: m["covariances"][k], "tied": lambda k: m["covariances"],
                        "diag": lambda k: np.diag(m["covariances"][k]), "spherical": lambda k: m["covariances"][k] * np.eye(D)}
                for k in range(K):
                    y = X - m["means"][k]
                    numbers_close(one["mahalanobis"][:, k] ** 2, np.einsum("ni,ij,nj->n", y, np.linalg.inv(full[covariance_type](k)), y))
                self.assertEqual(json.loads(run.out)["label_sizes"], np.bincount(one["labels"], minlength=K).tolist())
                for path in outputs[1:]:
                    with h5py.File(path) as f:
                        self.assertEqual({name: f[name][()].tobytes() for name in f}, {name: v.tobytes() for name, v in one.items()})
        self.run_ok(f"predict {OLD_FAITHFUL} full.h5 -o labels.h5")
        with h5py.File(self.dir / "labels.h5") as f:
            self.assertEqual(list(f), ["labels"])

    def test_model_of_three_lines(self):
        for covariance_type in TYPES:
            with self.subTest(covariance_type):
                m = read_model(self.dir / f"{covariance_type}.h5")
                with h5py.File(self.dir / "own.h5", "w") as f:
                    f["model/weights"], f["model/means"], f["model/covariances"] = m["weights"], m["means"], m["covariances"]
                    f["model"].attrs["covariance_type"] = covariance_type
                score = json.loads(self.run_ok(f"score {OLD_FAITHFUL} own.h5 --json").out)
                numbers_close(score["log_likelihood"], m["log_likelihood"], 1e-15)
                self.run_ok("info own.h5")
                run = self.run_ok(f"fit {OLD_FAITHFUL} -k {K} --init own.h5 --covariance-type {covariance_type} --max-iter 0 -o again.h5 "
                                  "--json --force")
                self.assertEqual(json.loads(run.out)["log_likelihood"], m["log_likelihood"])
                again = read_model(self.dir / "again.h5")
                for name in BITS:
                    self.assertEqual(again[name].tobytes(), m[name].tobytes(), name)

    def test_results_of_a_fit(self):
        m, run = read_model(self.dir / "full.h5"), self.runs["full"]
        for text in (m["digest"], f"{m['log_likelihood']:.10g}", f"{m['aic']:.10g}", f"{m['bic']:.10g}", "full.h5"):
            self.assertIn(text, run.out)
        result = json.loads(self.run_ok(f"{FIT} again.h5 --json", ranks=2).out)
        for name in ("converged", "n_iter", "log_likelihood", "lower_bound", "aic", "bic", "icl", "digest"):
            self.assertEqual(result[name], m[name], name)
        self.assertEqual(result["output"], "again.h5")

    def test_log(self):
        run = self.run_ok(f"{FIT} again.h5 --n-init 2 --log-json log.json", ranks=3)
        events = [json.loads(line) for line in (self.dir / "log.json").read_text().splitlines()]
        with h5py.File(self.dir / "again.h5") as f:
            m, history = dict(f["model"].attrs), f["history/log_likelihood"][()]
        first, last = events[0], events[-1]
        self.assertEqual((first["event"], last["event"]), ("start", "end"))
        for name, wanted in dict(n_samples=N, n_features=D, n_components=K, covariance_type="full", tol=1e-6, max_iter=1000, seed=0,
                                 n_init=2, ranks=3, n_parameters=m["n_parameters"]).items():
            self.assertEqual(first[name], wanted, name)
        for name in ("converged", "n_iter", "log_likelihood", "aic", "bic", "icl", "digest"):
            self.assertEqual(last[name], m[name], name)
        best = [e for e in events if e["event"] == "iteration" and e["restart"] == m["best_restart"]]
        self.assertEqual([e["iteration"] for e in best], list(range(m["n_iter"] + 1)))
        self.assertEqual([e["log_likelihood"] for e in best], history.tolist())
        self.assertIsNone(best[0]["change"])
        numbers_close([e["change"] for e in best[1:]], np.diff(history) / N, 1e-9, 1e-15)
        self.assertTrue(all(e["seconds"] >= 0 for e in best))
        times = [e["time"] for e in events]
        self.assertEqual(times, sorted(times))
        self.assertRegex(run.err, rf"(?m)^ *{m['n_iter']} +{m['log_likelihood']:.10g} ")

    def test_a_fit_that_does_not_converge(self):
        run = self.run_ok(f"{FIT} short.h5 --tol 0 --max-iter 2 --log-json log.json")
        self.assertIn("stopped after 2 iterations", run.out)
        m = read_model(self.dir / "short.h5")
        self.assertEqual((m["converged"], m["n_iter"]), (0, 2))
        run = self.run_ok(f"{FIT} short.h5 --tol 1e-9 --max-iter 2 --force --log-json log.json")
        self.assertRegex(run.err, "gmmpi: warning: not converged .*--max-iter")
        self.assertIn('"event":"warning"', (self.dir / "log.json").read_text())

    def test_order_of_options(self):
        (self.dir / "run.toml").write_text('seed = 1\ntol = 1e-3\nmax_iter = 7\n[fit]\ncovariance-type = "diag"\n')
        env = {"GMMPI_SEED": "2", "GMMPI_TOL": "1e-4", "GMMPI_CONFIG": "run.toml"}
        self.run_ok(f"{FIT} o.h5 --seed 3", env=env)
        with h5py.File(self.dir / "o.h5") as f:
            o = dict(f["options"].attrs)
        wanted = {"seed": 3, "tol": 1e-4, "max_iter": 7, "covariance_type": "diag", "n_init": 1, "init": "kmeans", "n_components": K}
        self.assertEqual({name: o[name] for name in wanted}, wanted)

    def test_stored_options_can_be_fed_back(self):
        self.run_ok(f"{FIT} start.h5 --seed 5 --tol 1e-3 --init random --covariance-type diag --reg-covar 1e-4")
        self.run_ok(f"{FIT} first.h5 --init start.h5 --covariance-type diag --on-collapse fail")
        for name in ("start.h5", "first.h5"):
            with self.subTest(name), h5py.File(self.dir / name) as f:
                not_options = {"data", "data_fingerprint", "request", "start"}
                lines = [f"{key} = {json.dumps(value if isinstance(value, str) else value.item())}"
                         for key, value in f["options"].attrs.items() if key not in not_options]
                (self.dir / "run.toml").write_text("\n".join(lines))
                self.run_ok(f"fit {OLD_FAITHFUL} -o again.h5 --config run.toml --force")
                self.assertEqual(read_model(self.dir / "again.h5")["digest"], f["model"].attrs["digest"])

    def test_dry_run(self):
        run = self.run_ok(f"fit {OLD_FAITHFUL} -k 4 -o dry.h5 --dry-run --log-json log.json", ranks=2)
        self.assertIn("2 ranks", run.err)
        self.assertFalse((self.dir / "dry.h5").exists())
