# Engines other than EM through the command line: traces in the file, the same bits on ranks and after a stop.
# covers: src/em/engines/sequential.cpp
import json
import signal

import h5py
import numpy as np

from harness import OLD_FAITHFUL, Case, ProgramTest, gmmpi
from interrupt import checkpoints, interrupt


def stop_in_the_middle(test, command, output, n_checkpoints=60):
    """Starts `gmmpi command -o output` and ends it by SIGTERM when it has written so many checkpoints."""
    interrupt(test, f"{command} -o {output} --checkpoint-every 1it", ready=checkpoints(f"{output[:-3]}.ckpt.*.h5", n_checkpoints),
              number=signal.SIGTERM)


class HardEM(ProgramTest):
    COMMAND = f"fit {OLD_FAITHFUL} -k 3 --engine hard --seed 4 --init random-from-data --tol 0 --max-iter 8"

    def fit(self, output, more="", ranks=1):
        return json.loads(self.run_ok(f"{self.COMMAND} --json -o {output} {more}", ranks).out)

    def test_both_traces_are_written_and_what_it_raises_never_falls(self):
        result = self.fit("m.h5")
        with h5py.File(self.dir / "m.h5") as f:
            classification = f["history/classification_log_likelihood"][()]
            mixture = f["history/log_likelihood"][()]
        self.assertEqual(len(classification), len(mixture))
        self.assertTrue((classification <= mixture).all())
        self.assertTrue((np.diff(classification) >= -1e-9 * abs(classification[:-1])).all())
        self.assertEqual(mixture[-1], result["log_likelihood"])
        soft = json.loads(self.run_ok(self.COMMAND.replace("--engine hard", "--engine em") + " --json -o soft.h5").out)
        self.assertNotEqual(result["digest"], soft["digest"])

    def test_the_same_bits_on_ranks_and_after_stops(self):
        whole = self.fit("whole.h5", "--n-init 100")
        self.assertEqual(self.fit("three.h5", "--n-init 100", 3)["digest"], whole["digest"])
        stop_in_the_middle(self, self.COMMAND + " --n-init 100", "part.h5")
        self.assertEqual(self.fit("part.h5", "--n-init 100 --resume must", 3)["digest"], whole["digest"])

    def test_a_component_that_collapses_again_and_again_ends_without_weight(self):
        square = np.stack(np.meshgrid(np.linspace(-0.1, 0.1, 20), np.linspace(-0.1, 0.1, 10)), axis=-1).reshape(-1, 2)
        np.save(self.dir / "x.npy", np.concatenate([square, square + [5, 0]]))
        with h5py.File(self.dir / "start.h5", "w") as f:
            model = f.create_group("model")
            model.attrs["covariance_type"] = "spherical"
            model["weights"], model["means"], model["covariances"] = np.full(3, 1 / 3), [[0.0, 0], [5, 0], [100, 100]], np.full(3, 0.01)
        digests = set()
        for ranks in (1, 3):
            run = self.run_ok("fit x.npy -k 3 --engine hard --covariance-type full --init start.h5 --json --force -o m.h5", ranks)
            self.assertIn("collapse again and again", run.err)
            digests.add(json.loads(run.out)["digest"])
        self.assertEqual(len(digests), 1)
        self.assertFalse(json.loads(run.out)["converged"])
        with h5py.File(self.dir / "m.h5") as f:
            np.testing.assert_array_equal(f["model/weights"][()], [0.5, 0.5, 0])
            np.testing.assert_allclose(f["model/means"][:2], [[0, 0], [5, 0]], atol=1e-12)
            scored = f["history/log_likelihood"][-1]
        score = json.loads(self.run_ok("score x.npy m.h5 --json").out)["log_likelihood"]
        self.assertAlmostEqual(score / scored, 1, places=13)

    def test_acceleration_is_refused(self):
        run = gmmpi(f"{self.COMMAND} --accelerate lbfgs -o m.h5", self.dir, 3)
        self.check_failure(run, 64, ("--accelerate", "--engine em"))


