"""A fit step by step: frames of it after so many iterations, side by side or as an animated GIF."""

import os
import pathlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import matplotlib
import numpy as np
from matplotlib.ticker import MaxNLocator
from PIL import Image

from ..data import write_data
from ..model_io import read_model
from ..program import USAGE, GmmpiError, run
from . import inputs, points, style
from .curves import objective_of

FRAMES = {"panels": 6, "animation": 24}
LAUNCHES = 6  # fits at a time: of small data, a launch mostly waits
COLOURS = 160  # of an animation, besides greys
HOLD = 6  # times that the end of an animation is held
# Engines whose titles are not their names.
TITLES = {"em": "EM", "hard": "classification EM", "kmeans": "k-means", "stepwise": "stepwise EM", "sequential": "sequential k-means"}
DEFAULT_ENGINE = "em"


def models_after(data, iterations, most_frames, program=None, **options):
    """[(iterations done, NamedModel), ...]: fits with increasing --max-iter from one start; the last has converged.

    data: a path. iterations: numbers, or None: at most `most_frames`, from 0 to the end, denser at the beginning. options: of
    gmmpi fit. Every frame is a fit of its own: the same start and options give the same steps, bit for bit.
    """
    with tempfile.TemporaryDirectory(prefix="gmmpi-") as folder:
        def fitted(name, **more):
            path = pathlib.Path(folder, f"{name}.h5")
            run("fit", data, output=path, program=program, **{**options, **more})
            return inputs.NamedModel(name, read_model(path))

        if iterations is None:
            n_iter = int(fitted("whole").file.attributes["n_iter"])
            iterations = np.unique(np.rint(np.geomspace(1, n_iter + 1, most_frames) - 1).astype(int))
        if min(iterations) < 0:
            raise GmmpiError("iterations: must not be negative; 0 is the start", USAGE)
        with ThreadPoolExecutor(LAUNCHES) as pool:
            models = pool.map(lambda i: fitted(f"{i}", max_iter=int(i), tol=0), iterations)
            return [(int(i), model) for i, model in zip(iterations, models)]


def prepared(data, labels, rows, columns, folder, start):
    """The Table, the two columns, and the path of what is fitted: the data without their labels.

    A column `label` is left out where the labels are asked for or the start, a model file, does not know it.
    """
    known = [inputs.open_model(start, noise=True)] if start is not None and os.path.exists(os.fspath(start)) else []
    table = inputs.open_data(data, known, labels, most_rows=None)
    path = os.path.join(folder, "data.h5")
    write_data(path, table.X, feature_names=table.feature_names)
    return replace(table.subsample(rows), labels=None), inputs.choose_columns(table, columns, 2), path


@style.picture
def steps(data, *, iterations=None, labels=None, columns=None, rows=inputs.MOST_ROWS, title=None, program=None, **options):
    """Draws the mixture over the data after each of the given numbers of iterations, a panel each; returns the Figure.

    iterations: increasing numbers; default: six between start and convergence. options: those of gmmpi fit, as in
    gmmpi.run: n_components=4, init="start.h5", covariance_type="diag", seed=1, engine="kmeans". Rows have the colours of
    the engine's assignment, and the number of each panel is what the engine improves.
    """
    with tempfile.TemporaryDirectory(prefix="gmmpi-") as folder:
        table, chosen, path = prepared(data, labels, rows, columns, folder, options.get("init"))
        frames = models_after(path, iterations, FRAMES["panels"], program, **options)
    figure, axes = style.panels(len(frames), legend=False, sharex=True, sharey=True)
    limits = common_limits(table, frames, chosen)
    for ax, (done, model) in zip(axes, frames):
        draw_frame(ax, table, model, chosen, limits)
        ax.set_title(f"{frame_text(done, model)}\n{value_text(model)}", fontsize=9)
    style.label_panels(axes, *(table.names[j] for j in chosen))
    style.headline(figure, title if title is not None else headline_of(table, frames))
    style.caption(figure, assignment_note(frames[0][1]) + " Ellipses hold 68 % and 95 % of a component.",
                  style.subsample_note(table, len(table.X)))
    return figure


def animate(path, data, *, iterations=None, labels=None, columns=None, rows=2000, title=None, program=None, dpi=100,
            milliseconds=350, **options):
    """Writes an animated GIF of the fit: the mixture over the data, and what the engine improves so far. See steps."""
    if style.check_format(path) != ".gif":
        raise GmmpiError(f"{path}: an animation is a .gif: choose such a name", USAGE)
    with tempfile.TemporaryDirectory(prefix="gmmpi-") as folder:
        table, chosen, data_path = prepared(data, labels, rows, columns, folder, options.get("init"))
        frames = models_after(data_path, iterations, FRAMES["animation"], program, **options)
    limits = common_limits(table, frames, chosen)
    images = [frame_image(table, frames, i, chosen, limits, title, dpi) for i in range(len(frames))]
    palette = common_palette(images)
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    durations = [milliseconds] * (len(images) - 1) + [HOLD * milliseconds]
    style.write(path, lambda own: images[0].save(own, save_all=True, append_images=images[1:], duration=durations, loop=0))


