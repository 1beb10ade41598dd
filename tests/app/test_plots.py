# Pictures: each kind draws what it says, in a layout without clipped or overlapping text.
import os
import subprocess
import sys

import h5py
import matplotlib
import numpy as np
from matplotlib.patches import Ellipse
from PIL import Image
from scipy import stats
from sklearn.mixture import GaussianMixture

from harness import DATA, OLD_FAITHFUL, PROGRAM, ROOT, ProgramTest, gmmpi as program, in_parallel
from picture_checks import check_layout

sys.path.insert(0, str(ROOT / "scripts/python"))
matplotlib.use("Agg")
import gmmpi
from gmmpi import plot
from gmmpi.plot import geometry, inputs, lower_bound, style

IRIS = gmmpi.read_data(DATA / "iris.csv", labels="label")
FAITHFUL = gmmpi.read_data(OLD_FAITHFUL)
BLOBS = gmmpi.read_data(DATA / "blobs.csv", labels="label")


def fitted(table, K, covariance_type="full", **more):
    return GaussianMixture(K, covariance_type=covariance_type, random_state=0, **more).fit(table.X)


def patches(ax):
    return [p for p in ax.patches if isinstance(p, Ellipse)]


def line(ax, label):
    return next(each for each in ax.get_lines() if each.get_label() == label).get_data()


def caption_of(figure):
    return figure._supxlabel.get_text()


class PlotTest(ProgramTest):
    def check_ellipse(self, patch, mean, covariance, share):
        """Centre, axes and boundary of a drawn ellipse against eigenvectors and the chi-square quantile."""
        r2 = stats.chi2.ppf(share, 2)
        variances, vectors = np.linalg.eigh(covariance)
        np.testing.assert_allclose(patch.center, mean)
        np.testing.assert_allclose([patch.height, patch.width], 2 * np.sqrt(r2 * variances))
        direction = np.array([np.cos(np.radians(patch.angle)), np.sin(np.radians(patch.angle))])
        self.assertAlmostEqual(abs(direction @ vectors[:, 1]), 1)
        boundary = patch.get_patch_transform().transform(patch.get_path().vertices) - mean
        distances = np.einsum("nj,nj->n", boundary, np.linalg.solve(covariance, boundary.T).T)
        np.testing.assert_allclose(distances[::3], r2, rtol=1e-3)  # every third is a point, the rest steer curves