class KMeans(ProgramTest):
    COMMAND = f"fit {OLD_FAITHFUL} -k 4 --engine kmeans --seed 4 --init random-from-data --n-init 100"

    def fit(self, output, more="", ranks=1):
        return json.loads(self.run_ok(f"{self.COMMAND} --json -o {output} {more}", ranks).out)

    def test_the_model_is_of_the_nearest_rows(self):
        result = self.fit("m.h5", "--covariance-type diag --reg-covar 0 --log-json log.json")
        X = np.loadtxt(OLD_FAITHFUL, delimiter=",", skiprows=1)
        with h5py.File(self.dir / "m.h5") as f:
            inertia, log_likelihood = f["history/inertia"][()], f["history/log_likelihood"][()]
            means, weights, variances = (f["model/" + name][()] for name in ("means", "weights", "covariances"))
            self.assertEqual(f["options"].attrs["engine"], "kmeans")
        distance = ((X[:, None] - means) ** 2).sum(2)
        labels = distance.argmin(1)
        np.testing.assert_allclose(inertia[-1], distance.min(1).sum(), rtol=1e-12)
        np.testing.assert_allclose(weights, np.bincount(labels) / len(X), rtol=1e-14)
        np.testing.assert_allclose(means, [X[labels == k].mean(0) for k in range(4)], rtol=1e-6)
        np.testing.assert_allclose(variances, [((X[labels == k] - means[k]) ** 2).mean(0) for k in range(4)], rtol=1e-9)
        self.assertTrue((np.diff(inertia) <= 0).all())
        self.assertEqual((len(inertia), len(log_likelihood)), (result["n_iter"] + 1, 1))
        self.assertEqual((inertia[-1], log_likelihood[-1]), (result["inertia"], result["log_likelihood"]))
        events = [json.loads(line) for line in (self.dir / "log.json").read_text().splitlines()]
        traced = [e["inertia"] for e in events if e["event"] == "iteration"]
        self.assertEqual(events[0]["engine"], "kmeans")
        self.assertEqual(min(traced), inertia[-1])
        self.assertNotIn("log_likelihood", next(e for e in events if e["event"] == "iteration"))

    def test_the_same_bits_on_ranks_streamed_and_after_stops(self):
        whole = self.fit("whole.h5")
        self.assertEqual(self.fit("three.h5", ranks=3)["digest"], whole["digest"])
        stop_in_the_middle(self, self.COMMAND, "part.h5")
        self.assertEqual(self.fit("part.h5", "--resume must", 3)["digest"], whole["digest"])
        self.assertNotEqual(json.loads(self.run_ok(self.COMMAND.replace("--engine kmeans", "--engine hard") + " --json -o hard.h5").out)["digest"],
                            whole["digest"])

    def test_a_result_of_another_engine_is_not_this_fit(self):
        self.fit("m.h5")
        self.check_failure(gmmpi(f"{self.COMMAND.replace('--engine kmeans', '--engine em')} -o m.h5", self.dir), 73, ("m.h5", "--force"))
        self.assertIn("complete already", self.run_ok(f"{self.COMMAND} -o m.h5").err)

    def test_what_it_cannot_do_is_refused(self):
        self.check_cases([Case("acceleration", f"{self.COMMAND} --accelerate lbfgs -o m.h5", 64, ("--accelerate", "--engine em"))])


def sequential_means(rows, weights, centers, batches):
    """MacQueen's means (Bishop 9.5), or Sculley's of mini-batches: each a list of row numbers. Returns means and counts."""
    centers, counts = centers.copy(), np.zeros(len(centers))
    for batch in batches:
        nearest = ((rows[batch, None] - centers) ** 2).sum(2).argmin(1)
        for k in np.unique(nearest):
            own = batch[nearest == k]
            before = counts[k]
            counts[k] += weights[own].sum()
            centers[k] = (before * centers[k] + weights[own] @ rows[own]) / counts[k]
    return centers, counts


