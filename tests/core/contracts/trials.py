"""Makes the trial of a module: with the interpreter that runs the tests, and in the sandbox."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from core import sandbox
from core.contracts import Check, Moment, Trial, Verdict, read_trial, trial_program
from core.contracts.guest.checks import UNSEEN
from core.contracts.judging import UNSURE
from core.contracts.trial import REPORT
from core.sandbox.result import SandboxResult

Key = tuple[str, str, Check]


def on_host(source: str) -> Trial:
    """The trial of a module of ours, in a process of this machine."""
    program, files = trial_program(source)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        report = folder / "report"
        code = program.decode().replace(repr(REPORT), repr(str(report)))
        found = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", f"import sys\nsys.path.insert(0, {name!r})\n{code}"],
            capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
        )  # fmt: skip
        written = report.read_bytes() if report.exists() else b""
    return read_trial(
        SandboxResult(found.stdout, found.stderr, found.returncode, None, 0, 0.0, None, written)
    )


def in_sandbox(source: str) -> Trial:
    """The trial of any module."""
    program, files = trial_program(source)
    return read_trial(sandbox.run(program, files=files))


def verdicts(trial: Trial) -> dict[Key, Verdict]:
    """What a trial said, by class, interface and check."""
    return by_key([verdict for tried in trial.classes for verdict in tried.verdicts])


def by_key(found: list[Verdict] | tuple[Verdict, ...]) -> dict[Key, Verdict]:
    """Verdicts by class, interface and check."""
    keyed = {(each.class_name, each.interface, each.check): each for each in found}
    assert len(keyed) == len(found)
    return keyed


def check_agreement(read: dict[Key, Verdict], tried: dict[Key, Verdict]) -> None:
    """What was read from a text and what was tried agree wherever both are sure."""
    assert set(tried) <= set(read)
    for key, seen in tried.items():
        said = read[key]
        assert said.line == seen.line
        if said.passes is None or seen.passes is None:
            continue
        if sys.version_info < (3, 12) and UNSEEN in seen.reason:
            # This Python also asks what a property gives: None is no method.
            continue
        assert said.passes == seen.passes, (said, seen)
        used = (*key[:2], Check.DUCK)
        if said.reason.endswith(UNSURE):
            late = (Moment.FIRST_CALL, Moment.PRODUCTION, Moment.NEVER)
            assert seen.moment in late[: late.index(said.moment) + 1], (said, seen)
        elif said.passes is False or None not in {read[used].passes, tried[used].passes}:
            assert said.moment == seen.moment, (said, seen)
        if said.passes is False and key[2] is Check.ABC:
            assert (said.missing, said.wordings) == (seen.missing, seen.wordings)
