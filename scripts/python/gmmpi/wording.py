"""The program's messages in Python's words: its options as keyword arguments, its files as the parameters they were made of."""

import difflib
import re
from dataclasses import dataclass, field

OPTION = re.compile(r"^ +(?:-(\w),)?--([a-z][a-z0-9-]*)( \S+)?", re.MULTILINE)
WORD = re.compile(r"(?<![\w-])(--[a-z][a-z0-9-]*|-[a-z])(?![\w-])( (?=-?\.?\d))?")  # a space before a number becomes "="


@dataclass(frozen=True)
class OptionTable:
    """A command's options by their names in Python; `flags` of them take no value; `short` has those of one letter."""

    names: dict = field(default_factory=dict)  # "--max-iter", "-k": "max_iter", "n_components"
    flags: frozenset = frozenset()

    @classmethod
    def of_help(cls, text):
        """The table of what `gmmpi COMMAND --help` prints."""
        names, flags = {}, set()
        for letter, option, value in OPTION.findall(text):
            if option in ("help", "version"):
                continue
            name = option.replace("-", "_")
            names |= {f"--{option}": name} | ({f"-{letter}": name} if letter else {})
            if not value:
                flags.add(name)
        return cls(names, frozenset(flags))


@dataclass(frozen=True)
class Wording:
    """What Python calls other than the program: `parameters`, options by name; `files`, paths of temporary files."""

    parameters: dict = field(default_factory=dict)  # "seed": "random_state"
    files: dict = field(default_factory=dict)  # "/tmp/gmmpi-x/X.npy": "X"

    def of(self, message, table):
        """The program's message in these words."""
        for path, name in self.files.items():
            option = "--" + name.replace("_", "-")
            message = message.replace(f"{option} {path}", name).replace(path, name)

        def in_python(match):
            name = table.names.get(match[1])
            if name is None:
                return match[0]
            return self.parameters.get(name, name) + ("=True" if name in table.flags else "=" if match[2] else "")

        return WORD.sub(in_python, message)

    def misused(self, given, table, others=()):
        """What is wrong with the first of the `given` options (name: value) that there is not, or that has no such value.

        None if they are all right. A name may have been meant to be one of `others`, too.
        """
        known = {self.parameters.get(name, name) for name in table.names.values()} | set(others)
        for name, value in given.items():
            if name in table.names.values():
                if value is True and name not in table.flags:
                    return f"{self.parameters.get(name, name)}: needs a value, not True"
                if name in table.flags and value not in (True, False, None):
                    return f"{name}: is True or False, not {value!r}"
                continue
            near = table.names.get(f"-{name}") or next(iter(difflib.get_close_matches(name, sorted(known), 1)), None)
            way_out = f"did you mean {self.parameters.get(near, near)}?" if near else f"choose among {', '.join(sorted(known))}"
            return f"{name}: there is no such option; {way_out}"
        return None
