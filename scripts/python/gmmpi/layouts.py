"""How covariances are stored: four kinds of arrays, under scikit-learn's names, and all that depends on the kind.

K components, d columns. An array holds covariances, scale matrices, or factors of precisions; all of a mixture have one layout.
"""

import numpy as np


class Layout:
    """`name`: scikit-learn's. Subclasses know the rest."""

    name = None
    has_matrices = True  # with correlations; else variances alone
    is_shared = False  # one for all components
    has_columns = True  # else one number stands for every column

    def shape(self, K, d):
        raise NotImplementedError

    def n_parameters(self, K, d):
        """How many numbers determine such covariances, if they are free."""
        return int(np.prod(self.shape(K, d)))

    def precision_factors(self, covariances):
        """U with inverse(Sigma) = U U^T, upper triangular; of variances 1/sigma. LinAlgError: not positive definite."""
        if not (covariances > 0).all():
            raise np.linalg.LinAlgError("a variance is not positive")
        return 1.0 / np.sqrt(covariances)

    def precisions(self, factors):
        """The precisions of these factors."""
        return factors**2

    def inverse(self, precisions):
        """The covariances of these precisions."""
        return 1.0 / precisions

    def of_component(self, array, k):
        """What belongs to component k."""
        return array[k]

    def whiten(self, x, factor):
        """x U, (N, d), for rows x and the factor U of a component, and ln det U."""
        return x * factor, np.log(np.broadcast_to(factor, x.shape[1:])).sum()

    def variances(self, array, K, d):
        """(K, d): the variances of each component."""
        raise NotImplementedError

    def dense(self, array, K, columns):
        """(K, c, c): the matrices of the c columns of these numbers, for each component."""
        columns = np.asarray(columns)
        variances = np.broadcast_to(array[:, columns] if self.has_columns else array[:, None], (K, len(columns)))
        return np.eye(len(columns)) * variances[:, :, None]

    def reordered(self, array, places):
        """The array with column places[j] as its column j."""
        return array[:, places]

    def scaled(self, array, scale):
        """Layout and array of rows x * scale, of scales (d)."""
        return self, array * scale**2

    def mapped(self, array, A, K):
        """Layout and array of rows x A, for A (d, m)."""
        return MATRICES, congruent(self.dense(array, K, range(len(A))), A)


class Matrices(Layout):
    name = "full"

    def shape(self, K, d):
        return K, d, d

    def n_parameters(self, K, d):
        return K * d * (d + 1) // 2

    def precision_factors(self, covariances):
        return np.linalg.inv(np.linalg.cholesky(covariances)).swapaxes(-1, -2)

    def precisions(self, factors):
        return factors @ factors.swapaxes(-1, -2)

    def inverse(self, precisions):
        return np.linalg.inv(precisions)

    def whiten(self, x, factor):
        return x @ factor, np.log(np.diag(factor)).sum()

    def variances(self, array, K, d):
        return np.broadcast_to(np.einsum("...jj->...j", array), (K, d))

    def dense(self, array, K, columns):
        columns = np.asarray(columns)
        return np.broadcast_to(array[..., columns[:, None], columns], (K, len(columns), len(columns)))

    def reordered(self, array, places):
        return array[..., places, :][..., places]

    def scaled(self, array, scale):
        return self, array * np.outer(scale, scale)

    def mapped(self, array, A, K):
        return self, congruent(array, A)


class OneMatrix(Matrices):
    name = "tied"
    is_shared = True

    def shape(self, K, d):
        return d, d

    def n_parameters(self, K, d):
        return d * (d + 1) // 2

    def of_component(self, array, k):
        return array


class Variances(Layout):
    name = "diag"
    has_matrices = False

    def shape(self, K, d):
        return K, d

    def variances(self, array, K, d):
        return array


class SingleVariances(Layout):
    name = "spherical"
    has_matrices = False
    has_columns = False

    def shape(self, K, d):
        return (K,)

    def variances(self, array, K, d):
        return np.broadcast_to(array[:, None], (K, d))

    def reordered(self, array, places):
        return array

    def scaled(self, array, scale):
        return VARIANCES, array[:, None] * scale**2


def congruent(matrices, A):
    """A^T Sigma A, symmetric to the last digit."""
    out = A.T @ matrices @ A
    return 0.5 * (out + out.swapaxes(-1, -2))


MATRICES, ONE_MATRIX, VARIANCES, SINGLE_VARIANCES = Matrices(), OneMatrix(), Variances(), SingleVariances()
LAYOUTS = {layout.name: layout for layout in (MATRICES, ONE_MATRIX, VARIANCES, SINGLE_VARIANCES)}  # scikit-learn's covariance types


def layout_of(covariance_type, array, K, d):
    """The layout of an array: that of scikit-learn's covariance types, and of any other the one with these dimensions.

    An array of no layout gets one of another shape.
    """
    if covariance_type in LAYOUTS:
        return LAYOUTS[covariance_type]
    shaped = [layout for layout in (VARIANCES, ONE_MATRIX, SINGLE_VARIANCES) if layout.shape(K, d) == np.shape(array)]
    return shaped[0] if shaped else MATRICES
