"""Whether a `.env` file stays out of a Docker image: `.dockerignore` by Docker's rules for its patterns.

Rules: https://docs.docker.com/build/concepts/context/#dockerignore-files and moby's package patternmatcher.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from typing import Final

from core.secrets.env_file.check import Answer, SafetyCheck, Subject, UnreadableError, read

_DOCKERFILE: Final = re.compile(
    r"(?:(?:Dockerfile|Containerfile)(?:\..+)?|.+\.(?:Dockerfile|Containerfile))(?<!ignore)", re.IGNORECASE
)


def docker(subject: Subject) -> Iterator[SafetyCheck]:
    """Whether an image that is built here leaves it out; nothing where no image is built."""
    dockerfiles = [name for name in subject.entries if _DOCKERFILE.fullmatch(name)]
    for dockerfile in dockerfiles:
        # Docker prefers the list that is named after the Dockerfile.
        own = f"{dockerfile}.dockerignore"
        ignore = own if own in subject.entries else ".dockerignore"
        try:
            text = read(subject.folder / ignore) if ignore in subject.entries else None
        except UnreadableError as error:
            yield subject.unknown("docker", f"{ignore} cannot be read: {error}.")
            return
        if text is None or not excludes(text, subject.name):
            missing = f"There is no {ignore}" if text is None else f"No line of {ignore} keeps it out"
            yield subject.check(
                "docker",
                Answer.NO,
                good=False,
                detail=f"{missing}: `COPY . .` in {dockerfile} would put it into the image.",
                fix=f"printf '\\n%s\\n' {subject.pattern} >> {shlex.quote(ignore)}",
            )
            return
    if dockerfiles:
        detail = "It stays out of a build whose context is this folder."
        yield subject.check("docker", Answer.YES, good=True, detail=detail)


def excludes(text: str, path: str) -> bool:
    """Whether the patterns of a `.dockerignore` keep a file out of the build.

    Args:
        text: the content of the `.dockerignore`.
        path: the file, from the root of the build's context, with `/` between its parts.
    """
    parts = path.split("/")
    # A pattern that fits a folder fits what is in it.
    candidates = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    excluded = False
    for line in text.removeprefix("\ufeff").split("\n"):
        pattern = line.strip()
        if line.startswith("#") or not pattern:
            continue
        found = _compile(pattern.removeprefix("!").strip())
        if found is not None and any(found.fullmatch(candidate) for candidate in candidates):
            # The last pattern that fits decides.
            excluded = not pattern.startswith("!")
    return excluded


def _compile(pattern: str) -> re.Pattern[str] | None:
    """A pattern as a regular expression; None for one that Docker refuses."""
    try:
        return re.compile(_translate(posixpath.normpath(pattern).lstrip("/")), re.DOTALL)
    except re.error:
        return None


def _translate(pattern: str) -> str:
    translated = ""
    place = 0
    while place < len(pattern):
        char = pattern[place]
        place += 1
        if char == "*" and pattern.startswith("*", place):
            place += 1
            # `**/` is any number of folders, none too; `**` at the end is everything.
            place += pattern.startswith("/", place)
            translated += ".*" if place == len(pattern) else "(?:.*/)?"
        elif char == "*":
            translated += "[^/]*"
        elif char == "?":
            translated += "[^/]"
        elif char == "\\" and place < len(pattern):
            translated += re.escape(pattern[place])
            place += 1
        elif char == "[" and (end := pattern.find("]", place + 1)) > 0:
            # Ranges and a ^ in front mean the same to both; the rest means itself.
            inside = re.sub(r"([\[&~|])", r"\\\1", pattern[place:end])
            translated += f"[{inside}]"
            place = end + 1
        else:
            translated += re.escape(char)
    return translated