class Points(PlotTest):
    def test_scatter_draws_the_true_ellipses_of_each_type(self):
        models = [fitted(FAITHFUL, 2, t) for t in ("full", "tied", "diag", "spherical")]
        figure = plot.scatter(FAITHFUL, models, names=["full", "tied", "diag", "spherical"])
        check_layout(self, figure)
        for ax, gm in zip(figure.axes, models):
            covariances = gmmpi.mixture.as_mixture(gm).dense_covariances()
            drawn = patches(ax)
            self.assertEqual(len(drawn), 4)
            for n, patch in enumerate(drawn):
                self.check_ellipse(patch, gm.means_[n // 2], covariances[n // 2], (0.68, 0.95)[n % 2])

    def test_points_are_mixed_by_responsibility_and_sized_by_certainty(self):
        gm = fitted(BLOBS, 4)
        figure = plot.scatter(gmmpi.Table(BLOBS.X, ["x", "y"]), gm)
        check_layout(self, figure)
        (ax,), resp = figure.axes, gm.predict_proba(BLOBS.X)
        (points,) = ax.collections
        np.testing.assert_array_equal(points.get_offsets(), BLOBS.X)
        np.testing.assert_allclose(points.get_facecolors()[:, :3], np.clip(resp @ style.colours(4), 0, 1))
        np.testing.assert_allclose(points.get_sizes() / points.get_sizes().max(), resp.max(axis=1) ** 2, rtol=1e-6)
        self.assertEqual((ax.get_xlabel(), ax.get_ylabel()), ("x", "y"))
        legend = [text.get_text() for text in ax.get_legend().get_texts()]
        self.assertEqual(legend[0], f"component 0, weight {gm.weights_[0]:.3f}")
        self.assertEqual(legend[-1], "holds 95 % of a component")
        predicted = plot.scatter(BLOBS.X, gm, colour_by="prediction", size_by="none").axes[0].collections[0]
        np.testing.assert_allclose(predicted.get_facecolors()[:, :3], style.colours(4)[gm.predict(BLOBS.X)])

    def test_labels_are_shapes_or_colours(self):
        gm = fitted(IRIS, 3)
        figure = plot.scatter(IRIS, gm, columns="petal_length,0", sigmas=[2])
        check_layout(self, figure)
        (ax,) = figure.axes
        self.assertEqual((ax.get_xlabel(), ax.get_ylabel()), ("petal_length", "sepal_length"))
        self.assertEqual(len(ax.collections), 3)
        for group, name in zip(ax.collections, np.unique(IRIS.labels)):
            np.testing.assert_array_equal(group.get_offsets(), IRIS.X[IRIS.labels == name][:, [2, 0]])
            self.assertIn(f"label {name}", [text.get_text() for text in ax.get_legend().get_texts()])
        self.assertEqual(len(patches(ax)), 3)
        inner = np.ix_([2, 0], [2, 0])
        for patch, mean, covariance in zip(patches(ax), gm.means_, gm.covariances_):
            self.check_ellipse(patch, mean[[2, 0]], covariance[inner], stats.chi2.cdf(4, 2))
        (by_colour,) = plot.scatter(IRIS, gm, colour_by="label").axes[0].collections
        self.assertEqual(len(np.unique(by_colour.get_facecolors(), axis=0)), 3)

    def test_many_components_are_numbered_and_many_rows_subsampled(self):
        many = gmmpi.Table(np.random.default_rng(0).normal(size=(20000, 2)))
        figure = plot.scatter(many, fitted(gmmpi.Table(many.X[:500]), 9))
        check_layout(self, figure)
        (ax,) = figure.axes
        self.assertEqual([text.get_text() for text in ax.texts], [str(k) for k in range(9)])
        self.assertEqual(len(ax.collections[0].get_offsets()), inputs.MOST_ROWS)
        self.assertIn("5,000 of 20,000 rows", caption_of(figure))

    def test_space_draws_ellipsoids_with_their_axes(self):
        gm = fitted(IRIS, 3)
        check_layout(self, plot.space(IRIS, [gm, gm]))
        figure = plot.space(IRIS, gm, columns=[0, 2, 3], share=0.9)
        check_layout(self, figure)
        (ax,) = figure.axes
        inner = np.ix_([0, 2, 3], [0, 2, 3])
        r = np.sqrt(stats.chi2.ppf(0.9, 3))
        segments = [np.array(each.get_data_3d()).T for each in ax.get_lines()]
        self.assertEqual(len(segments), 9)
        for k in range(3):
            covariance, mean = gm.covariances_[k][inner], gm.means_[k][[0, 2, 3]]
            for begin, end in segments[3 * k: 3 * k + 3]:
                np.testing.assert_allclose((begin + end) / 2, mean)
                half = (end - begin) / 2
                variance = (half @ half) / r**2
                np.testing.assert_allclose(covariance @ half, variance * half, rtol=1e-6, atol=1e-12)
            axes_directions = np.array([end - begin for begin, end in segments[3 * k: 3 * k + 3]])
            self.assertEqual(np.linalg.matrix_rank(axes_directions), 3)
            surface = np.stack(geometry.ellipsoid_surface(mean, covariance, r), axis=-1).reshape(-1, 3) - mean
            distances = np.einsum("nj,nj->n", surface, np.linalg.solve(covariance, surface.T).T)
            np.testing.assert_allclose(distances, r**2)
        self.assertEqual([ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel()], ["sepal_length", "petal_length", "petal_width"])
        np.testing.assert_allclose(ax._box_aspect / ax._box_aspect[0],
                                   np.array([np.ptp(ax.get_xlim3d()), np.ptp(ax.get_ylim3d()), np.ptp(ax.get_zlim3d())])
                                   / np.ptp(ax.get_xlim3d()))

    def test_pairs_puts_every_pair_of_columns_in_its_place(self):
        gm = fitted(IRIS, 3)
        figure = plot.pairs(IRIS, gm)
        check_layout(self, figure)
        self.assertEqual(len(figure.axes), 10)
        cells = {(ax.get_subplotspec().rowspan.start, ax.get_subplotspec().colspan.start): ax for ax in figure.axes}
        for (i, j), ax in cells.items():
            if i == j:
                x, p = line(ax, "p(x)")
                expected = sum(w * stats.norm.pdf(x, m[i], np.sqrt(c[i, i]))
                               for w, m, c in zip(gm.weights_, gm.means_, gm.covariances_))
                np.testing.assert_allclose(p, expected)
                self.assertAlmostEqual(sum(bar.get_height() * bar.get_width() for bar in ax.patches), 1)
            else:
                self.check_ellipse(patches(ax)[0], gm.means_[0][[j, i]], gm.covariances_[0][np.ix_([j, i], [j, i])], 0.68)
                drawn = np.concatenate([group.get_offsets() for group in ax.collections])
                np.testing.assert_array_equal(np.sort(drawn, axis=0), np.sort(IRIS.X[:, [j, i]], axis=0))
        self.assertEqual([cells[3, j].get_xlabel() for j in range(4)], IRIS.names)
        self.assertEqual([cells[i, 0].get_ylabel() for i in range(1, 4)], IRIS.names[1:])

    def test_quantiles_are_those_of_chi_square(self):
        for d in (1, 2, 3):
            for share in (0.01, 0.5, 0.68, 0.95, 0.999999):
                self.assertAlmostEqual(geometry.radius(share, d) ** 2 / stats.chi2.ppf(share, d), 1, places=9)


class Densities(PlotTest):
    def test_contours_are_of_the_density(self):
        models = [fitted(FAITHFUL, K) for K in (1, 2, 3)]
        figure = plot.density(FAITHFUL, models, names=["one", "two", "three"])
        check_layout(self, figure)
        panels = [ax for ax in figure.axes if ax.get_title(loc="left")]
        for ax, gm in zip(panels, models):
            n_compared = 0
            for collection in ax.collections:
                if not isinstance(collection, matplotlib.collections.PathCollection) or not collection.get_paths():
                    continue
                if collection.get_edgecolor().size and (collection.get_edgecolor()[0] == 1).all():  # the white lines
                    p = np.exp(gm.score_samples(np.concatenate([path.vertices for path in collection.get_paths()])))
                    np.testing.assert_allclose(p, np.median(p), rtol=0.15)  # linear interpolation on a grid
                    n_compared += 1
            self.assertGreater(n_compared, 5)

    def test_one_column_is_a_histogram_with_curves(self):
        gm = fitted(FAITHFUL, 2)
        figure = plot.density(FAITHFUL, gm, columns="waiting")
        check_layout(self, figure)
        (ax,) = figure.axes
        x, p = line(ax, "p(x)")
        np.testing.assert_allclose(p, line(ax, "component 0")[1] + line(ax, "component 1")[1])
        self.assertAlmostEqual(np.trapz(p, x), 1, places=2)
        self.assertEqual((ax.get_xlabel(), ax.get_ylabel()), ("waiting", "density"))

    def test_anomalies_are_the_least_likely_rows(self):
        gm = fitted(FAITHFUL, 2)
        figure = plot.anomalies(FAITHFUL, gm, outliers=0.05)
        check_layout(self, figure)
        ax = figure.axes[0]
        marked = ax.collections[-1].get_offsets()
        expected = FAITHFUL.X[np.argsort(gm.score_samples(FAITHFUL.X), kind="stable")[:14]]
        self.assertEqual(sorted(map(tuple, marked)), sorted(map(tuple, expected)))
        self.assertIn("14 anomalies", ax.get_title(loc="left"))


class Curves(PlotTest):
    def model_files(self):
        kinds = [(t, K) for t in ("full", "diag") for K in (1, 2, 3)]
        runs = [(f"fit {OLD_FAITHFUL} -k {K} --covariance-type {t} -o {t}{K}.h5",) for t, K in kinds]
        in_parallel(self.run_ok, [*runs, (f"fit {DATA / 'old_faithful_std.csv'} -k 2 -o other.h5",)])
        return [self.dir / f"{t}{K}.h5" for t, K in kinds]

    def test_history_and_criteria_draw_the_numbers_of_the_files(self):
        files = self.model_files()
        with h5py.File(files[1], "a") as f:
            history = f["history/log_likelihood"][...]
            f["history/elbo"], f["history/kl"] = history - 5, np.full(len(history), 5.0)
        figure = plot.history(files[1:3])
        check_layout(self, figure)
        self.assertEqual([ax.get_ylabel() for ax in figure.axes], ["log-likelihood", "change", "KL(q || posterior)"])
        drawn = [each.get_ydata() for each in figure.axes[0].get_lines()]
        for expected in (history, history - 5, gmmpi.read_model(files[2]).history["log_likelihood"]):
            self.assertTrue(any(np.array_equal(expected, values) for values in drawn))
        np.testing.assert_allclose(figure.axes[1].get_lines()[0].get_ydata(), np.diff(history)[np.diff(history) > 0])
        np.testing.assert_array_equal(figure.axes[2].get_lines()[0].get_ydata(), np.full(len(history), 5.0))

        figure = plot.criteria(files)
        check_layout(self, figure)
        attributes = [gmmpi.read_model(path).attributes for path in files]
        for ax, name in zip(figure.axes, ("bic", "aic", "icl")):
            for i, t in enumerate(("full", "diag")):
                x, y = line(ax, t)
                np.testing.assert_array_equal(x, [1, 2, 3])
                np.testing.assert_array_equal(y, [a[name] for a in attributes[3 * i: 3 * i + 3]])
            ring = ax.get_lines()[-1].get_data()
            self.assertEqual(ring[1], min(a[name] for a in attributes))
        self.assertIn(f"best {attributes[1]['covariance_type']}, K = 2", figure.axes[0].get_title(loc="left"))

        with self.assertRaisesRegex(gmmpi.GmmpiError, "different data"):
            plot.criteria([*files, self.dir / "other.h5"])


class Numbers(PlotTest):
    def test_parameters(self):
        for t, K in (("full", 3), ("tied", 3), ("diag", 8), ("spherical", 2)):
            gm = fitted(IRIS, K, t)
            figure = plot.parameters(gm, feature_names=IRIS.names)
            check_layout(self, figure)
            bars, means, *rest = [ax for ax in figure.axes if ax.get_title(loc="left")]
            np.testing.assert_array_equal([bar.get_width() for bar in bars.patches], gm.weights_)
            self.assertEqual([label.get_text() for label in means.get_xticklabels()], IRIS.names)
            X, _ = gm.sample(200000)
            deviations = X.std(axis=0)
            np.testing.assert_allclose(means.images[0].get_array(), (gm.means_ - X.mean(axis=0)) / deviations, atol=0.03)
            self.assertEqual(means.texts[0].get_text(), f"{gm.means_[0, 0]:.3g}")
            if t == "spherical":
                np.testing.assert_array_equal([bar.get_width() for bar in rest[0].patches], gm.covariances_)
            else:
                self.assertEqual(len(rest), {"full": 3, "tied": 1, "diag": 1}[t])
                shown, raw = rest[0].images[0].get_array(), gm.covariances_[0] if t == "full" else gm.covariances_
                scale = deviations**2 if t == "diag" else np.outer(deviations, deviations)
                np.testing.assert_allclose(shown, raw / scale, atol=0.03)

    def test_compare_matches_components(self):
        truth = gmmpi.Mixture("full", [0.3, 0.7], [[1, 1], [-1, -1]], [np.eye(2), 0.5 * np.eye(2)])
        swapped = gmmpi.Mixture("diag", [0.7, 0.3], [[-1, -1], [1, 1]], [[0.5, 0.5], [1, 1]])
        off = gmmpi.Mixture("spherical", [0.5, 0.5], [[-1.2, -1], [1, 1]], [0.5, 1])
        figure = plot.compare(truth, [swapped, off], names=["same", "off"], data=np.random.default_rng(0).normal(size=(50, 2)))
        check_layout(self, figure)
        for ax in figure.axes[:3]:
            expected, drawn = ax.get_lines()[0].get_data()
            np.testing.assert_allclose(drawn, expected)
        texts = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
        self.assertEqual(texts[0], "same\nweights 0, means 0,\ncovariances 0 %")
        self.assertEqual(texts[1], "off\nweights 0.2, means 0.1,\ncovariances 0 %")
        self.assertEqual(len(patches(figure.axes[3])), 6)
        self.check_ellipse(patches(figure.axes[3])[1], [-1, -1], 0.5 * np.eye(2), 0.95)

    def test_bound_lies_below_and_touches(self):
        before = gmmpi.Mixture("full", [0.5, 0.5], [[2, 60], [4, 70]], [np.diag([0.5, 100])] * 2)
        now = gmmpi.Mixture("tied", [0.4, 0.6], [[2.5, 60], [4, 75]], np.array([[0.3, 1], [1, 60]]))
        for parameter, here in (("mean", 75), ("weight", 0.6), ("variance", 60)):
            figure = plot.bound(FAITHFUL, now, before=before, parameter=parameter, component=1, column="waiting")
            check_layout(self, figure)
            (ax,) = figure.axes
            curves = {each.get_label().split("\n")[0]: np.array(each.get_data()) for each in ax.get_lines()}
            x, likelihood = curves["log-likelihood"]
            old, new = curves["lower bound before the E-step"][1], curves["lower bound after the E-step"][1]
            self.assertTrue((old <= likelihood + 1e-8).all() and (new <= likelihood + 1e-8).all())
            self.assertEqual(curves["current parameter"][0, 0], here)
            full = lower_bound.full(now)
            q = full.responsibilities(FAITHFUL.X)
            step = 1e-4 * here
            at = [lower_bound.vary(full, parameter, 1, 1, value) for value in (here - step, here, here + step)]
            L = [m.log_density(FAITHFUL.X).sum() for m in at]
            B = lower_bound.elbo([m.log_joint(FAITHFUL.X) for m in at], q)
            self.assertAlmostEqual(L[1], B[1], places=8)  # touches
            self.assertAlmostEqual((L[2] - L[0]) / (2 * step), (B[2] - B[0]) / (2 * step), places=4)  # with the same slope
            self.assertAlmostEqual(curves["current parameter"][1, 0], L[1])

    def test_digits_are_mapped_back(self):
        images = gmmpi.read_data(DATA / "digits.csv", labels="label", most_rows=150).X
        centred = images - images.mean(axis=0)
        _, _, axes = np.linalg.svd(centred, full_matrices=False)
        reduced = centred @ axes[:20].T + 7.0
        figure = plot.digits(reduced[:10], reduced=reduced, images=images)
        check_layout_of_images = [ax.images[0].get_array().ravel() for ax in figure.axes if ax.images]
        expected = (reduced[:10] - 7.0) @ axes[:20] + images.mean(axis=0)
        np.testing.assert_allclose(check_layout_of_images, expected, atol=1e-8)
        model = gmmpi.Mixture("spherical", [0.25, 0.75], reduced[[3, 5]], [1, 1])
        figure = plot.digits(model, reduced=reduced, images=images, nearest=True)
        check_layout(self, figure)
        np.testing.assert_array_equal([ax.images[0].get_array().ravel() for ax in figure.axes if not ax.get_title()],
                                      images[[3, 5]])
        self.assertEqual([ax.get_title() for ax in figure.axes if ax.get_title()], ["0.250", "0.750"])


class Command(PlotTest):
    """gmmpi plot."""

    def setUp(self):
        super().setUp()
        self.env = {"GMMPI_PYTHON": sys.executable}
        gmmpi.save(fitted(BLOBS, 4, tol=1e9, reg_covar=1.0), self.dir / "m.h5")
        gmmpi.write_data(self.dir / "blobs.h5", BLOBS)

    def plot(self, args, **more):
        return self.run_ok(f"plot {args}", env={**self.env, **more})

    def test_formats(self):
        kinds = {"a.png": b"\x89PNG", "a.svg": b"<?xml", "a.pdf": b"%PDF", "b.svg": b"<?xml"}
        runs = in_parallel(self.plot, [(f"scatter blobs.h5 m.h5 -o {name}",) for name in kinds])
        for (name, magic), run in zip(kinds.items(), runs):
            self.assertEqual(run.out, f"written to {name}\n")
            self.assertTrue((self.dir / name).read_bytes().startswith(magic))
        self.plot("scatter blobs.h5 m.h5 -o a.png", GMMPI_DPI="50")
        with Image.open(self.dir / "a.png") as image:
            self.assertEqual(image.size, (420, 260))
        self.assertIn(b"<svg", (self.dir / "a.svg").read_bytes())
        self.assertEqual((self.dir / "a.svg").read_bytes(), (self.dir / "b.svg").read_bytes())  # without a date
        self.assertEqual({p.name for p in self.dir.iterdir()}, {*kinds, "m.h5", "blobs.h5"})

    def test_steps_are_those_of_fits(self):
        os.environ["GMMPI_PROGRAM"] = str(PROGRAM)
        self.addCleanup(os.environ.__setitem__, "GMMPI_PROGRAM", os.environ["GMMPI_PROGRAM"])
        figure = plot.steps(DATA / "blobs.csv", iterations=[0, 3], init=str(self.dir / "m.h5"), n_components=4)
        check_layout(self, figure)
        self.run_ok("fit blobs.h5 -k 4 --init m.h5 --max-iter 3 --tol 0 -o three.h5")
        for ax, name in zip(figure.axes, ("m", "three")):
            model = gmmpi.read_model(self.dir / f"{name}.h5").mixture
            for k, patch in enumerate(patches(ax)[::2]):
                self.check_ellipse(patch, model.means[k], model.covariances[k], 0.68)
        self.assertIn("after 3 iterations", figure.axes[1].get_title(loc="left"))
        self.plot("steps blobs.h5 -k 4 --init m.h5 --iterations 0,1,2 -o a.gif --milliseconds 200")
        with Image.open(self.dir / "a.gif") as gif:
            self.assertEqual((gif.n_frames, gif.size, gif.info["duration"]), (3, (900, 459), 200))
            self.assertEqual(gif.convert("RGB").getpixel((2, 2)), (255, 255, 255))

    def test_what_cannot_be_drawn(self):
        (self.dir / "bare").write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
        (self.dir / "bare").chmod(0o755)
        cases = [("scatter blobs.h5 m.h5", 64, "-o/--output", {}), ("circles blobs.h5", 64, "invalid choice: 'circles'", {}),
                 ("scatter blobs.h5 m.h5 -o a.jpg", 64, ".png, .svg or .pdf", {}),
                 ("scatter blobs.h5 m.h5 -o a.png --columns 0,5", 64, "no column 5", {}),
                 ("scatter nix.csv m.h5 -o a.png", 66, "nix.csv", {}),
                 (f"scatter {DATA / 'digits.csv'} m.h5 -o a.png", 65, "columns", {}),
                 ("space blobs.h5 m.h5 -o a.png", 65, "2 of the 3 columns", {}),
                 ("history m.h5 -o a.png", 65, "has no history", {}),
                 ("steps blobs.h5 -k 4 --frobnicate 3 -o a.png", 64, "--frobnicate", {}),
                 ("parameters m.h5 -o nix/a.png", 73, "nix/a.png", {}),
                 ("scatter blobs.h5 m.h5 -o a.png", 66, "GMMPI_PYTHON", {"GMMPI_PYTHON": str(self.dir / "bare")}),
                 ("scatter blobs.h5 m.h5 -o a.png", 66, "GMMPI_PYTHON", {"GMMPI_PYTHON": "/nix/python"})]
        runs = in_parallel(lambda args, env: program(f"plot {args}", self.dir, env={**self.env, **env}),
                           [(args, env) for args, _, _, env in cases])
        for (args, code, words, _), run in zip(cases, runs):
            with self.subTest(args):
                self.check_failure(run, code, [words])
        self.assertFalse(list(self.dir.glob("*.png")))

    def test_an_installation_brings_its_own_pictures(self):
        (self.dir / "bin").mkdir()
        (self.dir / "bin/gmmpi").write_bytes(PROGRAM.read_bytes())
        (self.dir / "bin/gmmpi").chmod(0o755)
        entry = self.dir / "share/gmmpi/python/gmmpi/plot/__main__.py"
        entry.parent.mkdir(parents=True)
        entry.write_text("import sys; print('installed', sys.argv[1:])")
        done = subprocess.run([self.dir / "bin/gmmpi", "plot", "scatter", "a b"], capture_output=True, text=True, check=True,
                              env={**os.environ, **self.env})
        self.assertEqual(done.stdout, "installed ['scatter', 'a b']\n")
