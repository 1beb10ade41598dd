# The fits and outputs whose digests tests/data/digests.json holds: their data, and their command lines.
import h5py
import numpy as np

from harness import DATA

TYPES = ("full", "tied", "diag", "spherical")


def table(name, n_columns):
    return np.loadtxt(DATA / name, delimiter=",", skiprows=1, usecols=range(n_columns))


def clusters(n_rows, n_columns, n_clusters, seed, apart):
    """Multiples of 1/64 around integer centres. RandomState's stream is frozen: the same numbers with any numpy."""
    draw = np.random.RandomState(seed).randint
    centres = draw(-apart, apart + 1, (n_clusters, n_columns))
    noise = sum(draw(-64, 65, (n_rows, n_columns)) for _ in range(4)) / 64
    return centres[np.arange(n_rows) % n_clusters] + noise


def write_inputs(folder):
    """Everything that the commands below read; the same bytes on every machine."""
    iris, faithful = table("iris.csv", 4), table("old_faithful.csv", 2)
    arrays = {
        "iris": iris, "iris_f4": iris.astype("f4"), "faithful": faithful, "one": faithful[:, 1:], "noisy": table("old_faithful_noise.csv", 2),
        "tails": table("t_mixture.csv", 2),
        "overlap": table("overlap3d.csv", 3), "blobs": table("blobs_stretched.csv", 2), "digits": table("digits_pca41.csv", 41),
        "digits12": table("digits_pca41.csv", 12)[:900], "bits": (table("digits.csv", 64)[:600] >= 8).astype("u1"),
        "apart": clusters(3000, 8, 6, 1, 40), "wide": clusters(1500, 12, 8, 2, 3), "big": clusters(240_000, 6, 5, 3, 2),
        "few": np.repeat(np.array([[0.0, 0], [1, 0], [0, 3], [5, 5], [9, 5], [5, 9], [7, 7]]), [40, 30, 20, 10, 2, 3, 1], axis=0),
        "complete": np.repeat([0, 1, 2], 50), "partial": np.where(np.arange(150) % 4 == 0, np.repeat([0, 1, 2], 50), -1),
        "holes": table("iris_holes.csv", 4), "gaps": table("overlap3d_holes.csv", 3),
        "measured": table("overlap3d_noisy.csv", 3), "sd": table("overlap3d_noisy_sd.csv", 3),
        "measured2": table("two_gaussians_noisy_holes.csv", 2), "cov": table("two_gaussians_noisy_cov.csv", 4),
        "big_sd": (np.arange(240_000 * 6).reshape(-1, 6) % 13 / 8).astype("f4"),
        "weights": np.arange(150) % 5 * 0.5 + 0.25, "faithful_weights": np.arange(272) % 3 * 1.0,
    }
    # Hardly two rows lack the same columns; some lack too many for short cuts, and two columns are nearly the same.
    lacks = np.random.RandomState(7).randint(0, 1000, (1500, 12)) < 5 * (np.arange(1500)[:, None] % 150)
    arrays["wide_gaps"] = np.where(lacks, np.nan, arrays["wide"])
    arrays["twin_gaps"] = np.where(lacks, np.nan, arrays["wide"] / 4096 + arrays["wide"][:, [0, *range(1, 11), 0]])
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    with h5py.File(folder / "start.h5", "w") as f:
        f["model/weights"], f["model/means"] = [0.5, 0.25, 0.25], iris[[5, 70, 130]]
        f["model/covariances"] = np.stack([np.diag([0.25, 0.125, 0.5, 0.25])] * 3)
        f["model"].attrs["covariance_type"] = "full"
    with h5py.File(folder / "far.h5", "w") as f:  # one mean takes no rows, one is far off
        f["model/weights"], f["model/means"] = [0.5, 0.25, 0.25], [[1e6, 0], [3, 60], [-1e9, 0]]
        f["model/covariances"] = np.stack([np.eye(2)] * 3)
        f["model"].attrs["covariance_type"] = "full"


def of_each_type(command):
    return [f"{command} --covariance-type {name}" for name in TYPES]


IRIS = "fit iris.npy -k 3"
TEN = "--tol 0 --max-iter 10"

