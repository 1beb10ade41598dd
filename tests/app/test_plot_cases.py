# Pictures of what users bring: odd names, narrow components, other data, k-means, binary columns, unfinished fits.
import sys
import warnings

import h5py
import matplotlib
import numpy as np
from matplotlib.text import Text
from PIL import Image
from mpl_toolkits.mplot3d import proj3d
from scipy import stats

from harness import DATA, OLD_FAITHFUL, ROOT, ProgramTest
from picture_checks import check_layout
from test_engines import stop_in_the_middle

sys.path.insert(0, str(ROOT / "scripts/python"))
matplotlib.use("Agg")
import gmmpi
from gmmpi import plot
from gmmpi.plot import densities, points, style

BLOBS = gmmpi.read_data(DATA / "blobs.csv", labels="label")
IRIS = gmmpi.read_data(DATA / "iris.csv", labels="label")
ODD_NAMES = [r"rev_$_old_$", r"$\frac{a$", r"x^2_{\b}", "100 $"]


def clusters(X, centers):
    """A spherical mixture whose components are the rows nearest to each centre."""
    labels = ((X[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
    K = len(centers)
    return gmmpi.Mixture("spherical", np.bincount(labels, minlength=K) / len(X), [X[labels == k].mean(axis=0) for k in range(K)],
                         [X[labels == k].var() for k in range(K)])


BLOB_CENTERS = np.array([BLOBS.X[BLOBS.labels == label].mean(axis=0) for label in range(4)])


def titles(figure):
    return [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]


def colours_at_means(ax):
    """{mean: colour} of the crosses."""
    return {tuple(np.round(np.ravel(line.get_data()), 6)): tuple(line.get_color()) for line in ax.get_lines()
            if line.get_marker() == "X"}


class Names(ProgramTest):
    def test_names_are_drawn_as_they_are(self):
        table = gmmpi.Table(IRIS.X, ODD_NAMES, labels=np.array([r"$\l$" if label == "setosa" else "b_$" for label in IRIS.labels]))
        model = clusters(IRIS.X, IRIS.X[[0, 60, 120]])
        figures = [plot.scatter(table, [model, model], names=[r"$\m", r"$n_$"], title=r"\title $ $"), plot.density(table, model),
                   plot.pairs(table, model), plot.space(table, model, colour_by="label"), plot.anomalies(table, model),
                   plot.density(table, model, columns=[1]), plot.bound(table, model, column=0),
                   plot.parameters(model, feature_names=ODD_NAMES), plot.compare(model, model, data=table, names=["$a_$"])]
        for figure in figures:
            check_layout(self, figure)
            self.assertFalse(any(text.get_parse_math() for text in figure.findobj(Text) if "$" in text.get_text()))
        self.assertEqual((figures[0].axes[0].get_xlabel(), figures[0].axes[0].get_ylabel()), tuple(ODD_NAMES[:2]))

    def test_a_table_with_dollar_signs(self):
        (self.dir / "m.csv").write_text("rev_$_old_$,b\n" + "".join(f"{i},{i * i % 7}\n" for i in range(20)))
        self.run_ok("fit m.csv -k 1 -o m.h5")
        self.run_ok("plot scatter m.csv m.h5 -o m.png", env={"GMMPI_PYTHON": sys.executable})
        figure = plot.history(self.dir / "m.h5")  # a logarithmic axis
        check_layout(self, figure)
        self.run_ok(f"fit {OLD_FAITHFUL} -k 3 --init random-from-data -o em.h5")
        figure = plot.history([self.dir / "em.h5"])
        check_layout(self, figure)
        ticks = [text.get_text() for text in figure.axes[1].get_yticklabels()]
        self.assertIn("10\u207b\u00b2", ticks)
        self.assertFalse([text for text in ticks if "$" in text or "\\" in text])


class Panels(ProgramTest):
    def test_equal_scales_in_several_panels(self):
        models = [clusters(BLOBS.X, BLOB_CENTERS), clusters(BLOBS.X, BLOB_CENTERS[:2])]
        for draw in (plot.scatter, plot.density, plot.anomalies):
            for given in (models, models[:1]):
                figure = draw(BLOBS, given, equal=True)
                check_layout(self, figure)
                panels = [ax for ax in figure.axes if ax.get_xlabel() or ax.get_title(loc="left")]
                for ax in panels:
                    box = ax.get_window_extent()
                    self.assertAlmostEqual(np.ptp(ax.get_xlim()) / box.width * box.height / np.ptp(ax.get_ylim()), 1, places=2)
                self.assertEqual(len({(ax.get_xlim(), ax.get_ylim()) for ax in panels}), 1)

    def test_components_have_the_colour_of_what_they_share_rows_with(self):
        first = clusters(BLOBS.X, BLOB_CENTERS)
        second = clusters(BLOBS.X, BLOB_CENTERS[[2, 0, 3, 1]])
        figure = plot.scatter(BLOBS, [first, second, clusters(BLOBS.X, BLOB_CENTERS[[3, 1]])])
        a, b = (colours_at_means(ax) for ax in figure.axes[:2])
        self.assertEqual(a, b)
        self.assertEqual(len(set(a.values())), 4)
        by_label = plot.scatter(BLOBS, second, colour_by="label")
        for mean, colour in colours_at_means(by_label.axes[0]).items():
            label = ((BLOB_CENTERS - mean) ** 2).sum(axis=1).argmin()
            self.assertEqual(colour, tuple(style.colours(4)[label]))  # that of the rows
        noise = gmmpi.Mixture("spherical", first.weights * 0.5, first.means, first.covariances,
                              noise=gmmpi.mixture.Noise(0.5, 5.0))
        check_layout(self, plot.scatter(BLOBS, [first, noise]))  # rows that are of no component
        many = clusters(BLOBS.X, BLOBS.X[::40])
        self.assertEqual(len(np.unique(points.colours_of(BLOBS, [first, many], "prediction")[1].components, axis=0)), len(many.weights))

    def test_boxes_in_space_fill_their_panels(self):
        model = clusters(IRIS.X, IRIS.X[[0, 60, 120]])
        for n in (1, 2, 4):
            figure = plot.space(IRIS, [model] * n)
            check_layout(self, figure)
            for ax in figure.axes[:n]:
                corners = np.array(np.meshgrid(ax.get_xlim3d(), ax.get_ylim3d(), ax.get_zlim3d())).reshape(3, -1)
                x, y, _ = proj3d.proj_transform(*corners, ax.get_proj())
                pixels = ax.transData.transform(np.column_stack([x, y]))
                side = ax.get_window_extent()
                self.assertGreater(max(np.ptp(pixels[:, 0]) / side.width, np.ptp(pixels[:, 1]) / side.height), 0.7)

    def test_numbers_in_a_title_say_what_they_are_of(self):
        self.run_ok(f"fit {OLD_FAITHFUL} -k 2 -o m.h5")
        own = gmmpi.read_data(OLD_FAITHFUL)
        other = gmmpi.Table(own.X[:100] + 1, own.names, name="new")
        numbers = f"log-likelihood {style.number(gmmpi.read_model(self.dir / 'm.h5').attributes['log_likelihood'])}"
        (title,) = titles(plot.scatter(OLD_FAITHFUL, self.dir / "m.h5"))
        self.assertIn("\n" + numbers, title)
        for figure in (plot.scatter(other, self.dir / "m.h5"), plot.density(other, self.dir / "m.h5"),
                       plot.scatter(OLD_FAITHFUL, self.dir / "m.h5", rows=50)):
            check_layout(self, figure)
            self.assertIn(f"\nfitted to {OLD_FAITHFUL.stem}, 272 rows: {numbers}", titles(figure)[0])
        for title in titles(plot.scatter(other, [self.dir / "m.h5"] * 2)):
            self.assertIn("(of 272 rows fitted)", title)


class Narrow(ProgramTest):
    def test_every_peak_of_one_column_has_its_height(self):
        means = np.arange(10) * 97.3
        model = gmmpi.Mixture("full", np.full(10, 0.1), means[:, None], np.full((10, 1, 1), 0.012**2))
        X = np.random.default_rng(0).normal(np.repeat(means, 50), 0.012)[:, None]
        (ax,) = plot.density(X, model).axes
        x, p = next(line for line in ax.get_lines() if line.get_label() == "p(x)").get_data()
        for mean in means:
            self.assertAlmostEqual(p[abs(x - mean) < 0.05].max() / (0.1 * stats.norm.pdf(0, scale=0.012)), 1, places=6)
        self.assertAlmostEqual(np.trapz(p, x), 1, places=2)

    def test_narrow_components_are_seen(self):
        r = np.random.default_rng(0)
        means, deviations = r.uniform(0, 100, size=(30, 2)), 10 ** r.uniform(-2, -0.5, size=30)
        X = np.concatenate([m + s * r.normal(size=(20, 2)) for m, s in zip(means, deviations)])
        figure = plot.density(X, gmmpi.Mixture("spherical", np.full(30, 1 / 30), means, deviations**2))
        check_layout(self, figure)
        figure.canvas.draw()
        image = np.asarray(figure.canvas.buffer_rgba())[::-1]
        box = figure.axes[0].get_window_extent()
        inside = image[int(box.y0) + 2: int(box.y1) - 2, int(box.x0) + 2: int(box.x1) - 2, :3]
        self.assertGreater((inside[..., 0] < 235).mean(), 0.1)  # before: only the points themselves
        self.assertIn("ln p(x)", figure._supxlabel.get_text())

    def test_contours_hold_their_share_of_the_probability(self):
        model = gmmpi.Mixture("full", [0.5, 0.5], [[0, 0], [8, 1]], [np.eye(2), [[0.04, 0.03], [0.03, 0.04]]])
        r = np.random.default_rng(1)
        X = np.concatenate([r.normal(size=(400, 2)), r.multivariate_normal([8, 1], model.covariances[1], 400)])
        x, y, grid = densities.grid_over(densities.limits_over(X, 0.3), model)
        levels, meaning = densities.levels_of(model.log_density(grid).reshape(len(y), len(x)), x, y)
        self.assertEqual((meaning, len(levels)), (densities.NEAR, len(densities.SHARES)))
        drawn = np.concatenate([r.normal(size=(50_000, 2)), r.multivariate_normal([8, 1], model.covariances[1], 50_000)])
        inside = [(model.log_density(drawn) > level).mean() for level in levels]
        np.testing.assert_allclose(inside, densities.SHARES, atol=0.02)

    def test_data_far_from_the_model_and_odd_shapes(self):
        model = gmmpi.Mixture("spherical", [0.5, 0.5], [[0, 0], [1, 1]], [1, 1])
        far = np.random.default_rng(0).normal(size=(30, 2)) + 1e4
        for X in (far, far[:1], np.zeros((5, 2)), far * [1, 0]):
            for draw in (plot.scatter, plot.density, plot.anomalies):
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    draw(X, model).canvas.draw()


class Refusals(ProgramTest):
    """Whatever cannot be drawn is said in one line."""

    def test_rows_that_are_no_numbers_are_left_out(self):
        X = np.random.default_rng(0).normal(size=(50, 2))
        X[3, 1], X[7] = np.nan, np.inf
        model = gmmpi.Mixture("spherical", [0.5, 0.5], [[0, 0], [1, 1]], [1, 1])
        for draw in (plot.scatter, plot.density, plot.anomalies):
            figure = draw(X, model)
            check_layout(self, figure)
            self.assertIn("2 rows without a finite number", figure._supxlabel.get_text().replace("\n", " "))

    def test_one_line(self):
        X = np.random.default_rng(0).normal(size=(50, 2))
        model = gmmpi.Mixture("spherical", [1, 0], [[0, 0], [1, 1]], [1, 1])
        for draw, words in [(lambda: plot.scatter(X[:0], model), "no rows"), (lambda: plot.density(X * np.nan, model), "no rows"),
                            (lambda: plot.anomalies(X * 1e300, model), "1e\\+140"), (lambda: plot.scatter(X, model, rows=0), "rows 0"),
                            (lambda: plot.save_figure(plot.scatter(X, model), self.dir / "a.png", 0), "dpi 0"),
                            (lambda: plot.save_figure(plot.scatter(X, model), self.dir / "a.png", 10**6), "dpi 1000000"),
                            (lambda: plot.digits(X, shape=(1, 2), most=0), "most 0"),
                            (lambda: plot.parameters(model, feature_names=["a"]), "1 names for 2 columns"),
                            (lambda: plot.bound(X, model, parameter="weight"), "no ratios")]:
            with self.subTest(words), self.assertRaisesRegex(gmmpi.GmmpiError, words):
                draw()


class Engines(ProgramTest):
    def test_k_means_models_have_the_colours_of_the_nearest_mean(self):
        gmmpi.write_data(self.dir / "b.h5", BLOBS.X)
        self.run_ok("fit b.h5 -k 4 --engine kmeans -o k.h5")
        means = gmmpi.read_model(self.dir / "k.h5").mixture.means
        labels = ((BLOBS.X[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
        figure = plot.scatter(BLOBS.X, self.dir / "k.h5")
        check_layout(self, figure)
        np.testing.assert_allclose(figure.axes[0].collections[0].get_facecolors()[:, :3], style.colours(4)[labels])
        self.assertIn("nearest mean", figure._supxlabel.get_text())

    def test_steps_show_the_engine(self):
        gmmpi.write_data(self.dir / "b.h5", BLOBS.X)
        gmmpi.save(gmmpi.Mixture("spherical", np.full(4, 0.25), BLOBS.X[:4], np.ones(4)), self.dir / "start.h5")
        for engine, name, trace in (("kmeans", "k-means", "inertia"), ("hard", "classification EM", "classification_log_likelihood"),
                                    ("em", "EM", "log_likelihood"), ("sequential", "sequential k-means", "inertia"),
                                    ("stepwise", "stepwise EM", None)):
            options = {"engine": engine, "n_components": 4, "init": str(self.dir / "start.h5")}
            figure = plot.steps(self.dir / "b.h5", iterations=[0, 2], **options)
            check_layout(self, figure)
            self.assertEqual(figure._suptitle.get_text(), f"b: {name} step by step")
            end = {"kmeans": "after 2 iterations", "sequential": "after 2 passes"}
            self.assertIn(end.get(engine, "after 2 "), titles(figure)[1])
            self.run_ok(f"fit b.h5 -k 4 --init start.h5 --engine {engine} --max-iter 2 --tol 0 -o two.h5 --force")
            model = gmmpi.read_model(self.dir / "two.h5")
            value = model.history[trace][-1] if trace else model.attributes["log_likelihood"]
            self.assertIn(f"{(trace or 'log_likelihood').replace('_log_', ' log-').replace('log_', 'log-')} {style.number(value)}",
                          titles(figure)[1])
            drawn = figure.axes[1].collections[0].get_facecolors()[:, :3]
            hard = np.isclose(drawn[:, None], style.colours(4)).all(axis=2).any(axis=1).all()
            self.assertEqual(hard, engine in ("kmeans", "hard", "sequential"))
        plot.animate(self.dir / "k.gif", self.dir / "b.h5", iterations=[0, 1, 30], engine="kmeans", n_components=4)
        with Image.open(self.dir / "k.gif") as gif:
            self.assertEqual(gif.n_frames, 3)

    def test_history_of_engines_and_of_checkpoints(self):
        gmmpi.write_data(self.dir / "b.h5", BLOBS.X)
        self.run_ok("fit b.h5 -k 4 --engine hard -o hard.h5")
        self.run_ok("fit b.h5 -k 4 -o em.h5")
        hard = gmmpi.read_model(self.dir / "hard.h5").history
        figure = plot.history(self.dir / "hard.h5")
        self.assertEqual(figure.axes[0].get_ylabel(), "classification log-likelihood")
        np.testing.assert_array_equal(figure.axes[0].get_lines()[0].get_ydata(), hard["classification_log_likelihood"])
        figure = plot.history([self.dir / "hard.h5", self.dir / "em.h5"])  # what both have
        self.assertEqual(figure.axes[0].get_ylabel(), "log-likelihood")
        np.testing.assert_array_equal(figure.axes[0].get_lines()[0].get_ydata(), hard["log_likelihood"])
        np.save(self.dir / "u.npy", np.random.default_rng(0).uniform(size=(20000, 2)))
        for engine, trace in (("em", "log_likelihood"), ("kmeans", "inertia")):
            stop_in_the_middle(self, f"fit u.npy -k 40 --engine {engine} --init random-from-data --tol 0", f"{engine}_part.h5")
            path = max(self.dir.glob(f"{engine}_part.ckpt.*.h5"), key=lambda p: int(p.name.split(".")[-2]))
            with h5py.File(path) as f:
                values = f["state"][trace][()]
            self.assertGreater(len(values), 1)
            figure = plot.history(path)
            check_layout(self, figure)
            np.testing.assert_array_equal(figure.axes[0].get_lines()[0].get_ydata(), values)


class Binary(ProgramTest):
    def test_bernoulli_models(self):
        X = (np.random.default_rng(0).uniform(size=(60, 4)) < [[0.1, 0.9, 0.5, 0.3]]).astype(float)
        np.save(self.dir / "x.npy", X)
        self.run_ok("fit x.npy -k 2 --family bernoulli -o m.h5")
        figure = plot.parameters(self.dir / "m.h5")
        check_layout(self, figure)
        means = next(ax for ax in figure.axes if ax.get_title(loc="left") == "probability of a 1")
        np.testing.assert_array_equal(means.images[0].get_array(), gmmpi.read_model(self.dir / "m.h5").mixture.means)
        self.assertEqual(means.images[0].get_clim(), (0, 1))
        for kind in ("scatter", "density", "pairs", "anomalies", "space"):
            with self.assertRaisesRegex(gmmpi.GmmpiError, "Bernoulli.*parameters, history, criteria or digits"):
                getattr(plot, kind)(X, self.dir / "m.h5")
