"""The environment variables that take the places of secrets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from core.secrets.leaks.detect import Found, shown_name, spelled, tells, tells_any

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OTHER: Final = re.compile(r"[^A-Za-z0-9]+")
# Variables that every process has: `pwd = "..."` must not become one.
_USUAL: Final = frozenset({"PATH", "HOME", "USER", "SHELL", "LANG", "TMP", "TEMP", "TMPDIR", "TERM", "HOST"})
_LONGEST: Final = 60
NEUTRAL: Final = "SECRET"
"""What a variable is called, with a number, if its secret has no name that may be shown."""


class Names:
    """Gives each secret of a text its variable: the same secret the same one, another secret another.

    It holds the values, so it stays within this package.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        self._numbers: Counter[str] = Counter()
        self._hidden: set[str] = set()
        self._may: dict[str, bool] = {}

    def hide(self, values: Iterable[str]) -> None:
        """No variable that is given from here on says one of these."""
        self._hidden.update(spelled(value) for value in values)
        self._may.clear()

    def of(self, found: Found, *, assigned: bool = False) -> str:
        """The variable for a secret.

        Args:
            found: the secret.
            assigned: whether it is all that a variable of the program is given, whose name it then takes.
        """
        if found.value not in self._names:
            base = name = self._base(found, assigned)
            while name in self._taken or name == NEUTRAL:
                self._numbers[base] += 1
                name = f"{base}_{self._numbers[base] + (base != NEUTRAL)}"
            self._taken.add(name)
            self._names[found.value] = name
        return self._names[found.value]

    def all(self) -> tuple[str, ...]:
        """The variables, in the order in which they were given."""
        return tuple(self._names.values())

    def _base(self, found: Found, assigned: bool) -> str:
        own = as_variable(found.variable)
        own = own if self._may_show(found.variable, own) and not tells(own, found.value) else ""
        return own if own and (assigned or not found.env) else found.env or NEUTRAL

    def _may_show(self, variable: str, name: str) -> bool:
        if variable not in self._may:
            shown = bool(shown_name(variable) and shown_name(name))
            self._may[variable] = shown and not tells_any(name, self._hidden)
        return self._may[variable]


def as_variable(name: str) -> str:
    """A name as an environment variable is written: `apiKey` as `API_KEY`; empty for an empty one."""
    words = _OTHER.sub("_", _CAMEL.sub("_", name)).strip("_").upper()[-_LONGEST:].lstrip("_0123456789")
    if words == "PWD":
        return "PASSWORD"
    return f"{words}_SECRET" if words in _USUAL else words
