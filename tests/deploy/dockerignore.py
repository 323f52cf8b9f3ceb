"""What a Docker build sends as its context, by the rules of `.dockerignore`.

https://docs.docker.com/build/concepts/context/#dockerignore-files: patterns of the root folder, the last that
matches a file or one of its folders decides, `*` stays within a folder and `**` does not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class Pattern:
    """One line: what it matches, and whether that goes in after all."""

    regex: re.Pattern[str]
    included: bool


def patterns(text: str) -> list[Pattern]:
    found = []
    for line in text.splitlines():
        rule = line.strip()
        if not rule or line.startswith("#"):
            continue
        included = rule.startswith("!")
        found.append(Pattern(re.compile(_regex(rule.removeprefix("!").strip("/"))), included))
    return found


def ignored(path: str, rules: list[Pattern]) -> bool:
    one = PurePosixPath(path)
    places = [str(one), *(str(parent) for parent in one.parents if str(parent) != ".")]
    out = False
    for rule in rules:
        if any(rule.regex.fullmatch(place) for place in places):
            out = not rule.included
    return out


def context(root: Path) -> Iterator[str]:
    """The files under `root` that go in, as paths relative to it."""
    rules = patterns((root / ".dockerignore").read_text(encoding="utf-8"))
    for folder, folders, files in os.walk(root):
        inside = Path(folder).relative_to(root)
        if inside == Path():
            # Large, and known to stay out: a test asks about each.
            folders[:] = [name for name in folders if name not in {".git", ".venv", "data"}]
        for name in files:
            path = (inside / name).as_posix()
            if not ignored(path, rules):
                yield path


def _regex(rule: str) -> str:
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]*\])", rule)
    signs = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    return "".join(
        signs[part] if part in signs else part if part.startswith("[") else re.escape(part) for part in parts
    )
