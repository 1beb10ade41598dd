# Text tables as people have them: headers, separators, missing values, labels and weights beside the rows, doubtful columns.
import json
import sys
import unittest

import h5py
import numpy as np

from harness import ROOT, Case, ProgramTest, in_parallel

sys.path.insert(0, str(ROOT / "scripts/python"))
import gmmpi as package  # noqa: E402

CASES = [  # name of the case, command, exit code, words of the message
    ("text in the first row", "fit uci.csv -k 1 -o o.h5", 65, ("row 0 (line 1), column 2", "red", "--header yes", "--columns")),
    ("missing values", "fit holes.csv -k 1 -o o.h5", 65,
     ("row 1 (line 3), column 1 'w' is missing", "2 of 12 rows", "weight 0")),
    ("missing values, predict", "predict holes.csv m.h5 -o o.h5", 65, ("row 1 (line 3), column 1 'w' is missing", "2 of 12")),
    ("missing values, standardised model", "score holes.csv s.h5", 65, ("row 1 (line 3), column 1 'w' is missing",)),
    ("decimal commas", "fit german.csv -k 1 -o o.h5", 65, ("column 0 'a'", "--decimal ,")),
    ("no numbers at all", "info words.md", 65, ("words.md", "no column holds numbers", "Title")),
    ("FITS", "info t.fits", 65, ("FITS", "astropy")),
    ("swapped arguments", "predict m.h5 plain.csv -o o.h5", 64, ("swapped", "gmmpi predict plain.csv m.h5")),
    ("swapped transform", "transform s.h5 plain.csv -o o.h5", 64, ("swapped", "gmmpi transform plain.csv s.h5")),
    ("unknown column of labels", "fit uci.csv -k 2 --labels colour -o o.h5", 66, ("colour", "neither a column of uci.csv nor a file")),
    ("too few components for the classes", "fit uci.csv -k 1 --labels 2 -o o.h5", 64, ("column 2", "2 classes", "-k 2")),
    ("a label as a feature", "fit uci.csv -k 2 --labels 2 --columns 0,2 -o o.h5", 64, ("--columns", "column 2", "--labels")),
    ("no feature left", "fit one.csv -k 2 --sample-weight 0 -o o.h5", 64, ("no column is left",)),
    ("text labels of another length", "fit plain.csv -k 2 --labels ten.txt -o o.h5", 65, ("10 labels for 12 rows",)),
    ("a header of another word", "fit plain.csv -k 1 --header maybe -o o.h5", 64, ("--header", "maybe", "auto, yes, no")),
    ("a letter as separator", "fit plain.csv -k 1 --separator x -o o.h5", 64, ("--separator", "'x'")),
    ("text options for npy", "fit x.npy -k 1 --na -1 -o o.h5", 64, ("--na", "x.npy is no text")),
]


