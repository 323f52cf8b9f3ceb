"""The program, the template and the report that a visitor takes away: run for real, and without a value."""

import secrets
import subprocess
import sys
from pathlib import Path

from core.secrets.declared import declared_keys
from core.secrets.env_text import read_env_text
from core.secrets.program import env_template, report, startup_program
from core.secrets.sample import sample_sources
from core.secrets.source import Source, SourceKind
from core.secrets.state import KeyState
from core.secrets.status import status

KEYS = declared_keys()[:2]


def started(folder: Path, env_text: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "check_keys.py").write_text(startup_program(KEYS))
    (folder / ".env").write_text(env_text)
    return subprocess.run(
        [sys.executable, "-I", str(folder / "check_keys.py")],
        env=variables, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_program_ends_with_one_line_that_names_what_is_missing(tmp_path: Path) -> None:
    ended = started(tmp_path, f"{KEYS[0].name}=changeme\n")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert f"{KEYS[0].name} is a placeholder; {KEYS[1].name} is not set" in ended.stderr


def test_the_program_goes_on_when_all_are_set_and_shows_none(tmp_path: Path) -> None:
    canary = secrets.token_hex(16)
    ended = started(tmp_path, f"{KEYS[0].name}={canary}\n", **{KEYS[1].name: canary})
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "2 keys are set.\n"


def test_in_the_program_the_process_wins_over_the_file(tmp_path: Path) -> None:
    ended = started(tmp_path, f"{KEYS[0].name}=a-real-value\n{KEYS[1].name}=b\n", **{KEYS[0].name: ""})
    assert f"{KEYS[0].name} is empty" in ended.stderr


def test_the_program_never_prints_a_value_that_it_refuses(tmp_path: Path) -> None:
    canary = secrets.token_hex(16)
    ended = started(tmp_path, f'{KEYS[0].name}=" {canary}"\n')
    assert "has spaces or a line break around it" in ended.stderr
    assert canary not in ended.stderr + ended.stdout


def test_the_template_has_every_name_and_no_value() -> None:
    text = env_template(declared_keys(["MY_TOKEN"]))
    read = read_env_text(text)
    assert read.names == tuple(key.name for key in declared_keys(["MY_TOKEN"]))
    assert {read.source.get(name) for name in read.names} == {""}
    assert read.problems == ()


def test_the_report_is_a_table_of_masks() -> None:
    canary = "sk-" + "proj-" + secrets.token_hex(24)
    text = report(status(KEYS, [Source(SourceKind.PROCESS, {KEYS[0].name: canary})], owner=False))
    lines = text.splitlines()
    assert lines[0] == "# Keys"
    assert {line.count("|") for line in lines[2:]} == {7}
    assert f"| {KEYS[0].name} | set | process environment |" in text
    assert canary[-5:] not in text


def test_the_sample_has_winners_losers_and_mistakes() -> None:
    found = {each.key.name: each for each in status(declared_keys(), sample_sources())}
    assert {each.state for each in found.values()} == {*KeyState} - {KeyState.NOT_SET}
    assert {each.winner for each in found.values()} == {*SourceKind}
    assert [rung.same for rung in found["OPENAI_API_KEY"].rungs] == [None, False, False]
