"""Kinds of components: the class of mixtures of each family that the program fits."""

from .bernoulli import BernoulliMixture
from .mixture import Mixture
from .student import StudentMixture

FAMILIES = {kind.family: kind for kind in (Mixture, StudentMixture, BernoulliMixture)}


def family_of(name):
    """The class of a family's name; None: the default's. ValueError for one that is not known here."""
    if name is None:
        return Mixture
    if name not in FAMILIES:
        raise ValueError(f"components of family {name} are none of {', '.join(FAMILIES)}")
    return FAMILIES[name]
