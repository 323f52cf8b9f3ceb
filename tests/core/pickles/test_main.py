"""The command line: reports, exit statuses, hostile names."""

import io
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from core.pickles.__main__ import STATUS, USAGE, main
from core.pickles.verdict import Verdict
from core.process import ROOT
from tests.core.pickles.samples import benign, planted

MODULE = b"cunheard\nthing\n."
BROKEN = b"\xff\xfe\x00"


def run(*arguments: str, given: bytes = b"") -> tuple[int, str]:
    out = io.StringIO()
    status = main(["--here", *arguments], out, io.BytesIO(given))
    return status, out.getvalue()


@pytest.mark.parametrize(
    ("contents", "status"),
    [
        ([benign()], 0),
        ([MODULE], 1),
        ([planted()], 2),
        ([BROKEN], 3),
        ([benign(), MODULE, BROKEN], 3),
        ([planted(), BROKEN, benign()], 2),
    ],
)
def test_the_exit_status_is_that_of_the_worst_verdict(
    tmp_path: Path, contents: list[bytes], status: int
) -> None:
    for index, content in enumerate(contents):
        (tmp_path / f"{index}.pkl").write_bytes(content)
    found, text = run(*(str(path) for path in tmp_path.iterdir()))
    assert found == status
    assert text.count(" bytes, ") >= len(contents)


def test_every_verdict_has_a_status_of_its_own() -> None:
    assert set(STATUS) == set(Verdict)
    assert len({*STATUS.values(), USAGE}) == len(Verdict) + 1


def test_json_is_one_list_for_all_files(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(benign())
    (tmp_path / "b.pkl").write_bytes(planted())
    status, text = run("--json", str(tmp_path))
    assert status == 2
    assert [report["verdict"] for report in json.loads(text)] == ["data-only", "dangerous"]


def test_a_folder_is_read_with_all_in_it_and_links_are_not_followed(tmp_path: Path) -> None:
    deep = tmp_path / "deep" / "deeper"
    deep.mkdir(parents=True)
    (deep / "a.pkl").write_bytes(planted())
    (deep / "around").symlink_to(tmp_path)
    status, text = run(str(tmp_path))
    assert status == 2
    assert text.count("a.pkl: dangerous") == 1


def test_an_empty_folder_and_a_missing_file_could_not_be_read(tmp_path: Path) -> None:
    assert run(str(tmp_path))[0] == 3
    assert run(str(tmp_path / "missing"))[0] == 3


def test_a_dash_is_what_comes_in() -> None:
    assert run("-", given=planted())[0] == 2
    assert run("-", given=benign())[0] == 0
    assert run("-", "--max-bytes", "10", given=benign())[0] == 3


def test_a_name_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[2Ja\nb\u202e.pkl"
    path.write_bytes(planted())
    for more in ([], ["--json"], ["--markdown"]):
        _, text = run(*more, str(path))
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_the_command_itself_runs_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(planted())
    done = subprocess.run(
        [sys.executable, "-m", "core.pickles", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "model.pkl: dangerous" in done.stdout
    assert done.stderr == ""


def test_a_reader_that_has_gone_gets_no_traceback(tmp_path: Path) -> None:
    for index in range(3):
        (tmp_path / f"{index}.pkl").write_bytes(planted())
    command = f"{shlex.quote(sys.executable)} -m core.pickles --here {shlex.quote(str(tmp_path))} | head -c 1"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert len(done.stdout) == 1
    assert done.stderr == ""


def test_wrong_arguments_have_a_status_that_no_verdict_has(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--unheard", "x"], ["--seconds", "0", "x"], ["--max-bytes", "-1", "x"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments, io.StringIO(), io.BytesIO())
        assert ended.value.code == USAGE
    assert "Traceback" not in capsys.readouterr().err


def test_the_statuses_are_in_the_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit):
        main(["--help"], io.StringIO(), io.BytesIO())
    text = " ".join(capsys.readouterr().out.split())
    for verdict, status in STATUS.items():
        assert f"{status} {verdict}" in text
    assert f"{USAGE} for wrong arguments" in text
