"""Every wrong way leaks for real and no right way does; a play leaves nothing behind."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.secrets.command import run
from core.secrets.theatre import Act, Play, TheatreError, acts, play, stage

NAMES = [act.name for act in acts()]


@cache
def played(name: str) -> Play:
    """Each act is played once for all the tests that look at it."""
    return play(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_wrong_way_leaks(name: str) -> None:
    result = played(name)
    assert result.wrong.leaked
    assert result.canary in result.wrong.output


@pytest.mark.parametrize("name", NAMES)
def test_the_right_way_does_not(name: str) -> None:
    result = played(name)
    assert not result.right.leaked
    assert result.canary not in result.right.output


@pytest.mark.parametrize("name", NAMES)
def test_both_ways_do_something(name: str) -> None:
    result = played(name)
    for scene in (result.wrong, result.right):
        assert "── " in scene.output
        assert scene.seconds > 0
    assert (result.wrong.program, result.right.program) == (result.act.wrong, result.act.right)


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("print", "printed"),
        ("exception", "printed to stderr"),
        ("repr", "printed"),
        ("logging", "file app.log"),
        ("fstring", "file bug_report.txt"),
        ("notebook", "file analysis.ipynb"),
        ("cache", "file cache.json"),
        ("pickle", "file settings.pkl"),
        ("url", "printed to stderr"),
    ],
)
def test_the_leak_is_where_the_act_says(name: str, heading: str) -> None:
    result = played(name)
    section = result.wrong.output.partition(f"── {heading} ──")[2].partition("── ")[0]
    assert result.canary in section


def test_what_print_hides_is_plain_in_the_pickle() -> None:
    printed, _, pickled = played("pickle").wrong.output.partition("── file settings.pkl ──")
    assert "**********" in printed
    assert played("pickle").canary not in printed
    assert played("pickle").canary in pickled


@pytest.mark.parametrize("name", NAMES)
def test_no_path_of_this_machine_is_shown(name: str) -> None:
    for scene in (played(name).wrong, played(name).right):
        assert tempfile.gettempdir() not in scene.output
        assert str(Path.home()) not in scene.output
        assert str(Path(os.__file__).parent) not in scene.output


def test_a_traceback_still_names_the_files() -> None:
    assert 'File "exception_wrong.py", line' in played("exception").wrong.output
    assert 'File "http/client.py", line' in played("exception").wrong.output


def test_each_play_has_a_canary_of_its_own() -> None:
    assert played("print").canary != play("print").canary


def test_a_given_canary_is_planted() -> None:
    canary = "planted+by/the caller="
    result = play("print", canary)
    assert result.canary == canary
    assert canary in result.wrong.output


@pytest.mark.parametrize("canary", ["", "short", "x" * 201, "with\nline break", "nul\0" * 5, "ümläut-canary"])
def test_a_canary_that_cannot_be_planted_is_refused_without_being_quoted(canary: str) -> None:
    with pytest.raises(TheatreError) as raised:
        play("print", canary)
    assert "\n" not in str(raised.value)
    assert not canary or canary not in str(raised.value)


@pytest.mark.parametrize("name", ["", "print_wrong", "../act", "sk-something", "print\0"])
def test_an_unknown_act_is_refused_without_being_quoted(name: str) -> None:
    with pytest.raises(TheatreError, match="no such act; there are print, exception") as raised:
        play(name)
    assert not name or f" {name} " not in str(raised.value)


def test_a_play_leaves_no_file_and_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    play("url")
    play("logging")
    assert list(tmp_path.iterdir()) == []
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def test_the_programs_get_nothing_of_the_servers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []
    commands: list[list[str]] = []

    def watch(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - passes everything on
        seen.append(dict(options["environment"]))
        commands.append(arguments[0])
        return run(*arguments, **options)

    monkeypatch.setenv("OPENAI_API_KEY", "of-the-server")
    monkeypatch.setenv("PYTHONPATH", "of-the-server")
    monkeypatch.setattr(stage, "run", watch)
    result = play("repr")
    assert len(seen) == 2
    assert all("-I" in command for command in commands), "nor modules from its user's folders"
    for environment in seen:
        assert "of-the-server" not in environment.values()
        assert environment.pop("API_KEY") == result.canary
        assert set(environment) <= {
            "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "TEMP", "TMP",
        }  # fmt: skip


def test_more_than_two_at_once_are_told_to_wait() -> None:
    with ThreadPoolExecutor(5) as pool:
        futures = [pool.submit(play, "notebook") for _ in range(5)]
    failed = [future.exception() for future in futures if future.exception() is not None]
    assert len(failed) <= 3
    assert all(
        isinstance(error, TheatreError) and "2 acts are being played already" in str(error)
        for error in failed
    )
    assert play("print").wrong.leaked, "the places are free again"


def held(count: int) -> None:
    for _ in range(count):
        assert stage._SLOTS.acquire(blocking=False)


def test_a_third_is_refused_and_a_place_is_free_afterwards() -> None:
    held(2)
    try:
        with pytest.raises(TheatreError, match="2 acts are being played already; try again in a moment"):
            play("print")
    finally:
        stage._SLOTS.release(2)
    assert play("print").wrong.leaked


def with_program(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    def changed() -> tuple[Act, ...]:
        return (replace(acts()[0], wrong=program), *acts()[1:])

    monkeypatch.setattr(stage, "acts", changed)


def test_a_program_that_hangs_is_ended_and_said_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_program(monkeypatch, "import time\ntime.sleep(60)\n")
    monkeypatch.setattr(stage, "SECONDS", 0.3)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(TheatreError, match="could not be run on this server; try again"):
        play("print")
    assert list(tmp_path.iterdir()) == []
    assert stage._SLOTS.acquire(blocking=False), "the place is free again"
    stage._SLOTS.release()


def test_a_program_that_fails_is_an_error_and_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    with_program(monkeypatch, "import a_package_that_nobody_has\n")
    with pytest.raises(TheatreError, match="did not run as it should on this server; the log has why"):
        play("print")


def test_a_long_output_is_cut_but_searched_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with_program(monkeypatch, "import os\nprint('a' * 9_000 + os.environ['API_KEY'])\n")
    result = play("print")
    assert len(result.wrong.output) < 4_100
    assert "characters)" in result.wrong.output
    assert result.wrong.leaked


def test_binary_files_are_shown_as_python_writes_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    with_program(monkeypatch, "open('out.bin', 'wb').write(bytes([0, 255]))\n")
    assert "── file out.bin ──\nb'\\x00\\xff'" in play("print").wrong.output


def test_a_program_without_output_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with_program(monkeypatch, "pass\n")
    assert play("print").wrong.output == "(nothing printed, no file left)"
