"""Which column is which, by their names: the program's rule (docs/using-a-model.md#names-of-columns)."""

import warnings
from dataclasses import replace

from .mixture import Mixture
from .program import BAD_DATA, GmmpiError

MOST_NAMES_SHOWN = 10


def names_of(data):
    """The names of the columns of a DataFrame, a Table or a fitted model; None where there are none that are text."""
    found = next((names for names in (getattr(data, attribute, None) for attribute in ("columns", "feature_names", "feature_names_in_"))
                  if names is not None), None)
    return None if found is None or not all(isinstance(name, str) for name in found) else list(found)


def name_list(names):
    """"a, b, c", or the first ten and how many there are."""
    shown = ", ".join(map(str, names[:MOST_NAMES_SHOWN]))
    return shown if len(names) <= MOST_NAMES_SHOWN else f"{shown}, ... ({len(names)} in all)"


def places_of(wanted, there, wanted_by, there_by, remedy):
    """Where each column of `wanted` is among `there`, two lists of names; None: they are taken in their order.

    Names decide where both sides have them. If none is on both sides they are taken in their order, with a warning, where they
    are as many. wanted_by, there_by: whose they are, for messages. Raises GmmpiError, which ends in `remedy`, where some are
    missing or a wanted one occurs several times.
    """
    if wanted is None or there is None or list(wanted) == list(there):
        return None
    wanted, there = list(wanted), list(there)
    known = [name for name in wanted if name in there]
    if not known and len(wanted) == len(there):
        warnings.warn(f"{there_by} has the columns {name_list(there)}, {wanted_by} {name_list(wanted)}: they are taken in their "
                      f"order; {remedy}", stacklevel=3)
        return None
    for name in known:
        for names, owner in ((there, there_by), (wanted, wanted_by)):
            if names.count(name) > 1:
                raise GmmpiError(f"several columns of {owner} are named {name!r}: {remedy}", BAD_DATA)
    missing = [name for name in wanted if name not in there]
    if missing:
        raise GmmpiError(f"{there_by} has no column {name_list(missing)}, which {wanted_by} has (its columns are "
                         f"{name_list(there)}): {remedy}", BAD_DATA)
    return [there.index(name) for name in wanted]


def reordered(mixture, places):
    """The mixture with column places[j] as its column j."""
    nearest = mixture.nearest
    if nearest is not None and nearest.transform is not None:
        nearest = replace(nearest, transform=nearest.transform.with_inputs(places))
    if not isinstance(mixture, Mixture):
        return replace(mixture, means=mixture.means[:, places], nearest=nearest)
    layout = mixture.layout
    return mixture.with_matrices(layout.name, mixture.means[:, places], layout.reordered(mixture.matrices, places), nearest=nearest)
