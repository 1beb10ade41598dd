#!/usr/bin/python3
"""Digits by principal components: 99% of their variance, a diag mixture of K = 1..40, and a sheet of new ones.

digits.py FOLDER [MOST_K] writes digits.h5, model.K.h5 for each K, drawn.h5, bic.png and drawn.png into FOLDER, and prints
the table of K and BIC. Fits that are complete stay; GMMPI_PROGRAM names another program than build/release/gmmpi.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/python"))

import gmmpi  # noqa: E402

SHARE, N_DRAWN = 0.99, 100


def fit(data, K, folder):
    """The model of K components, from three starts."""
    path = folder / f"model.{K}.h5"
    gmmpi.run("fit", data, n_components=K, covariance_type="diag", pca=SHARE, n_init=3, output=path)
    return path


def main():
    folder = pathlib.Path(sys.argv[1])
    most = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "digits.h5"
    gmmpi.write_data(data, gmmpi.read_data(ROOT / "tests/data/digits.csv", labels="label"))
    models = {K: fit(data, K, folder) for K in range(1, most + 1)}
    bic = {K: gmmpi.read_model(path).attributes["bic"] for K, path in models.items()}
    best = min(bic, key=bic.get)
    print(f"{gmmpi.read_model(models[1]).mixture.n_features} principal components hold {SHARE:.0%} of the variance")
    for K, value in bic.items():
        print(f"K = {K:2}   BIC {value:.1f}{'   least' if K == best else ''}")
    gmmpi.run("sample", models[best], n_samples=N_DRAWN, output=folder / "drawn.h5", force=True)
    drawn = gmmpi.plot.digits(str(folder / "drawn.h5"), title=f"{N_DRAWN} digits drawn from {best} components")
    gmmpi.plot.save_figure(drawn, folder / "drawn.png")
    gmmpi.plot.save_figure(gmmpi.plot.criteria([str(path) for path in models.values()]), folder / "bic.png")


if __name__ == "__main__":
    main()
