"""Copies of secrets that were found: the same value where no rule would look for it."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from keyword import iskeyword
from typing import Final
from urllib.parse import quote

from core.secrets.leaks.detect import Found
from core.secrets.leaks.edits import Edit, apply
from core.secrets.leaks.naming import Names
from core.secrets.leaks.passage import Passage

LEAST_LENGTH: Final = 8
"""A shorter value is looked for only where a rule finds it: it could be a word of the text."""

_PASSWORD: Final = re.compile(r"://[^\s:/@]{0,64}:(.{1,128})@")


class Copies:
    """Finds the values of secrets wherever else they stand.

    It holds them, so it stays within this package.
    """

    def __init__(self) -> None:
        self._forms: dict[str, Found] = {}
        # By how they begin, the lengths of the forms, so that many values take no longer than one.
        self._lengths: dict[str, set[int]] = {}

    def add(self, found: Iterable[Found]) -> None:
        """Further secrets to look for."""
        for each in (part for whole in found for part in _parts(whole)):
            for form in _forms(each.value):
                if form not in self._forms:
                    self._forms[form] = each
                    self._lengths.setdefault(form[:LEAST_LENGTH], set()).add(len(form))

    def places(self, text: str) -> Iterator[tuple[int, int, Found]]:
        """Where a text has a value: start, end and the secret. No two overlap, and the longest is taken."""
        position = 0
        last = len(text) - LEAST_LENGTH if self._forms else -1
        while position <= last:
            lengths = self._lengths.get(text[position : position + LEAST_LENGTH])
            end = position
            for length in sorted(lengths, reverse=True) if lengths else ():
                found = self._forms.get(text[position : position + length])
                if found:
                    end = position + length
                    yield position, end, found
                    break
            position = max(end, position + 1)

    def within(self, passages: Sequence[Passage]) -> Iterator[Found]:
        """The copies in some passages, each as a secret of its own."""
        starts, length = [], 0
        for passage in passages:
            starts.append(length)
            length += len(passage.text) + 1
        for start, end, found in self.places("\x00".join(passage.text for passage in passages)):
            index = bisect_right(starts, start) - 1
            if end - starts[index] <= len(passages[index].text):
                yield replace(found, passage=index, start=start - starts[index], end=end - starts[index])

    def covered(self, text: str, names: Names) -> str:
        """A text in which a variable's name stands for each copy."""
        return apply(
            text, [Edit(start, end, f"<{names.of(found)}>") for start, end, found in self.places(text)]
        )


def _parts(found: Found) -> Iterator[Found]:
    """A secret, and the password in it if it is a URL."""
    yield found
    password = _PASSWORD.search(found.value)
    if password:
        yield replace(found, value=password[1], variable="", env="URL_PASSWORD")


def _forms(value: str) -> set[str]:
    """A value as it is, as it looks in JSON, in a literal and in a URL, and as an identifier."""
    forms = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    forms.add(quote(value.encode("utf-8", "surrogatepass"), safe=""))
    if any(map(str.isdigit, value)) and "\n" not in value:
        name = re.sub(r"\W", "_", value)
        forms |= {name, name.upper(), name.lower()}
    return {form for form in forms if len(form) >= LEAST_LENGTH and not iskeyword(form)}
