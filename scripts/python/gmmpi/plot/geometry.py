"""Ellipses and ellipsoids of Gaussians: axes from eigenvectors, radii from probabilities."""

import math

import numpy as np


def chi_square_cdf(x, d):
    """P(chi-square with d degrees of freedom <= x), d = 1, 2 or 3."""
    if d == 1:
        return math.erf(math.sqrt(x / 2))
    if d == 2:
        return -math.expm1(-x / 2)
    return math.erf(math.sqrt(x / 2)) - math.sqrt(2 * x / math.pi) * math.exp(-x / 2)


def radius(share, d):
    """Mahalanobis radius of the ellipsoid that holds `share` of a Gaussian in d = 1, 2 or 3 dimensions."""
    low, high = 0.0, 64.0  # beyond any share that differs from 1 in double
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if chi_square_cdf(middle * middle, d) < share else (low, middle)
    return high


def axes_of(covariance):
    """Standard deviations along the principal axes, ascending (d), and the axes as columns (d, d)."""
    variances, vectors = np.linalg.eigh(covariance)
    return np.sqrt(np.maximum(variances, 0.0)), vectors


def ellipse_parameters(covariance, r):
    """(width, height, angle in degrees) of the ellipse of Mahalanobis radius r of a 2 x 2 covariance."""
    (minor, major), vectors = axes_of(covariance)
    return 2 * r * major, 2 * r * minor, math.degrees(math.atan2(vectors[1, 1], vectors[0, 1]))


def ellipsoid_surface(mean, covariance, r, n=24):
    """x, y, z, each (n + 1, 2 n + 1), of the surface at Mahalanobis radius r: the sphere stretched along the axes."""
    deviations, vectors = axes_of(covariance)
    polar, azimuth = np.meshgrid(np.linspace(0, np.pi, n + 1), np.linspace(0, 2 * np.pi, 2 * n + 1), indexing="ij")
    sphere = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)])
    return mean[:, None, None] + np.einsum("ij,jab->iab", vectors * (r * deviations), sphere)
