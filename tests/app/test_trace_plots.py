# Pictures of what engines trace: inertia, running log-likelihood, lower bound.
import sys

import matplotlib
import numpy as np

from harness import OLD_FAITHFUL, ROOT, ProgramTest, in_parallel

sys.path.insert(0, str(ROOT / "scripts/python"))
matplotlib.use("Agg")
import gmmpi
from gmmpi import plot


class Traces(ProgramTest):
    def test_history_draws_what_the_program_wrote(self):
        fit = f"fit {OLD_FAITHFUL} -k 3 --init random-from-data"
        engines = {"kmeans": "--engine kmeans", "stepwise": "--engine stepwise --batches 4", "em": "--trace elbo"}
        in_parallel(self.run_ok, [(f"{fit} {options} -o {name}.h5",) for name, options in engines.items()])
        histories = {name: gmmpi.read_model(self.dir / f"{name}.h5").history for name in engines}
        figure = plot.history(self.dir / "kmeans.h5")
        inertia = histories["kmeans"]["inertia"]
        self.assertEqual([ax.get_ylabel() for ax in figure.axes], ["inertia", "change"])
        np.testing.assert_array_equal(figure.axes[0].get_lines()[0].get_ydata(), inertia)
        fall = -np.diff(inertia)
        np.testing.assert_array_equal(figure.axes[1].get_lines()[0].get_ydata(), fall[fall > 0])
        figure = plot.history(self.dir / "stepwise.h5")
        self.assertEqual(figure.axes[0].get_ylabel(), "running log-likelihood")
        np.testing.assert_array_equal(figure.axes[0].get_lines()[0].get_ydata(), histories["stepwise"]["running_log_likelihood"])
        axes = plot.history(self.dir / "em.h5").axes
        for ax, line, name in ((0, 1, "elbo"), (2, 0, "kl")):
            np.testing.assert_array_equal(axes[ax].get_lines()[line].get_ydata(), histories["em"][name])
        with self.assertRaisesRegex(gmmpi.GmmpiError, "different objectives"):
            plot.history([self.dir / "kmeans.h5", self.dir / "em.h5"])
