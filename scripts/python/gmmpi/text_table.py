"""Text tables, read as the program reads them: it says what is the header and what separates (gmmpi info --json)."""

import csv
import functools
import io
import json
import os
from dataclasses import dataclass

import numpy as np

from . import program


@dataclass(frozen=True)
class TextTable:
    """The lines of a text table that hold rows, and how they are written. names: of the columns, None without a header."""

    lines: list
    separator: str  # None: blanks
    decimal: str
    missing: frozenset
    skipped: int  # fields before the first column: names of rows
    n_columns: int
    names: list = None

    def numbers(self, columns):
        """(N, len(columns)) doubles, NaN where a value is missing. Raises ValueError."""
        try:
            if self.decimal == "." and all(map(np.isnan, self.missing_numbers)):
                return self._load(columns, np.float64)
        except ValueError:
            pass  # codes of missing values, perhaps
        return self._load(columns, np.float64, {j + self.skipped: self.number for j in columns})

    def texts(self, column):
        """(N) texts of a column."""
        kept = csv.reader(self.lines, delimiter=self.separator or " ", skipinitialspace=True)
        return np.array([row[column + self.skipped].strip() for row in kept], dtype=str)

    def number(self, field):
        field = field.strip().strip('"')
        if field in self.missing:
            return np.nan
        value = float(field if self.decimal == "." else field.replace(".", "x").replace(",", "."))
        return np.nan if value in self.missing_numbers else value

    @functools.cached_property
    def missing_numbers(self):
        """Codes of missing values that are numbers."""
        return {float(code) for code in self.missing if is_number(code)}

    def _load(self, columns, dtype, converters=None):
        return np.loadtxt(io.StringIO("\n".join(self.lines)), delimiter=self.separator, usecols=[j + self.skipped for j in columns],
                          dtype=dtype, ndmin=2, quotechar='"', comments=None, encoding=None, converters=converters)


def is_number(field):
    try:
        float(field)
        return True
    except ValueError:
        return False


def read_text(path):
    """The TextTable of a file. Raises GmmpiError with the program's message."""
    status = os.stat(path)
    return _read(os.fspath(path), status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=1)  # pictures ask for names, then for rows
def _read(path, changed, size):
    table = json.loads(program.run("info", path, json=True).out)
    how = table["text"]
    with open(path, "rb") as file:
        text = decoded(file.read())
    blank = " " if how["separator"] == "\t" else None
    lines = text.split(how["line_break"])[how["first_line"] - 1:]
    lines = [line.rstrip("\r") for line in lines if line.strip(blank) and not line.lstrip().startswith("#")]
    separator = None if how["separator"] == " " else how["separator"]
    return TextTable(lines if separator else [line.replace("\t", " ").strip() for line in lines], separator, how["decimal"],
                     frozenset(how["missing"]), int(how["row_names"]), table["n_features"], table["feature_names"] or None)


def decoded(content):
    """Text that is UTF-8 or, as the program takes it else, Windows-1252."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")
