"""What a visitor of the secrets lab takes away: a program, a template and a report, all without a value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.secrets.declared import DeclaredKey
from core.secrets.status import KeyStatus

_PROGRAM = '''\
"""Checks an app's keys at its start: one line names every key that is missing, and no value is shown.

Needs python-dotenv. Call `check()` before anything else, or run this file.
"""

import os
import sys
from pathlib import Path

from dotenv import load_dotenv

REQUIRED = {names}
PLACEHOLDERS = {{"changeme", "your-key-here", "todo", "xxx", "none"}}


def trouble(value):
    """What keeps a value from being a key; empty if nothing does."""
    if value is None:
        return "is not set"
    if not value.strip():
        return "is empty"
    if value.strip().lower() in PLACEHOLDERS or value.startswith("<"):
        return "is a placeholder"
    if value != value.strip():
        return "has spaces or a line break around it"
    return ""


def check(names=REQUIRED, env_file=Path(__file__).with_name(".env")):
    """Loads `.env`, over which the process environment wins; ends the program if a key is missing."""
    load_dotenv(env_file)
    found = {{name: trouble(os.environ.get(name)) for name in names}}
    wrong = [f"{{name}} {{said}}" for name, said in found.items() if said]
    if wrong:
        where = f"the process environment or in {{env_file.name}}"
        sys.exit(f"{{'; '.join(wrong)}}: set it in {{where}}, and start again.")


if __name__ == "__main__":
    check()
    sys.stdout.write(f"{{len(REQUIRED)}} keys are set.\\n")
'''


def startup_program(keys: Iterable[DeclaredKey]) -> str:
    """A program of its own that ends with one line unless all of these keys are set."""
    names = ", ".join(f'"{key.name}"' for key in keys)
    return _PROGRAM.format(names=f"[{names}]")


def env_template(keys: Iterable[DeclaredKey]) -> str:
    """A `.env.example`: what each key looks like, its name, and no value."""
    lines = ["# Copy to .env, fill in, and keep .env out of git."]
    for key in keys:
        lines += [
            "",
            f"# {key.title[0].upper()}{key.title[1:]}" + (f": {key.expected}" if key.expected else ""),
        ]
        lines.append(f"{key.name}=")
    return "\n".join(lines) + "\n"


def report(found: Sequence[KeyStatus]) -> str:
    """The status of the keys as Markdown, masked."""
    lines = [
        "# Keys",
        "",
        "| key | state | from | value | length | what is odd |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for status in found:
        won = next((rung for rung in status.rungs if rung.source is status.winner), None)
        told = " ".join((*(won.warnings if won else ()), *status.warnings)).replace("|", "\\|")
        masked = status.masked
        value, length = ("", "") if masked is None else (f"`{masked.text}`", masked.length)
        lines.append(
            f"| {status.key.name} | {status.state} | {status.winner or ''} | {value} | {length} | {told} |"
        )
    return "\n".join(lines) + "\n"
