"""`python -m deploy.licenses`: the license of every installed package, and whether it is one that we accept.

A license is what the package's own metadata say, in all places where they say it: PEP 639's expression, the
older field, and the classifiers. Nothing is looked up anywhere else.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from typing import Final

ALLOWED: Final[Mapping[str, str]] = {
    "0BSD": "permissive",
    "Apache-2.0": "permissive",
    "BSD": "permissive: some BSD license, and the package does not say which",
    "BSD-2-Clause": "permissive",
    "BSD-3-Clause": "permissive",
    "BSL-1.0": "permissive",
    "CC0-1.0": "public domain",
    "ISC": "permissive",
    "LGPL-3.0-only": "weak copyleft: used as it is, as a library that can be exchanged",
    "MIT": "permissive",
    "MIT-0": "permissive",
    "MIT-CMU": "permissive",
    "MPL-2.0": "weak copyleft: of the package's own files, which are used as they are",
    "PSF-2.0": "permissive",
    "Unlicense": "public domain",
    "Zlib": "permissive",
}
"""The licenses that we accept, by their SPDX identifiers, and why."""

EXCEPTIONS: Final = frozenset({"LLVM-exception"})
"""What may follow a license after WITH: permissions on top of it."""

_SAID: Final[Mapping[str, str]] = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd license": "BSD",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
}
_CLASSIFIER: Final = "License :: "
# Only says that a more exact one could follow.
_VAGUE: Final = "OSI Approved"
_TOKEN: Final = re.compile(r"\s*([()]|[^\s()]+)")
_LONGEST: Final = 60
_UNKNOWN: Final = "says nothing"


@dataclass(frozen=True)
class Package:
    """An installed package.

    Attributes:
        name: as its metadata spell it.
        version: as installed.
        said: its licenses in SPDX's terms where they could be told, or else in its own words.
    """

    name: str
    version: str
    said: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether it says something, and all that it says is accepted."""
        return bool(self.said) and all(map(is_allowed, self.said))

    @property
    def license(self) -> str:
        """All that it says, in one line."""
        return "; ".join(self.said) or _UNKNOWN


def packages(found: Iterable[Distribution]) -> list[Package]:
    """The packages among `found`, by name; where one is there twice, the first, which is the one imported."""
    first: dict[str, Package] = {}
    for one in found:
        name = str(one.metadata["Name"] or "?")
        first.setdefault(re.sub(r"[-_.]+", "-", name).lower(), Package(name, one.version, _said(one)))
    return [first[key] for key in sorted(first)]


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression allows a use under accepted licenses alone; False if it cannot be read.

    Grammar: https://spdx.github.io/spdx-spec/v3.0.1/annexes/spdx-license-expressions/
    """
    tokens = [*_TOKEN.findall(expression.strip()), ""]
    try:
        allowed = _either(tokens)
    except (ValueError, RecursionError):
        return False
    return allowed and tokens == [""]


def table(found: Iterable[Package]) -> str:
    """One line for each package: name, version, license, and a mark on what is not accepted."""
    rows = [
        (one.name, one.version, one.license if one.accepted else f"{one.license}   <- not accepted")
        for one in found
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(2)]
    return "".join(f"{name:<{widths[0]}}  {version:<{widths[1]}}  {said}\n" for name, version, said in rows)


def main(found: Iterable[Distribution]) -> int:
    """Prints the table; the exit status is 1 if a license is not accepted, with a line for each."""
    listed = packages(found)
    sys.stdout.write(table(listed))
    refused = [one for one in listed if not one.accepted]
    sys.stdout.write(f"{len(listed)} packages, {len(refused)} with a license that is not accepted\n")
    for one in refused:
        sys.stderr.write(
            f"{one.name} {one.version}: got {one.license!r}, expected a license in deploy/licenses.py\n"
        )
    return 1 if refused else 0


def _said(one: Distribution) -> tuple[str, ...]:
    """What a package says of its license: each statement once, the most exact first."""
    metadata = one.metadata
    expression = _line(metadata.get_all("License-Expression"))
    if expression:
        return (expression,)
    classifiers = [
        text.removeprefix(_CLASSIFIER).split(" :: ")[-1]
        for text in metadata.get_all("Classifier") or ()
        if text.startswith(_CLASSIFIER)
    ]
    field = _line(metadata.get_all("License"))
    # The older field may hold a license's whole text: then only the classifiers can be read.
    statements = [field if len(field) <= _LONGEST else "", *(text for text in classifiers if text != _VAGUE)]
    return tuple(dict.fromkeys(_in_spdx_terms(text) for text in statements if text))


def _in_spdx_terms(text: str) -> str:
    return _SAID.get(text.lower(), text)


def _line(values: list[str] | None) -> str:
    """A field in one line. It comes as a list: asked for by name, some readers raise where it is missing."""
    words = " ".join(" ".join(values or ()).split())
    return "" if words.upper() == "UNKNOWN" else words


def _either(tokens: list[str]) -> bool:
    """`a OR b`: one accepted license is enough. Takes what it reads from the front of `tokens`."""
    allowed = _both(tokens)
    while tokens[0].upper() == "OR":
        tokens.pop(0)
        # Read first: what follows has to be taken from the tokens in any case.
        allowed = _both(tokens) or allowed
    return allowed


def _both(tokens: list[str]) -> bool:
    """`a AND b`: both apply."""
    allowed = _one(tokens)
    while tokens[0].upper() == "AND":
        tokens.pop(0)
        allowed = _one(tokens) and allowed
    return allowed


def _one(tokens: list[str]) -> bool:
    """A license, one with an exception, or an expression in brackets."""
    if tokens[0] in {"", ")"} or tokens[0].upper() in {"AND", "OR", "WITH"}:
        raise ValueError("a license is missing")
    first = tokens.pop(0)
    if first == "(":
        allowed = _either(tokens)
        if tokens[0] != ")":
            raise ValueError("a bracket is not closed")
        tokens.pop(0)
        return allowed
    allowed = first.lower() in _LOWER
    if tokens[0].upper() == "WITH":
        tokens.pop(0)
        if tokens[0] == "":
            raise ValueError("an exception is missing")
        allowed = tokens.pop(0) in EXCEPTIONS and allowed
    return allowed


# SPDX's identifiers do not depend on case.
_LOWER: Final = frozenset(name.lower() for name in ALLOWED)


def installed() -> list[Distribution]:
    """What is installed in this environment, without what a package carries inside itself for its own use."""
    places = sysconfig.get_paths()
    return list(distributions(path=list(dict.fromkeys((places["purelib"], places["platlib"])))))


if __name__ == "__main__":
    sys.exit(main(installed()))