class Tables(ProgramTest):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(4)
        self.X = np.round(np.vstack([rng.normal(size=(6, 2)), rng.normal(size=(6, 2)) + 5]), 3)
        self.kinds = ["red"] * 6 + ["blue"] * 6
        lines = [f"{a},{b}" for a, b in self.X]
        self.write("plain.csv", lines)
        self.write("uci.csv", [f"{line},{kind}" for line, kind in zip(lines, self.kinds)])
        self.write("named.csv", ["h,w,kind,mass", *(f"{line},{kind},{1 + i % 3}" for i, (line, kind) in enumerate(zip(lines, self.kinds)))])
        holes = ["h,w", *lines]
        holes[2], holes[9] = "1.5,", "NA,2"
        self.write("holes.csv", holes)
        self.write("german.csv", ["a;b", *(line.replace(",", ";").replace(".", ",") for line in lines)])
        self.write("quoted.csv", ['"w, mm","2001"', *lines])
        self.write("words.md", ["# Heading", "Title, of this", "and, more"])
        self.write("one.csv", ["1", "2", "3"])
        self.write("ten.txt", self.kinds[:10])
        (self.dir / "t.fits").write_text("SIMPLE  =                    T".ljust(2880))
        np.save(self.dir / "x.npy", self.X)
        self.run_ok("fit plain.csv -k 1 -o m.h5")
        self.run_ok("fit plain.csv -k 1 --standardize -o s.h5")

    def write(self, name, lines, end="\n", encoding="utf-8"):
        (self.dir / name).write_bytes((end.join(lines) + end).encode(encoding))

    def fit(self, data, more="", ranks=1, k=1):
        """Digest and standard error of a fit that only reads."""
        name = f"{abs(hash((data, more, ranks)))}.h5"
        run = self.run_ok(f"fit {data} -k {k} --reg-covar 0.01 {more} -o {name}", ranks)
        with h5py.File(self.dir / name) as f:
            return f["model"].attrs["digest"], run.err, [n.decode() for n in f["feature_names"]] if "feature_names" in f else None

    def test_faults(self):
        def run_in(folder):
            for name in self.dir.iterdir():
                if name.is_file():
                    (folder / name.name).write_bytes(name.read_bytes())

        self.check_cases([Case(name, args, code, words, setup=run_in) for name, args, code, words in CASES])

    def test_the_same_rows_in_other_dress_are_the_same_fit(self):
        lines = [f"{a},{b}" for a, b in self.X]
        quoted = [f'"{a}","{b}"' for a, b in self.X]
        variants = {
            "crlf.csv": (["h,w", *lines], "\r\n"), "mac.csv": (["h,w", *lines], "\r"), "quoted_all.csv": (['"h","w"', *quoted], "\n"),
            "quoted_rows.csv": (quoted, "\n"), "tail.csv": (["h,w,", *(f"{line}," for line in lines)], "\n"),
            "r.csv": (['"h","w"', *(f'"{i}",{line}' for i, line in enumerate(lines))], "\n"),
            "bars.csv": ([line.replace(",", " | ") for line in ["h,w", *lines]], "\n"),
            "mark.csv": (["\ufeffh\tw", *(line.replace(",", "\t") for line in lines)], "\n"),
            "comments.csv": (["# made by hand", "", "h,w", *lines[:5], "# half", "", *lines[5:]], "\n"),
        }
        for name, (rows, end) in variants.items():
            self.write(name, rows, end)
        wanted = self.fit("plain.csv")[0]
        jobs = [(name, "", ranks) for name in variants for ranks in (1, 3)]
        jobs += [("german.csv", "--decimal ,", 3), ("uci.csv", "--columns 0,1", 3), ("uci.csv", "--header no --columns 0,1", 1)]
        for job, (digest, err, names) in zip(jobs, in_parallel(self.fit, jobs)):
            with self.subTest(job):
                self.assertEqual(digest, wanted)
                said = [line for line in err.splitlines() if line.startswith(f"{job[0]}: the first line is a ")]
                self.assertEqual(len(said), 1, err)
                self.assertEqual("is a header" in said[0], names is not None)

    def test_header_of_years(self):
        self.write("years.csv", ["2001,2002", *(f"{a},{b}" for a, b in self.X)])
        as_row, as_header = self.fit("years.csv"), self.fit("years.csv", "--header yes", 3)
        self.assertIsNone(as_row[2])
        self.assertEqual(as_header[2], ["2001", "2002"])
        self.assertEqual(as_header[0], self.fit("plain.csv")[0])
        self.assertNotEqual(as_row[0], as_header[0])
        info = self.run_ok("info years.csv --header yes --json").out
        self.assertEqual((json.loads(info)["n_samples"], json.loads(info)["text"]["header"]), (12, True))
        self.assertIn("the first line is a row", self.run_ok("info years.csv").out)

    def test_columns_named_with_commas_and_digits(self):
        swapped = self.fit("plain.csv", "--columns 1,0")[0]
        self.assertEqual(self.fit("quoted.csv", '--columns \'"2001","w, mm"\'')[0], swapped)
        self.assertEqual(self.fit("quoted.csv", "--columns '1,\"w, mm\"'", 3)[0], swapped)
        self.run_ok("fit quoted.csv -k 1 -o q.h5")
        self.run_ok("marginal q.h5 --keep '\"w, mm\"' -o a.h5")
        self.run_ok("condition q.h5 --given '\"w, mm\"=1.5' -o b.h5")
        with h5py.File(self.dir / "a.h5") as a, h5py.File(self.dir / "b.h5") as b:
            self.assertEqual([a["feature_names"][0], b["feature_names"][0]], [b"w, mm", b"2001"])

    def test_missing_values_of_weight_zero(self):
        weights = np.ones(12)
        weights[[1, 8]] = 0.0
        np.save(self.dir / "w.npy", weights)
        np.save(self.dir / "kept.npy", np.delete(self.X, [1, 8], axis=0))
        self.run_ok("fit holes.csv -k 1 --sample-weight w.npy -o a.h5", ranks=3)
        self.run_ok("fit kept.npy -k 1 -o b.h5")
        with h5py.File(self.dir / "a.h5") as a, h5py.File(self.dir / "b.h5") as b:
            np.testing.assert_allclose(a["model/means"][()], b["model/means"][()], rtol=1e-14)
        codes = (self.dir / "holes.csv").read_text().replace("1.5,\n", "1.5,-999\n").replace("NA,2", "-9.99e2,2")
        (self.dir / "codes.csv").write_text(codes)
        self.assertEqual(self.fit("codes.csv", "--sample-weight w.npy --na -999")[0], self.fit("holes.csv", "--sample-weight w.npy")[0])

    def test_labels_and_weights_from_columns_and_text(self):
        np.save(self.dir / "labels.npy", [1] * 6 + [0] * 6)
        np.save(self.dir / "mass.npy", [1.0 + i % 3 for i in range(12)])
        self.write("kinds.txt", self.kinds)
        self.write("kinds_named.txt", ["kind", *self.kinds])
        self.write("gaps.csv", ["h,w,kind", *(f"{a},{b},{kind if i % 6 else ''}" for i, ((a, b), kind) in enumerate(zip(self.X, self.kinds)))])
        np.save(self.dir / "gaps.npy", [-1 if i % 6 == 0 else int(i < 6) for i in range(12)])
        wanted = self.fit("plain.csv", "--labels labels.npy --sample-weight mass.npy", k=2)[0]
        jobs = [("named.csv", "--labels kind --sample-weight mass", ranks, 2) for ranks in (1, 3)]
        jobs += [("uci.csv", "--labels 2 --sample-weight mass.npy", 3, 2),
                 ("plain.csv", "--labels kinds.txt --sample-weight mass.npy", 3, 2),
                 ("plain.csv", "--labels kinds_named.txt --sample-weight mass.npy", 1, 2)]
        for job, (digest, err, names) in zip(jobs, in_parallel(self.fit, jobs)):
            with self.subTest(job):
                self.assertEqual(digest, wanted)
                self.assertIn("blue, red", err)
                self.assertIn(names, (None, ["h", "w"]))
        self.assertEqual(self.fit("gaps.csv", "--labels kind", 3, 2)[0], self.fit("plain.csv", "--labels gaps.npy", k=2)[0])
        self.run_ok("fit named.csv -k 2 --labels kind --columns h,w -o c.h5")
        with h5py.File(self.dir / "c.h5") as f:
            self.assertEqual([name.decode() for name in f["class_names"]], ["blue", "red"])
        self.assertIn("blue 6, red 6", self.run_ok("predict named.csv c.h5 -o p.h5", ranks=3).out)
        self.assertIn("class blue", self.run_ok("info c.h5").out)
        (self.dir / "mass").write_text("not read: the column goes first\n")
        self.assertEqual(self.fit("named.csv", "--columns 0,1 --sample-weight mass", 3)[0], self.fit("plain.csv", "--sample-weight mass.npy")[0])

    def test_doubtful_columns_get_one_warning_each(self):
        def warnings(command, ranks=1):
            return [line for line in self.run_ok(f"{command} --force", ranks).err.splitlines() if line.startswith("gmmpi: warning")]

        self.write("constant.csv", ["a,b,c", *(f"{a},7,{b}" for a, b in self.X)])
        self.write("scales.csv", ["a,b", *(f"{a},{1000 * b}" for a, b in self.X)])
        np.save(self.dir / "wide.npy", np.random.default_rng(0).normal(size=(3, 50)))
        with h5py.File(self.dir / "mat.h5", "w") as f:
            f["X"] = self.X
            f["X"].attrs["MATLAB_class"] = np.bytes_("double")
        cases = [("fit constant.csv -k 1 -o o.h5", 3, "same value in every row", "column 1 'b'"),
                 ("fit constant.csv -k 1 --standardize -o o2.h5", 1, "same value in every row", "column 1 'b'"),
                 ("pca constant.csv -o o3.h5", 1, "same value in every row", "column 1 'b'"),
                 ("fit scales.csv -k 2 --engine kmeans -o o4.h5", 3, "--standardize", "column 1 'b'"),
                 ("select scales.csv -k 1:2 --engine kmeans --covariance-type diag -o o5.h5", 1, "--standardize", "column 1 'b'"),
                 ("fit wide.npy -k 1 --covariance-type diag -o o6.h5", 1, "fewer rows (3) than columns (50)", "transposed"),
                 ("fit mat.h5 -k 1 -o o7.h5", 3, "MATLAB", "transpose")]
        for (command, *_, word, other), found in zip(cases, in_parallel(warnings, [case[:2] for case in cases])):
            with self.subTest(command):
                about = [line for line in found if word in line]
                self.assertEqual(len(about), 1, found)
                self.assertIn(other, about[0])
        self.assertEqual(warnings("fit scales.csv -k 2 -o p.h5") + warnings("fit scales.csv -k 2 --engine kmeans --standardize -o q.h5"), [])

    def test_latin_1_names_become_utf_8(self):
        self.write("latin.csv", ["größe,b", *(f"{a},{b}" for a, b in self.X)], encoding="latin-1")
        digest, err, names = self.fit("latin.csv", ranks=3)
        self.assertEqual(names, ["größe", "b"])
        self.assertEqual(len([line for line in err.splitlines() if "are not UTF-8" in line and "größe" in line]), 1)
        with h5py.File(self.dir / "latin.h5", "w") as f:
            f["X"] = self.X
            f["feature_names"] = np.array(["größe".encode("latin-1"), b"b"])
        again, err, names_of_hdf5 = self.fit("latin.h5", ranks=3)
        self.assertEqual((again, names_of_hdf5), (digest, names))
        self.assertEqual(len([line for line in err.splitlines() if "are not UTF-8" in line and "größe" in line]), 1)
        self.run_ok("fit latin.csv -k 1 -o l.h5")
        self.assertEqual(package.read_model(self.dir / "l.h5").feature_names, names)
        self.run_ok("plot scatter latin.csv l.h5 -o l.png")

    def test_python_reads_what_the_program_reads(self):
        for name, n_rows, names in (("uci.csv", 12, None), ("named.csv", 12, ["h", "w"]), ("quoted.csv", 12, ["w, mm", "2001"])):
            columns = [0, 1]
            table = package.read_data(self.dir / name, columns=columns)
            self.assertEqual((table.X.shape, table.feature_names), ((n_rows, 2), names))
            np.testing.assert_array_equal(table.X, self.X)
        holes = package.read_data(self.dir / "holes.csv")
        self.assertEqual(np.argwhere(np.isnan(holes.X)).tolist(), [[1, 1], [8, 0]])
        self.write("kinds.txt", self.kinds)
        self.assertEqual(package.read_data(self.dir / "plain.csv", labels=str(self.dir / "kinds.txt")).labels.tolist(), self.kinds)
        self.assertEqual(package.read_data(self.dir / "named.csv", labels="kind", columns=["w"]).labels.tolist(), self.kinds)
        self.write("mac.csv", ["a b", *(f"{a} {b}" for a, b in self.X)], "\r")
        np.testing.assert_array_equal(package.read_data(self.dir / "mac.csv").X, self.X)
        self.run_ok("plot scatter german.csv m.h5 --decimal , -o g.png")


if __name__ == "__main__":
    unittest.main()
