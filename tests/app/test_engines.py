# Engines other than EM through the command line: traces in the file, the same bits on ranks and after a stop.
import json

import h5py
import numpy as np

from harness import OLD_FAITHFUL, Case, ProgramTest, gmmpi


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
        soft = json.loads(self.run_ok(self.COMMAND.replace("hard", "em") + " --json -o soft.h5").out)
        self.assertNotEqual(result["digest"], soft["digest"])

    def test_the_same_bits_on_ranks_and_after_stops(self):
        whole = self.fit("whole.h5", "--n-init 2")
        self.assertEqual(self.fit("three.h5", "--n-init 2", 3)["digest"], whole["digest"])
        for _ in range(3):
            stopped = gmmpi(f"{self.COMMAND} --n-init 2 --time-limit 0.000001s --checkpoint-every 1it -o part.h5", self.dir, 2)
            self.assertEqual(stopped.codes, [75, 75])
        self.assertEqual(self.fit("part.h5", "--n-init 2", 3)["digest"], whole["digest"])

    def test_acceleration_is_refused(self):
        run = gmmpi(f"{self.COMMAND} --accelerate lbfgs -o m.h5", self.dir, 3)
        self.check_failure(run, 64, ("--accelerate", "--engine em"))


class KMeans(ProgramTest):
    COMMAND = f"fit {OLD_FAITHFUL} -k 4 --engine kmeans --seed 4 --init random-from-data --n-init 2"

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
        for _ in range(3):
            stopped = gmmpi(f"{self.COMMAND} --time-limit 0.000001s --checkpoint-every 1it -o part.h5", self.dir, 2)
            self.assertEqual(stopped.codes, [75, 75])
        self.assertEqual(self.fit("part.h5", ranks=3)["digest"], whole["digest"])
        self.assertNotEqual(json.loads(self.run_ok(self.COMMAND.replace("kmeans", "hard") + " --json -o hard.h5").out)["digest"],
                            whole["digest"])

    def test_a_result_of_another_engine_is_not_this_fit(self):
        self.fit("m.h5")
        self.check_failure(gmmpi(f"{self.COMMAND.replace('kmeans', 'em')} -o m.h5", self.dir), 73, ("m.h5", "--force"))
        self.assertIn("complete already", self.run_ok(f"{self.COMMAND} -o m.h5").err)

    def test_what_it_cannot_do_is_refused(self):
        self.check_cases([Case("acceleration", f"{self.COMMAND} --accelerate lbfgs -o m.h5", 64, ("--accelerate", "--engine em"))])