def common_palette(images):
    """One palette for all frames, so that nothing flickers; greys of the look are in it as they are."""
    some = Image.fromarray(np.concatenate([np.asarray(image) for image in (images[0], images[len(images) // 2], images[-1])]))
    quantized = some.quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
    palette = np.reshape(quantized.getpalette()[: 3 * COLOURS], (-1, 3))
    palette[(palette > 244).all(axis=1)] = 255
    greys = [[255, 255, 255]] + [list(map(int, 255 * np.array(matplotlib.colors.to_rgb(colour))))
                                 for colour in (style.INK, style.LOOK["grid.color"], style.LOOK["axes.edgecolor"])]
    quantized.putpalette([*palette.ravel().tolist(), *np.ravel(greys).tolist()])
    return quantized


@style.picture
def frame_image(table, frames, i, chosen, limits, title, dpi):
    """One frame of an animation as an RGB image."""
    done, model = frames[i]
    figure, (ax, curve) = style.new_figure(9.0, 4.6, nrows=1, ncols=2, gridspec_kw={"width_ratios": [1.55, 1]})
    draw_frame(ax, table, model, chosen, limits)
    ax.set_title(frame_text(done, model))
    ax.set_xlabel(table.names[chosen[0]])
    ax.set_ylabel(table.names[chosen[1]])
    path = objective_path(frames)
    so_far = path[path[:, 0] <= done]
    curve.plot(*path.T, color="#d0d0d0", linewidth=2)
    curve.plot(*so_far.T, color=style.OKABE_ITO[0], linewidth=2)
    curve.plot(*so_far[-1], "o", color=style.OKABE_ITO[0], markersize=8)
    curve.set_title(value_text(model))
    curve.set_xlabel(counted_by(model))
    curve.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=2))
    style.headline(figure, title if title is not None else headline_of(table, frames))
    figure.set_dpi(dpi)
    figure.canvas.draw()
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")


def draw_frame(ax, table, model, chosen, limits):
    colours = points.Colours(style.colours(model.mixture.n_components))  # a component keeps its colour
    points.draw_points(ax, table, model.mixture, chosen, "prediction" if assigns_wholly(model) else "responsibility", "none",
                       colours)
    points.draw_ellipses(ax, model.mixture, chosen, points.contour_radii(points.SHARES, None), colours.components)
    ax.set_xlim(limits[0])
    ax.set_ylim(limits[1])


def common_limits(table, frames, chosen):
    """Limits of both axes that show all data, and every mean."""
    shown = np.concatenate([table.X[:, chosen], *(model.mixture.means[:, chosen] for _, model in frames)])
    low, high = shown.min(axis=0), shown.max(axis=0)
    margin = 0.08 * np.where(high > low, high - low, 1.0)
    return np.stack([low - margin, high + margin], axis=1)


def title_of_engine(model):
    name = model.file.options.get("engine", DEFAULT_ENGINE)
    return TITLES.get(name, name)


def counted_by(model):
    """What the engine counts: those with mini-batches, passes over the rows."""
    return "pass" if "batches" in model.file.options else "iteration"


def assigns_wholly(model):
    """Whether the engine gives each row to one component: it keeps a history that knows no shares."""
    return not {"classification_log_likelihood", "inertia"}.isdisjoint(model.file.history)


def headline_of(table, frames):
    return f"{table.name}: {title_of_engine(frames[0][1])} step by step"


def frame_text(done, model):
    return "start" if done == 0 else f"after {style.count(done, counted_by(model))}"


def objective(model):
    """Name and values of what the engine improves; stepwise EM's running log-likelihood lags, so the model's own alone."""
    name, values = objective_of(model)
    if name == "running log-likelihood":
        return "log-likelihood", np.array([model.file.attributes["log_likelihood"]])
    return name, values


def value_text(model):
    name, values = objective(model)
    return f"{name} {style.number(values[-1])}"


def objective_path(frames):
    """(n, 2): iterations and what the engine has reached after them; between the frames, too, where the last one's file has it."""
    last, model = frames[-1]
    values = objective(model)[1]
    if len(values) == last + 1:
        return np.column_stack([np.arange(last + 1), values])
    return np.array([[done, objective(model)[1][-1]] for done, model in frames])


def assignment_note(model):
    if not assigns_wholly(model):
        return "Colours are mixed by responsibility."
    return "Colours: the most responsible component." if model.mixture.nearest is None else "Colours: the nearest mean."