class Sequential(ProgramTest):
    COMMAND = f"fit {OLD_FAITHFUL} -k 3 --engine sequential --seed 4 --init random-from-data --n-init 40"

    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(8)
        self.rows = rng.normal(size=(1000, 3)) + 3.0 * rng.integers(0, 2, size=(1000, 3))
        self.weights = rng.integers(0, 4, size=1000) / 2.0
        self.start = self.rows[[5, 17, 400, 900]] + 0.01
        np.save(self.dir / "x.npy", self.rows)
        np.save(self.dir / "w.npy", self.weights)
        with h5py.File(self.dir / "start.h5", "w") as f:
            f["model/weights"], f["model/means"], f["model/covariances"] = np.full(4, 0.25), self.start, np.ones(4)
            f["model"].attrs["covariance_type"] = "spherical"

    def check_means(self, more, ranks, weights, batches):
        self.run_ok(f"fit x.npy -k 4 --engine sequential --init start.h5 --covariance-type diag --tol 0 -o m.h5 --force {more}", ranks)
        centers, _ = sequential_means(self.rows, weights, self.start, batches)
        distance = [((self.rows[:, None] - c) ** 2).sum(2).min(1) @ weights for c in (self.start, centers)]
        with h5py.File(self.dir / "m.h5") as f:
            np.testing.assert_allclose(f["model/means"], centers, rtol=1e-12)
            self.assertEqual(len(f["history/log_likelihood"]), 1)
            np.testing.assert_allclose(f["history/inertia"][[0, -1]], distance, rtol=1e-12)
            return f["model"].attrs["digest"]

    def test_row_by_row_is_macqueens(self):
        one, ones = [np.array([n]) for n in range(1000)], np.ones(1000)
        digests = {self.check_means("", ranks, ones, one) for ranks in (1, 3)}
        self.assertEqual(len(digests), 1)
        positive = [batch for batch in one if self.weights[batch[0]] > 0]
        digests = {self.check_means("--sample-weight w.npy --max-iter 3", ranks, self.weights, 3 * positive) for ranks in (1, 3)}
        self.assertEqual(len(digests), 1)

    def test_one_mini_batch_of_all_rows_is_an_iteration_of_lloyd(self):
        self.check_means("--batches 1", 2, np.ones(1000), [np.arange(1000)])

    def test_mini_batches_are_sculleys(self):
        # Blocks of 64 rows; with two batches the order of a pass is either, so one of two results.
        even = np.concatenate([np.arange(b, min(b + 64, 1000)) for b in range(0, 1000, 128)])
        odd = np.setdiff1d(np.arange(1000), even)
        orders = [sequential_means(self.rows, self.weights, self.start, o)[0] for o in ([even, odd], [odd, even])]
        seen = set()
        for seed in range(6):
            fit = f"fit x.npy -k 4 --engine sequential --init start.h5 --batches 2 --sample-weight w.npy --seed {seed} -o m.h5 --force"
            digests = {json.loads(self.run_ok(f"{fit} --json", ranks).out)["digest"] for ranks in (1, 3)}
            self.assertEqual(len(digests), 1)
            with h5py.File(self.dir / "m.h5") as f:
                same = [np.allclose(f["model/means"], means, rtol=1e-12) for means in orders]
            self.assertEqual(sum(same), 1)
            seen.add(same.index(True))
        self.assertEqual(seen, {0, 1})

    def test_the_same_bits_on_ranks_streamed_and_after_stops(self):
        for more in ("", "--batches 3 --max-iter 4"):
            whole = json.loads(self.run_ok(f"{self.COMMAND} {more} --json -o whole.h5 --force").out)
            stop_in_the_middle(self, f"{self.COMMAND} {more}", "part.h5")
            again = json.loads(self.run_ok(f"{self.COMMAND} {more} --json -o part.h5 --resume must --force", 3).out)
            self.assertEqual(again["digest"], whole["digest"])
            self.assertLess(again["inertia"], 3 * 5445)
            (self.dir / "part.h5").unlink()
        np.save(self.dir / "many.npy", np.random.default_rng(3).normal(size=(800_000, 8)).astype("f4"))
        fit = "fit many.npy -k 3 --engine sequential --init random-from-data --json"
        held = json.loads(self.run_ok(f"{fit} -o held.h5").out)
        run = self.run_ok(f"{fit} --memory-limit 40M -o streamed.h5", 2)
        self.assertIn("streamed", run.err)
        self.assertEqual(json.loads(run.out)["digest"], held["digest"])

    def test_one_pass_by_default(self):
        run = self.run_ok(self.COMMAND.replace("--n-init 40", "--log-json log.json -o m.h5"))
        self.assertNotIn("not converged", run.err)
        with h5py.File(self.dir / "m.h5") as f:
            self.assertEqual((f["options"].attrs["max_iter"], f["options"].attrs["batches"], len(f["history/inertia"])), (1, 0, 2))
        events = [json.loads(line) for line in (self.dir / "log.json").read_text().splitlines()]
        self.assertEqual([e["iteration"] for e in events if e["event"] == "iteration"], [0, 1])

    def test_what_it_cannot_do_is_refused(self):
        self.check_cases([Case(name, f"{self.COMMAND} -o m.h5 {more}", 64, words) for name, more, words in [
            ("acceleration", "--accelerate lbfgs", ("--accelerate", "--engine em")), ("trace", "--trace elbo", ("--trace elbo",)),
            ("steps", "--step-exponent 0.7", ("--step-exponent", "--engine stepwise")), ("no batch", "--batches 0", ("--batches", "at least 1")),
            ("words", "--batches some", ("--batches", "some")), ("prior", "--prior auto", ("--engine sequential", "--prior")),
            ("noise", "--noise", ("--engine sequential", "--noise"))]])


