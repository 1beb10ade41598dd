# What every picture must keep: no text outside the canvas, none over another, no legend over axes.
import itertools
from unittest import mock

import numpy as np
from matplotlib.text import Text

TOLERANCE = 1.0  # pixels


def corners(text, renderer):
    """(4, 2) pixel coordinates of a text's box, turned as the text is."""
    box, turned = text.get_window_extent(renderer), text.get_rotation()
    text.set_rotation(0)
    flat = text.get_window_extent(renderer)
    text.set_rotation(turned)
    along = np.array([np.cos(np.radians(turned)), np.sin(np.radians(turned))])
    across = np.array([-along[1], along[0]])
    middle = np.array([box.x0 + box.x1, box.y0 + box.y1]) / 2
    return np.stack([middle + s * flat.width / 2 * along + t * flat.height / 2 * across
                     for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))])


def drawn_texts(figure):
    """(text, corners) of every text that drawing the figure really draws, but numbers at means."""
    drawn, draw = [], Text.draw

    def note(self, renderer, *more, **options):
        if self.get_visible() and self.get_text().strip() and self.get_gid() != "mean":
            drawn.append((self.get_text(), corners(self, renderer)))
        return draw(self, renderer, *more, **options)

    with mock.patch.object(Text, "draw", note):
        figure.canvas.draw()
    return drawn


def overlap(a, b):
    """Pixels by which two rectangles overlap, in the direction of their sides in which they do so least."""
    least = np.inf
    for side in (a[1] - a[0], a[2] - a[1], b[1] - b[0], b[2] - b[1]):
        direction = side / np.linalg.norm(side)
        p, q = a @ direction, b @ direction
        least = min(least, min(p.max(), q.max()) - max(p.min(), q.min()))
    return least


def check_layout(test, figure):
    texts = drawn_texts(figure)
    test.assertGreater(len(texts), 1)
    size = np.array(figure.canvas.get_width_height())
    for text, box in texts:
        inside = (box >= -TOLERANCE).all() and (box <= size + TOLERANCE).all()
        test.assertTrue(inside, f"{text!r} at {box.tolist()} leaves the canvas of {size}")
    for (one, a), (other, b) in itertools.combinations(texts, 2):
        test.assertLess(overlap(a, b), TOLERANCE, f"{one!r} and {other!r} overlap")
    legends = [ax.get_legend() for ax in figure.axes if ax.get_legend()] + figure.legends
    for legend, ax in itertools.product(legends, figure.axes):
        if ax.name != "3d":
            a, b = (each.get_window_extent().corners()[[0, 1, 3, 2]] for each in (legend, ax))
            test.assertLess(overlap(a, b), TOLERANCE, f"a legend covers the axes {ax.get_xlabel()!r}")