FITS = [
    # engines and covariance types
    *of_each_type(f"{IRIS} {TEN}"),
    *of_each_type("fit iris.npy -k 2"),
    *of_each_type(f"fit digits12.npy -k 5 {TEN}"),
    *of_each_type(f"{IRIS} --engine hard"),
    *of_each_type("fit overlap.npy -k 4 --engine stepwise --batches 3"),
    "fit digits12.npy -k 6 --engine stepwise --step-exponent 0.7 --max-iter 4",
    "fit iris.npy -k 4 --engine kmeans",
    "fit digits12.npy -k 10 --engine kmeans --max-iter 12 --n-init 2",
    "fit overlap.npy -k 3 --engine sequential --max-iter 3",
    "fit digits12.npy -k 4 --engine sequential --batches 5 --n-init 2",
    # starts, restarts
    *[f"fit overlap.npy -k 3 {TEN} --seed 7 --init {init}" for init in ("kmeans", "k-means++", "random", "random-from-data")],
    *of_each_type(f"{IRIS} {TEN} --init random --seed 2"),
    *of_each_type(f"{IRIS} {TEN} --init start.h5"),
    *of_each_type(f"{IRIS} {TEN} --init random-from-data --seed 5"),
    "fit digits.npy -k 20 --covariance-type diag --tol 0 --max-iter 4",
    f"fit overlap.npy -k 4 {TEN} --n-init 3 --init random-from-data",
    "fit overlap.npy -k 4 --n-init 4 --short-runs 3 --max-iter 12 --init k-means++",
    "fit iris.npy -k 3 --engine hard --init start.h5",
    # priors
    *of_each_type("fit iris.npy -k 4 --prior auto --max-iter 12"),
    *(f"fit iris.npy -k 4 --prior auto --max-iter 8 --covariance-type {name}"
      for name in ("EII", "EEI", "VEI", "EVI", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV")),
    "fit iris.npy -k 3 --prior auto --prior-shrinkage 0 --prior-weight 2 --max-iter 12",
    "fit iris.npy -k 3 --prior auto --prior-dof 9 --prior-scale 0.5 --prior-shrinkage 0.5 --max-iter 12 --covariance-type tied",
    "fit one.npy -k 2 --prior auto --max-iter 12",
    "fit iris.npy -k 3 --prior auto --engine hard",
    # noise
    *of_each_type("fit noisy.npy -k 2 --noise --max-iter 12"),
    "fit noisy.npy -k 2 --noise --noise-volume 400 --noise-weight 0.2 --max-iter 12",
    "fit noisy.npy -k 3 --noise --engine hard",
    "fit noisy.npy -k 2 --noise --prior auto --max-iter 12",
    "fit noisy.npy -k 2 --noise --standardize --max-iter 8 --init random-from-data",
    # Student's t
    *of_each_type(f"fit tails.npy -k 2 --family student {TEN}"),
    f"fit tails.npy -k 3 --family student --dof shared {TEN} --init random-from-data --seed 2",
    f"fit iris.npy -k 3 --family student --dof 4 --labels partial.npy {TEN}",
    f"fit tails.npy -k 2 --family student --noise --standardize {TEN} --engine hard",
    # mclust's structures
    *(f"{IRIS} {TEN} --covariance-type {letters}{family}" for family in ("", " --family student")
      for letters in ("EII", "EEI", "VEI", "EVI", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV")),
    # known classes
    *of_each_type(f"{IRIS} --labels partial.npy --max-iter 8"),
    *of_each_type(f"{IRIS} --labels complete.npy"),
    f"{IRIS} --labels partial.npy --engine hard --covariance-type tied",
    "fit iris.npy -k 4 --labels partial.npy --noise --prior auto --max-iter 8",
    f"{IRIS} --init-labels partial.npy --covariance-type VEV {TEN}",
    # parameters that stay
    f"{IRIS} --init start.h5 --fix weights {TEN}",
    f"{IRIS} --init start.h5 --fix means {TEN} --covariance-type diag",
    f"{IRIS} --init start.h5 --fix covariances {TEN} --covariance-type tied",
    f"{IRIS} --init start.h5 --fix weights,covariances {TEN} --covariance-type spherical",
    # acceleration, traces
    *of_each_type(f"fit overlap.npy -k 3 --tol 0 --max-iter 25 --accelerate lbfgs"),
    f"{IRIS} --tol 0 --max-iter 20 --accelerate lbfgs --reg-covar 0.01",
    "fit bits.npy -k 4 --family bernoulli --tol 0 --max-iter 15 --accelerate lbfgs",
    *of_each_type(f"{IRIS} {TEN} --trace elbo"),
    f"{IRIS} {TEN} --trace elbo --prior auto",
    # transforms
    f"{IRIS} {TEN} --standardize",
    f"{IRIS} {TEN} --pca 2 --covariance-type diag",
    f"{IRIS} {TEN} --pca 0.99 --whiten",
    f"{IRIS} {TEN} --standardize --covariance-type tied --engine hard",
    # weights of rows
    *of_each_type(f"{IRIS} {TEN} --sample-weight weights.npy"),
    f"{IRIS} {TEN} --sample-weight weights.npy --relative-weights --prior auto",
    "fit faithful.npy -k 2 --sample-weight faithful_weights.npy --engine kmeans",
    "fit faithful.npy -k 2 --sample-weight faithful_weights.npy --engine hard --init k-means++",
    "fit faithful.npy -k 2 --sample-weight faithful_weights.npy --relative-weights --noise --max-iter 8",
    # shapes of data, rows that are skipped
    f"fit iris_f4.npy -k 3 {TEN}",
    *of_each_type(f"fit one.npy -k 2 {TEN}"),
    f"fit faithful.npy -k 1 {TEN}",
    f"fit blobs.npy -k 4 {TEN} --threads 3",
    *of_each_type("fit apart.npy -k 6 --tol 0 --max-iter 6 --init random-from-data --seed 3"),
    "fit apart.npy -k 6 --tol 0 --max-iter 6 --skip none",
    "fit wide.npy -k 8 --max-iter 12 --seed 3",
    "fit digits.npy -k 10 --tol 0 --max-iter 5",
    "fit digits.npy -k 10 --tol 0 --max-iter 5 --covariance-type tied",
    # rows that lack values
    *of_each_type(f"fit holes.npy -k 3 --missing em {TEN}"),
    f"fit gaps.npy -k 3 --missing em {TEN} --covariance-type VEV --noise",
    f"fit gaps.npy -k 2 --missing em {TEN} --family student --n-init 2 --init random-from-data",
    "fit gaps.npy -k 3 --missing em --engine stepwise --batches 3",
    "fit gaps.npy -k 3 --missing em --engine kmeans",
    "fit gaps.npy -k 3 --missing em --engine hard --prior auto --covariance-type tied",
    "fit holes.npy -k 3 --missing drop --max-iter 6",
    *of_each_type("fit wide_gaps.npy -k 8 --missing em --tol 0 --max-iter 6 --seed 3"),
    "fit twin_gaps.npy -k 8 --missing em --tol 0 --max-iter 6 --seed 3",
    # rows that were measured with errors
    *of_each_type(f"fit measured.npy -k 2 --errors sd.npy {TEN}"),
    f"fit measured2.npy -k 2 --errors cov.npy --missing em {TEN} --covariance-type VEV --noise",
    f"fit measured2.npy -k 2 --errors cov.npy --missing em {TEN} --covariance-type diag --prior auto",
    "fit measured.npy -k 3 --errors sd.npy --engine stepwise --batches 3",
    "fit measured.npy -k 3 --errors sd.npy --engine hard --covariance-type tied",
    "fit measured.npy -k 2 --errors sd.npy --accelerate lbfgs --max-iter 12 --tol 0",
    "fit big.npy -k 5 --errors big_sd.npy --max-iter 3 --tol 0",
    # Bernoulli
    "fit bits.npy -k 5 --family bernoulli --max-iter 12",
    "fit bits.npy -k 5 --family bernoulli --max-iter 12 --n-init 2 --init random-from-data",
    "fit bits.npy -k 5 --family bernoulli --engine hard",
    "fit bits.npy -k 5 --family bernoulli --engine stepwise --batches 4",
    "fit bits.npy -k 4 --family bernoulli --init random --tol 0 --max-iter 8 --trace elbo",
    # components that vanish, variances that have a floor or are raised
    "fit few.npy -k 4 --max-iter 12 --init random-from-data --seed 3",
    "fit few.npy -k 5 --max-iter 12 --init random-from-data --seed 3 --prior auto",
    "fit few.npy -k 3 --max-iter 12 --covariance-type diag --init random-from-data",
    "fit few.npy -k 6 --max-iter 12 --covariance-type spherical --init random-from-data",
    "fit few.npy -k 5 --engine kmeans --init random-from-data",
    "fit few.npy -k 3 --engine hard --init random-from-data --seed 3",
    "fit faithful.npy -k 3 --init far.h5 --max-iter 12",
    "fit faithful.npy -k 3 --init far.h5 --engine hard",
    *of_each_type(f"{IRIS} {TEN} --reg-covar 0.01"),
    f"{IRIS} {TEN} --reg-covar 0",
    # from the file in every sweep
    "fit big.npy -k 3 --tol 0 --max-iter 3 --init k-means++",
    "fit big.npy -k 3 --tol 0 --max-iter 3 --init k-means++ --memory-limit LITTLE",
    "fit big.npy -k 3 --engine hard --max-iter 3 --init random-from-data --covariance-type tied --memory-limit LITTLE",
    "fit big.npy -k 4 --engine stepwise --max-iter 1 --init random-from-data --covariance-type diag --memory-limit LITTLE",
    # selections: the digest of the best
    "select iris.npy -k 1:3",
    "select iris.npy -k 3:4 --init-labels partial.npy --covariance-type full,VEE --max-iter 20",
    "select iris.npy -k 2:4 --covariance-type full,diag --criterion icl --n-init 2 --prior auto",
    "select overlap.npy -k 1:2 --criterion cv --folds 3 --covariance-type tied,spherical",
    "select noisy.npy -k 1:2 --noise --criterion aic",
    "select bits.npy -k 2:4 --family bernoulli --max-iter 20",
]

# What is made from a model: the fit, and commands that see it as m.h5.
SCORE = "score {data} m.h5 --json"
ROWS = "predict {data} m.h5 --responsibilities --log-density --outliers 0.05 -o rows.csv"
DISTANCES = "predict {data} m.h5 --mahalanobis --outliers 0.05 --outlier-rule {rule} -o distances.csv"
DRAWN = "sample m.h5 -n 40 --seed 3 -o drawn.csv"
MARGINAL = "marginal m.h5 --keep 2,0 -o marginal.h5"
CONDITIONS = ("condition m.h5 --given 1=3.25 -o given.h5", "condition m.h5 --given 0=5.5,3=1 -o given2.h5",
              "regress {data} m.h5 --target 1,3 --log-density --covariance -o expected.csv")
COMPARED = "compare m.h5 start.h5 -n 2000 --json"


def of_model(data, *commands, rule="chi2"):
    return [c.format(data=data, rule=rule) for c in commands]


ALL_OF_IRIS = of_model("iris.npy", SCORE, ROWS, DISTANCES, DRAWN, MARGINAL, *CONDITIONS, COMPARED)
OUTPUTS = {
    **{command: ALL_OF_IRIS for command in of_each_type(f"{IRIS} {TEN}")},
    f"{IRIS} {TEN} --family student --covariance-type tied": of_model("iris.npy", SCORE, ROWS, DISTANCES, DRAWN, MARGINAL, *CONDITIONS),
    f"{IRIS} {TEN} --noise": of_model("iris.npy", SCORE, ROWS, DISTANCES, DRAWN, rule="model"),
    f"{IRIS} {TEN} --standardize": ALL_OF_IRIS,
    f"{IRIS} {TEN} --pca 3 --whiten": [*of_model("iris.npy", SCORE, ROWS, DRAWN), "transform iris.npy m.h5 -o scores.csv"],
    "fit iris.npy -k 4 --engine kmeans": of_model("iris.npy", SCORE, ROWS),
    f"{IRIS} {TEN} --engine hard --covariance-type diag": of_model("iris.npy", SCORE, ROWS),
    f"{IRIS} {TEN} --sample-weight weights.npy": [SCORE.format(data="iris.npy") + " --sample-weight weights.npy"],
    f"fit digits12.npy -k 6 {TEN}": of_model("digits12.npy", SCORE, ROWS, DISTANCES, DRAWN, MARGINAL, rule="data"),
    f"fit holes.npy -k 3 --missing em {TEN}": ["score holes.npy m.h5 --missing em --json",
                                               "predict holes.npy m.h5 --missing em --responsibilities --log-density -o rows.csv",
                                               "impute holes.npy m.h5 --standard-deviation --draws 2 --seed 3 -o filled.csv"],
    f"fit measured.npy -k 2 --errors sd.npy {TEN}": ["score measured.npy m.h5 --errors sd.npy --json",
                                                     "predict measured.npy m.h5 --errors sd.npy --responsibilities --log-density -o rows.csv",
                                                     "denoise measured.npy m.h5 --errors sd.npy -o true.csv"],
    "fit apart.npy -k 6 --max-iter 8": of_model("apart.npy", SCORE, ROWS),
    "fit bits.npy -k 4 --family bernoulli --max-iter 8": of_model("bits.npy", SCORE, ROWS, DRAWN),
}
ALONE = ["pca iris.npy -o pca.h5", "pca digits12.npy --variance 0.9 --whiten -o pca2.h5",
         "simulate -k 3 -n 60 --n-features 3 --seed 4 -o drawn.csv --model truth.h5",
         "simulate -k 3 -n 60 --n-features 3 --seed 4 --errors 0.2:1.5 -o measured.csv"]