class TraceElbo(ProgramTest):
    COMMAND = f"fit {OLD_FAITHFUL} -k 3 --seed 4 --init random-from-data --n-init 100 --max-iter 12"

    def fit(self, output, more="--trace elbo", ranks=1):
        return json.loads(self.run_ok(f"{self.COMMAND} --json -o {output} {more}", ranks).out)

    def traces(self, output):
        with h5py.File(self.dir / output) as f:
            return {name: f["history/" + name][()] for name in ("log_likelihood", "elbo", "kl", "parameter_change")}

    def test_the_bound_is_in_file_and_log_and_the_fit_is_the_same(self):
        result = self.fit("m.h5", "--trace elbo --log-json log.json")
        self.assertEqual(self.fit("plain.h5", "")["digest"], result["digest"])
        history = self.traces("m.h5")
        L, elbo, kl = (history[name][1:] for name in ("log_likelihood", "elbo", "kl"))
        np.testing.assert_array_equal(L - kl, elbo)
        self.assertTrue((kl >= 0).all())
        self.assertTrue((elbo >= history["log_likelihood"][:-1] - 1e-6).all())  # regularised M-steps
        self.assertTrue(all(np.isnan(history[name][0]) for name in ("elbo", "kl", "parameter_change")))
        events = [json.loads(line) for line in (self.dir / "log.json").read_text().splitlines()]
        with h5py.File(self.dir / "m.h5") as f:
            best = f["model"].attrs["best_restart"]
        logged = [e for e in events if e["event"] == "iteration" and e["restart"] == best]
        for name in ("elbo", "kl", "parameter_change"):
            self.assertIsNone(logged[0][name])
            self.assertEqual([e[name] for e in logged[1:]], list(history[name][1:]))

    def test_the_same_bits_on_ranks_and_after_stops(self):
        whole, three = self.fit("whole.h5"), self.fit("three.h5", ranks=3)
        stop_in_the_middle(self, self.COMMAND + " --trace elbo", "part.h5")
        self.check_failure(gmmpi(f"{self.COMMAND} -o part.h5", self.dir), 76, ("--trace was elbo, now none",))
        part = self.fit("part.h5", "--trace elbo --resume must", ranks=3)
        self.assertEqual({whole["digest"]}, {three["digest"], part["digest"]})
        for name, values in self.traces("whole.h5").items():
            for other in ("three.h5", "part.h5"):
                self.assertEqual(values.tobytes(), self.traces(other)[name].tobytes(), name)

    def test_a_fit_without_the_trace_is_not_complete(self):
        self.fit("m.h5", "")
        self.check_failure(gmmpi(f"{self.COMMAND} --trace elbo -o m.h5", self.dir), 73, ("m.h5", "--force"))

    def test_other_engines_are_refused(self):
        self.check_cases([Case(engine, f"{self.COMMAND} --engine {engine} --trace elbo -o m.h5", 64, ("--trace elbo", "--engine em"))
                          for engine in ("hard", "kmeans")])


