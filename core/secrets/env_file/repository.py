"""What git would do, or has done, with a `.env` file and its copies."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.secrets.env_file.check import (
    TEMPLATES,
    Answer,
    SafetyCheck,
    Subject,
    count,
    ignore_pattern,
    listed,
    printable,
)
from core.secrets.git import GitError, Place

# Ends of names that tools use for files without secrets: lists of variables, and encrypted values.
_PUBLIC: Final = frozenset({*TEMPLATES, "defaults", "schema", "vault"})


@dataclass(frozen=True)
class _Rule:
    """The line of an ignore file that decides about a path."""

    source: str
    line: str
    pattern: str

    @property
    def negated(self) -> bool:
        return self.pattern.startswith("!")


def ignored(subject: Subject) -> Iterator[SafetyCheck]:
    """Whether git ignores it, and by which rule; what is tracked already is another question."""
    try:
        _place(subject)
        rule = _rules(subject, [subject.name])[0]
    except GitError as error:
        yield subject.unknown("ignored", str(error), error.fix)
        return
    fix = f"printf '\\n%s\\n' {subject.pattern} >> .gitignore"
    if rule is None:
        detail = "No rule names it: `git add .` would take it."
        yield subject.check("ignored", Answer.NO, good=False, detail=detail, fix=fix)
        return
    where = f"line {rule.line} of {rule.source}, `{rule.pattern}`"
    if rule.negated:
        detail = f"The last rule that names it takes it out again: {where}."
        yield subject.check("ignored", Answer.NO, good=False, detail=detail, fix=fix)
        return
    yield subject.check("ignored", Answer.YES, good=True, detail=f"By {where}.")


def tracked(subject: Subject) -> Iterator[SafetyCheck]:
    """Whether it is in git's index."""
    try:
        _place(subject)
        answer = subject.git.expect("ls-files", "--error-unmatch", "--", _exactly(subject.name), codes=(0, 1))
    except GitError as error:
        yield subject.unknown("tracked", str(error), error.fix)
        return
    if answer.code == 1:
        yield subject.check("tracked", Answer.NO, good=True, detail="It is not in git's index.")
        return
    message = shlex.quote(f"Stop tracking {subject.name}")
    fix = (
        f"git rm --cached -- {subject.quoted}\n"
        f"printf '\\n%s\\n' {subject.pattern} >> .gitignore\n"
        "git add .gitignore\n"
        f"git commit -m {message}"
    )
    detail = "It is in git's index: the next commit takes its values, whatever .gitignore says."
    yield subject.check("tracked", Answer.YES, good=False, detail=detail, fix=fix)


def history(subject: Subject) -> Iterator[SafetyCheck]:
    """Whether any commit has it, deleted since or not."""
    try:
        place = _place(subject)
        # Without --full-history git leaves out side branches that came to nothing, and the keys in them.
        answer = subject.git.expect(
            "rev-list", "--all", "--full-history", "--abbrev-commit", "--", _exactly(subject.name)
        )
    except GitError as error:
        yield subject.unknown("history", str(error), error.fix)
        return
    commits = answer.text.split()
    if commits:
        detail = (
            f"{count(len(commits), 'commit')} changed it, the first is {commits[-1]}. "
            "Whoever has a clone has the values, deleted since or not."
        )
        fix = (
            "# First give every key that was ever in it a new value. Then, in a fresh clone:\n"
            'url="$(git remote get-url origin)"\n'
            f"git filter-repo --invert-paths --path {shlex.quote(place.prefix + subject.name)}\n"
            'git remote add origin "$url"\n'
            "git push --force --all\n"
            "git push --force --tags"
        )
        yield subject.check("history", Answer.YES, good=False, detail=detail, fix=fix)
    elif place.shallow:
        reason = "This clone has the last part of the history only. No commit in that part has it."
        yield subject.unknown("history", reason, "git fetch --unshallow")
    else:
        detail = "No commit of any branch, tag or stash has it."
        yield subject.check("history", Answer.NO, good=True, detail=detail)


def copies(subject: Subject) -> Iterator[SafetyCheck]:
    """Whether there are copies beside it that git does not ignore, or tracks."""
    beside = [name for name in _copy_names(subject) if (subject.folder / name).is_file()]
    if not beside:
        yield subject.check("copies", Answer.NO, good=True, detail="There is no copy beside it.")
        return
    try:
        _place(subject)
        rules = _rules(subject, beside)
        known = subject.git.expect("ls-files", "-z", "--", *map(_exactly, beside)).text.split("\0")
    except GitError as error:
        yield subject.unknown("copies", f"There is {listed(beside)}. {error}", error.fix)
        return
    exposed = [
        name
        for name, rule in zip(beside, rules, strict=True)
        if rule is None or rule.negated or name in known
    ]
    if not exposed:
        yield subject.check("copies", Answer.NO, good=True, detail=f"Git ignores {listed(beside)}.")
        return
    fix = f"printf '\\n' >> .gitignore\nprintf '%s\\n' {_quoted(map(ignore_pattern, exposed))} >> .gitignore"
    if committed := [name for name in exposed if name in known]:
        fix += f"\ngit rm --cached -- {_quoted(committed)}"
    detail = f"Git would take {listed(exposed)}: see whether a real value is in it."
    yield subject.check("copies", Answer.YES, good=False, detail=detail, fix=fix)


def _place(subject: Subject) -> Place:
    if isinstance(subject.place, GitError):
        raise subject.place
    return subject.place


def _rules(subject: Subject, names: Sequence[str]) -> list[_Rule | None]:
    """For each name the rule that decides about it, whether or not git tracks the file."""
    answer = subject.git.expect(
        "check-ignore", "--no-index", "--verbose", "--non-matching", "-z", "--stdin",
        given="".join(f"./{name}\0" for name in names), codes=(0, 1),
    )  # fmt: skip
    # Four parts for each name, in the order of the names: file, line, pattern, name.
    parts = answer.text.split("\0")
    if len(parts) != 4 * len(names) + 1:
        raise GitError("git's answer is not of the form that it documents.")
    return [
        _Rule(_without_home(source), line, printable(pattern)) if source else None
        for source, line, pattern in zip(parts[:-1:4], parts[1::4], parts[2::4], strict=True)
    ]


def _exactly(name: str) -> str:
    """A path for git in which no sign has a meaning of its own."""
    return f":(literal){name}"


def _copy_names(subject: Subject) -> Iterator[str]:
    """The names beside it that editors and people give to copies: `.env.local`, `.env.bak`, `.env~`."""
    name = re.escape(subject.name)
    copy = re.compile(rf"{name}(?:[._ -].+|\d+|~)|\.{name}\.sw.|#{name}#|(?P<before>[\w-]+){name}")
    for entry in subject.entries:
        found = copy.fullmatch(entry)
        if found and not {entry.removeprefix(f"{subject.name}."), found["before"]} & _PUBLIC:
            yield entry


def _quoted(names: Iterable[str]) -> str:
    return " ".join(shlex.quote(name) for name in names)


def _without_home(path: str) -> str:
    """A path as a shell would abbreviate it."""
    home = f"{Path.home()}{os.sep}"
    return printable(f"~{os.sep}{path.removeprefix(home)}" if path.startswith(home) else path)
