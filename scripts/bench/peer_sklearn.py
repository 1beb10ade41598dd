"""scikit-learn's EM from a given start, for compare_peers.py: prints the log-likelihood after n M-steps.

    peer_sklearn.py N_ITER     reads data.h5 and start.h5
"""

import sys
import warnings

import h5py
import numpy as np
from sklearn.mixture import GaussianMixture


def main():
    with h5py.File("data.h5", "r") as file:
        rows = file["X"][...]
    with h5py.File("start.h5", "r") as file:
        model = file["model"]
        kind = model.attrs["covariance_type"]
        weights, means, covariances = (model[name][...] for name in ("weights", "means", "covariances"))
    precisions = np.linalg.inv(covariances) if kind in ("full", "tied") else 1 / covariances
    fit = GaussianMixture(len(weights), covariance_type=kind, tol=0, reg_covar=0, max_iter=int(sys.argv[1]),
                          init_params="random", random_state=0, weights_init=weights, means_init=means,
                          precisions_init=precisions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it will not converge, nor shall it
        fit.fit(rows)
    print(repr(fit.score(rows) * len(rows)))


if __name__ == "__main__":
    main()