class Stepwise(ProgramTest):
    COMMAND = f"fit {OLD_FAITHFUL} -k 2 --engine stepwise --batches 4 --seed 4 --init random-from-data --n-init 60"

    def fit(self, output, more="", ranks=1):
        return json.loads(self.run_ok(f"{self.COMMAND} --json -o {output} {more}", ranks).out)

    def test_passes_are_traced(self):
        result = self.fit("m.h5", "--log-json log.json --tol 0 --max-iter 4")
        with h5py.File(self.dir / "m.h5") as f:
            running, log_likelihood = f["history/running_log_likelihood"][()], f["history/log_likelihood"][()]
            options = dict(f["options"].attrs)
            best = f["model"].attrs["best_restart"]
        self.assertEqual((len(running), len(log_likelihood), result["n_iter"]), (4, 1, 4))
        self.assertEqual(log_likelihood[0], result["log_likelihood"])
        self.assertEqual((options["engine"], options["batches"], options["step_exponent"], options["max_iter"]), ("stepwise", 4, "auto", 4))
        events = [json.loads(line) for line in (self.dir / "log.json").read_text().splitlines()]
        logged = [e["running_log_likelihood"] for e in events if e["event"] == "iteration" and e["restart"] == best]
        self.assertEqual(logged, list(running))

    def test_passes_by_default(self):
        run = self.run_ok(self.COMMAND.replace("--n-init 60", "") + " -o m.h5")
        self.assertIn("at most 3 iterations", run.err)
        self.assertNotIn("not converged", run.err)
        self.run_ok(f"fit {OLD_FAITHFUL} -k 2 --init m.h5 -o em.h5")  # EM goes on from there

    def test_the_same_bits_on_ranks_and_after_stops(self):
        whole = self.fit("whole.h5")
        self.assertEqual(self.fit("three.h5", ranks=3)["digest"], whole["digest"])
        stop_in_the_middle(self, self.COMMAND, "part.h5")
        self.check_failure(gmmpi(f"{self.COMMAND.replace('--batches 4', '--batches 3')} -o part.h5", self.dir), 76, ("--batches was 4, now 3",))
        self.assertEqual(self.fit("part.h5", "--resume must", 3)["digest"], whole["digest"])
        self.assertNotEqual(self.fit("other.h5", "--step-exponent 0.8")["digest"], whole["digest"])

    def test_streamed_rows(self):
        np.save(self.dir / "x.npy", np.random.default_rng(3).normal(size=(400_000, 8)))
        fit = "fit x.npy -k 3 --engine stepwise --init random-from-data --max-iter 1 --json"
        held = json.loads(self.run_ok(f"{fit} -o held.h5").out)
        run = self.run_ok(f"{fit} --memory-limit 40M -o streamed.h5", 2)
        self.assertIn("streamed", run.err)
        self.assertEqual(json.loads(run.out)["digest"], held["digest"])

    def test_what_it_cannot_do_is_refused(self):
        em = f"fit {OLD_FAITHFUL} -k 2 -o m.h5"
        self.check_cases([
            Case("acceleration", f"{self.COMMAND} --accelerate lbfgs -o m.h5", 64, ("--accelerate", "--engine em")),
            Case("trace", f"{self.COMMAND} --trace elbo -o m.h5", 64, ("--trace elbo", "--engine em")),
            Case("batches of another engine", f"{em} --batches 3", 64, ("--batches", "--engine stepwise")),
            Case("steps of another engine", f"{em} --engine hard --step-exponent 0.6", 64, ("--step-exponent", "--engine stepwise")),
            Case("steps that are too long", f"{em} --engine stepwise --step-exponent 0.5", 64, ("--step-exponent", "0.5")),
            Case("steps that are too short", f"{em} --engine stepwise --step-exponent 1.5", 64, ("--step-exponent",)),
        ])
