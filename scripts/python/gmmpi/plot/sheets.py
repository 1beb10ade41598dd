"""Rows that are images, as a sheet: data, drawn rows, or a model's means."""

import math

import numpy as np

from ..program import BAD_DATA, USAGE, GmmpiError
from . import inputs, style

MOST_IMAGES = 100


@style.picture
def digits(rows, *, shape=None, reduced=None, images=None, most=MOST_IMAGES, nearest=False, title=None):
    """Draws rows (n, height * width) as grey images, the first `most` of them; returns the Figure.

    rows: data, or a model, whose means are drawn with their weights. shape: (height, width), square by default. Rows in
    reduced coordinates are mapped back by the linear map that fits `images` (N, height * width) to their coordinates
    `reduced` (N, d) in the least-squares sense; for principal components that is their inverse. nearest: below each
    image the one of `images` nearest to it.
    """
    if most < 1:
        raise GmmpiError(f"most {most}: must be at least 1", USAGE)
    name, X, texts = rows_to_draw(rows, most)
    if (reduced is None) != (images is None):
        raise GmmpiError("reduced and images belong together: the coordinates and the images of the same rows", USAGE)
    if nearest and images is None:
        raise GmmpiError("nearest: needs images to look among; give them, and their reduced coordinates", USAGE)
    others = None
    if images is not None:
        reduced, images = matched(reduced, X.shape[1]), inputs.open_data(images, most_rows=None).X
        if len(reduced) != len(images):
            raise GmmpiError(f"reduced has {len(reduced)} rows and images {len(images)}; give the same rows", BAD_DATA)
        if nearest:
            others = images[[np.argmin(((reduced - x) ** 2).sum(axis=1)) for x in X]]
        X = back(X, reduced, images)
    figure, cells = grid(len(X), 2 if nearest else 1)
    shades = np.quantile(X, [0.005, 0.995]) if images is None else (images.min(), images.max())
    draw_images(cells, X, others, image_shape(X.shape[1], shape), shades, texts)
    style.headline(figure, title if title is not None else f"{name}: {style.count(len(X), 'image')}")
    style.caption(figure, "Mapped back to images by least squares." if images is not None else "",
                  "Below each image: the nearest of the data." if nearest else "")
    return figure


def rows_to_draw(rows, most):
    """Name, rows (n, d) and the texts above them, of data or of a model's means."""
    try:
        model = inputs.open_model(rows, any_family=True)
    except (GmmpiError, TypeError):
        table = inputs.open_data(rows, most_rows=None)
        return table.name, np.asarray(table.X[:most], dtype=np.float64), None
    mixture, transform = model.mixture, model.file.transform
    means = transform.invert(mixture.means) if transform is not None and transform.loses else mixture.means
    return f"{model.name}, means", means[:most], [f"{w:.3f}" for w in mixture.weights[:most]]


def matched(reduced, d):
    """The reduced coordinates (N, d); a column label is left out."""
    table = inputs.open_data(reduced, most_rows=None)
    if table.X.shape[1] == d + 1 and "label" in table.names:
        table = table.without_column("label")
    if table.X.shape[1] != d:
        raise GmmpiError(f"reduced {table.name} has {table.X.shape[1]} columns and the rows {d}; give those that the model "
                         "was fitted to", BAD_DATA)
    return table.X


def back(X, reduced, images):
    """The images of rows X (n, d): affine least squares from `reduced` (N, d) to `images` (N, p)."""
    design = np.column_stack([np.ones(len(reduced)), reduced])
    coefficients = np.linalg.lstsq(design, images, rcond=None)[0]
    return np.column_stack([np.ones(len(X)), X]) @ coefficients


def image_shape(p, shape):
    side = math.isqrt(p)
    if shape is None and side * side != p:
        raise GmmpiError(f"rows of {p} numbers are no square images; give a shape of height and width", USAGE)
    height, width = shape or (side, side)
    if height * width != p:
        raise GmmpiError(f"shape {height} x {width} does not fit rows of {p} numbers; choose one that does", USAGE)
    return height, width


def grid(n, layers):
    """A figure of n cells of `layers` images each, about as wide as high."""
    columns = min(n, max(1, math.ceil(math.sqrt(n * layers))))
    rows = -(-n // columns)
    cell = min(0.95, 7.5 / columns)
    figure, cells = style.new_figure(max(cell * columns, 4.2), cell * rows * layers + 0.9, nrows=rows * layers, ncols=columns)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.04)
    for ax in cells:
        ax.axis("off")
    return figure, np.reshape(cells, (rows, layers, columns))


def draw_images(cells, X, others, shape, shades, texts):
    columns = cells.shape[2]
    for n, row in enumerate(X):
        for layer, values in enumerate([row] if others is None else [row, others[n]]):
            ax = cells[n // columns, layer, n % columns]
            ax.imshow(values.reshape(shape), cmap="Greys", vmin=shades[0], vmax=shades[1], interpolation="nearest")
            if layer == 0 and texts is not None:
                ax.set_title(texts[n], loc="center", fontsize=8, pad=2)
