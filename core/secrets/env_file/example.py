"""Whether a `.env.example` is what it should be: every name of the `.env`, and no value that is real."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from io import StringIO
from typing import Final

from dotenv.parser import Binding, parse_stream

from core.secrets.declared import may_show_name
from core.secrets.env_file.check import (
    TEMPLATES,
    Answer,
    SafetyCheck,
    Subject,
    UnreadableError,
    count,
    listed,
    read,
)
from core.secrets.state import KeyState, classify

# A variable whose name ends so holds a secret, whatever its value looks like.
_SECRET_NAME: Final = re.compile(
    r"(?!.*PUBLIC)(?:.*_)?(?:(?:API|SECRET|PRIVATE|ACCESS)_?KEY|KEY|ACCESS_KEY_ID|TOKEN|SECRET|PASSWORD|PASSWD"
    r"|PASSPHRASE|CREDENTIALS?)",
    re.IGNORECASE,
)
_SWITCHES: Final = frozenset({"true", "false", "yes", "no", "on", "off"})


def example_values(subject: Subject) -> Iterator[SafetyCheck]:
    """Whether a value in the example looks real."""
    if subject.template is None:
        detail = f"There is no {subject.name}.{TEMPLATES[0]}."
        yield subject.check("example values", Answer.NO, good=True, detail=detail)
        return
    try:
        text = read(subject.folder / subject.template)
        real = real_values(text)
    except UnreadableError as error:
        yield subject.unknown("example values", f"{subject.template} cannot be read: {error}.")
        return
    if not real:
        detail = "Its values are empty, placeholders, or no secrets."
        yield subject.check("example values", Answer.NO, good=True, detail=detail)
        return
    target = shlex.quote(subject.template)
    fix = "# If the file was ever shared, first give these keys a new value at their providers.\n"
    named = [name for name in real if not name.startswith("line ")]
    if len(named) == len(real) and not _spans_lines(text):
        pattern = f"s/^([[:space:]]*(export +)?({'|'.join(named)})[[:space:]]*=).*/\\1/"
        fix += f"sed -E '{pattern}' {target} > {target}.new && mv {target}.new {target}"
    else:
        fix += f'"${{EDITOR:-vi}}" {target}'
    detail = f"These look real: {listed(real)}. The file is there to be committed."
    yield subject.check("example values", Answer.YES, good=False, detail=detail, fix=fix)


def example_names(subject: Subject) -> Iterator[SafetyCheck]:
    """Whether the example has every name of the file."""
    if subject.name not in subject.entries:
        yield subject.unknown("example names", f"There is no {subject.name} to compare with.")
        return
    try:
        needed = _names(subject, subject.name)
        present = _names(subject, subject.template) if subject.template else ()
    except UnreadableError as error:
        yield subject.unknown("example names", str(error))
        return
    missing = [name for name in needed if name not in present]
    if not missing:
        detail = f"Of {count(len(needed), 'name')} none is missing."
        yield subject.check("example names", Answer.YES, good=True, detail=detail)
        return
    shown = [name for name in missing if may_show_name(name)]
    hidden = len(missing) - len(shown)
    parts = [listed(shown)] if shown else []
    if hidden:
        parts.append(f"{hidden:,} that could be a value in the wrong place")
    detail = f"Missing: {', and '.join(parts)}. Who gets the code does not learn what the app needs."
    target = shlex.quote(subject.template or f"{subject.name}.{TEMPLATES[0]}")
    fix = f"printf '\\n' >> {target}\nprintf '%s=\\n' {' '.join(shown)} >> {target}" if shown else ""
    yield subject.check("example names", Answer.NO, good=False, detail=detail, fix=fix)


def real_values(text: str) -> tuple[str, ...]:
    """The variables of a `.env` text whose values look real, each once, in order.

    They are named, or given as `line 7` where the name could be a value in the wrong place.

    Raises:
        UnreadableError: if the text is too large.
    """
    from core.secrets.leaks import Confidence, Language, LeakError, scan

    try:
        leaks = scan(text, Language.ENV).leaks
    except LeakError:
        raise UnreadableError("it has too many lines") from None
    lines = dict(_secret_lines(text))
    for leak in leaks:
        if leak.confidence is not Confidence.LOW:
            lines.setdefault(leak.line, leak.variable)
    return tuple(
        dict.fromkeys(
            name if name and may_show_name(name) else f"line {line}" for line, name in sorted(lines.items())
        )
    )


def _secret_lines(text: str) -> Iterator[tuple[int, str]]:
    """Line and name of what is called like a secret and is neither empty nor a placeholder."""
    for binding in parse_stream(StringIO(text)):
        value = binding.value or ""
        if binding.key is None or _SECRET_NAME.fullmatch(binding.key) is None:
            continue
        # A reference to another variable holds nothing itself.
        if "${" in value or value.lower() in _SWITCHES or classify(value) is not KeyState.SET:
            continue
        yield _line(binding), binding.key


def _spans_lines(text: str) -> bool:
    """Whether a value goes over several lines, or a line cannot be read: then no short command empties it."""
    return any(
        binding.error or "\n" in binding.original.string.strip() for binding in parse_stream(StringIO(text))
    )


def _names(subject: Subject, file: str) -> tuple[str, ...]:
    """The names that a file gives a value to, an empty one too; each once, in order.

    Raises:
        UnreadableError: if it cannot be read, or one of its lines: what follows could be the rest of a value.
    """
    try:
        text = read(subject.folder / file)
    except UnreadableError as error:
        raise UnreadableError(f"{file} cannot be read: {error}.") from error
    found: dict[str, None] = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            raise UnreadableError(f"Line {_line(binding)} of {file} is no NAME=value: mend it first.")
        if binding.key is not None and binding.value is not None:
            found[binding.key] = None
    return tuple(found)


def _line(binding: Binding) -> int:
    """The line of a binding's name; python-dotenv counts empty lines before it as its own."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
