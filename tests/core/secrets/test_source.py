"""The sources: read live, bounded, and giving nothing away but what is asked for by name."""

import copy
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from core.secrets.env_text import EnvTextError
from core.secrets.source import (
    MAX_FILE_BYTES,
    Source,
    SourceError,
    SourceKind,
    dotenv_source,
    process_source,
    streamlit_source,
    without_copies,
)

CANARY = "canary-4f1c09d2"


def refused(read: Callable[[], Source]) -> str:
    with pytest.raises(SourceError) as caught:
        read()
    # Neither the message nor an error that it carries along may hold what was read.
    assert CANARY not in f"{caught.value} {caught.value.__context__!r} {caught.value.__cause__!r}"
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_source_answers_by_name() -> None:
    source = Source(SourceKind.DOTENV, {"KEY": CANARY, "EMPTY": "", "ALONE": None})
    assert (source.get("KEY"), source.get("EMPTY"), source.get("ALONE"), source.get("OTHER")) == (
        CANARY,
        "",
        None,
        None,
    )
    assert ["KEY" in source, "ALONE" in source, "OTHER" in source] == [True, True, False]


def test_a_source_gives_nothing_else_away() -> None:
    source = Source(SourceKind.DOTENV, {"THE_NAME": CANARY})
    assert repr(source) == str(source) == f"{source}" == "<Source .env: 1 names>"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps, iter, dict, vars):
        with pytest.raises(TypeError) as caught:
            leak(source)
        assert CANARY not in str(caught.value)


def test_a_source_keeps_what_it_was_made_of() -> None:
    values: dict[str, str | None] = {"KEY": "a"}
    source = Source(SourceKind.PROCESS, values)
    values["KEY"] = "b"
    assert source.get("KEY") == "a"


def test_of_the_process_only_declared_names_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UTH_TEST_DECLARED", "a")
    monkeypatch.setenv("UTH_TEST_OTHER", "b")
    source = process_source(["UTH_TEST_DECLARED", "UTH_TEST_ABSENT"])
    assert source.kind is SourceKind.PROCESS
    assert source.get("UTH_TEST_DECLARED") == "a"
    assert "UTH_TEST_OTHER" not in source
    assert "UTH_TEST_ABSENT" not in source
    assert process_source(["A"], {"A": "1", "B": "2"}).get("A") == "1"


def test_the_env_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert dotenv_source(path).get("KEY") is None
    path.write_text(f"KEY={CANARY}\n")
    assert dotenv_source(path).get("KEY") == CANARY
    path.write_text("KEY=other\n")
    assert dotenv_source(path).get("KEY") == "other"
    path.unlink()
    assert repr(dotenv_source(path)) == "<Source .env: 0 names>"
    assert repr(dotenv_source(tmp_path / "no" / "such" / ".env")) == "<Source .env: 0 names>"


def test_the_env_file_is_not_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UTH_TEST_CANARY", CANARY)
    path = tmp_path / ".env"
    path.write_text("KEY=${UTH_TEST_CANARY}\n")
    assert dotenv_source(path).get("KEY") == "${UTH_TEST_CANARY}"


READERS: tuple[Callable[[Path], Source], ...] = (dotenv_source, lambda path: streamlit_source([path]))


@pytest.mark.parametrize("read", READERS)
def test_what_is_no_file_is_refused(tmp_path: Path, read: Callable[[Path], Source]) -> None:
    path = tmp_path / "secrets.toml"
    path.mkdir()
    said = refused(lambda: read(path))
    assert said == (
        "secrets.toml: cannot be read (it is not a file); expected a text file that the app may read"
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("read", READERS)
def test_a_pipe_does_not_hold_the_reader(tmp_path: Path, read: Callable[[Path], Source]) -> None:
    path = tmp_path / "secrets.toml"
    os.mkfifo(path)
    assert "it is not a file" in refused(lambda: read(path))


@pytest.mark.parametrize("read", READERS)
def test_a_link_in_a_circle_is_refused(tmp_path: Path, read: Callable[[Path], Source]) -> None:
    path = tmp_path / "secrets.toml"
    path.symlink_to(path)
    assert "secrets.toml: cannot be read (" in refused(lambda: read(path))


@pytest.mark.parametrize("read", READERS)
def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], Source]
) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text(CANARY)

    def deny(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("core.secrets.source.os.open", deny)
    said = refused(lambda: read(path))
    assert "(Permission denied)" in said
    assert str(tmp_path) not in said


@pytest.mark.parametrize("read", READERS)
def test_a_large_file_is_refused(tmp_path: Path, read: Callable[[Path], Source]) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text(f"KEY = '{CANARY}'\n" + "#" * MAX_FILE_BYTES)
    assert "got more than 1 MiB" in refused(lambda: read(path))


def test_an_env_file_in_utf16_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(f"KEY={CANARY}\n", encoding="utf-16")
    assert refused(lambda: dotenv_source(path)) == "The file is UTF-16: save it as UTF-8."
    with pytest.raises(EnvTextError):
        dotenv_source(path)


def test_of_streamlits_secrets_the_later_file_wins(tmp_path: Path) -> None:
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text('KEY = "first"\nOTHER = "kept"\n')
    second.write_text('KEY = "second"\n')
    source = streamlit_source([first, second, tmp_path / "absent.toml"])
    assert (source.kind, source.get("KEY"), source.get("OTHER")) == (SourceKind.STREAMLIT, "second", "kept")


def test_a_value_in_a_table_has_the_tables_name(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text(
        'KEY = "top"\nPORT = 8501\nOPEN = true\nRATE = 0.5\nLIST = ["no"]\nDAY = 2026-11-28\n'
        '[openai]\nkey = "inner"\n[openai.more]\nkey = "deep"\n'
    )
    source = streamlit_source([path])
    assert [
        source.get(name) for name in ("KEY", "PORT", "OPEN", "RATE", "openai.key", "openai.more.key")
    ] == [
        "top",
        "8501",
        "True",
        "0.5",
        "inner",
        "deep",
    ]
    assert [name in source for name in ("LIST", "DAY", "openai", "key")] == [False] * 4


def test_streamlits_secrets_do_not_reach_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text(f'UTH_TEST_STREAMLIT = "{CANARY}"\n')
    assert streamlit_source([path]).get("UTH_TEST_STREAMLIT") == CANARY
    assert "UTH_TEST_STREAMLIT" not in os.environ


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (f'A = "1"\nB = {CANARY}\n'.encode(), "secrets.toml is not TOML in line 2: expected lines like"),
        (f'A = "{CANARY}'.encode(), "secrets.toml is not TOML"),
        (f'A = "{CANARY}"\nA = "{CANARY}"\n'.encode(), "secrets.toml is not TOML"),
        (b"A = " + b"[" * 100_000, "secrets.toml is not TOML"),
        (CANARY.encode("utf-16"), "secrets.toml is not UTF-8: save it as UTF-8"),
    ],
)
def test_bad_toml_is_one_line_without_the_text(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "secrets.toml"
    path.write_bytes(data)
    assert said in refused(lambda: streamlit_source([path]))


def test_what_streamlit_copied_into_the_environment_counts_as_its_own() -> None:
    names = ["COPIED", "OTHER", "OWN"]
    process = process_source(names, {"COPIED": "one", "OTHER": "two", "OWN": "three"})
    streamlit = Source(SourceKind.STREAMLIT, {"COPIED": "one", "OTHER": "not two"})
    left = without_copies(process, streamlit)
    assert left.kind is SourceKind.PROCESS
    assert [left.get(name) for name in names] == [None, "two", "three"]
