import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import audit

Python = Callable[..., str]
CLEAN = {
    "dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "version": "2", "vulns": []}]
}
FOUND = {
    "dependencies": [
        {
            "name": "a",
            "version": "1",
            "vulns": [
                {"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"], "aliases": [], "description": "bad"},
                {"id": "PYSEC-2", "fix_versions": [], "aliases": [], "description": "worse"},
            ],
        },
        {"name": "b", "version": "2", "vulns": []},
    ]
}


@pytest.fixture
def python(tmp_path: Path) -> Python:
    """An interpreter whose pip-audit writes and says what it is told."""

    def make(report: object = None, said: str = "", code: int = 0) -> str:
        (tmp_path / "said").write_text(said)
        if report is not None:
            (tmp_path / "report").write_text(report if isinstance(report, str) else json.dumps(report))
        program = tmp_path / "python"
        program.write_text(
            f"#!{sys.executable}\n"
            "import pathlib, sys\n"
            f"folder = pathlib.Path({str(tmp_path)!r})\n"
            "(folder / 'arguments').write_text('\\n'.join(sys.argv[1:]))\n"
            "if (folder / 'report').exists():\n"
            "    place = sys.argv[sys.argv.index('--output') + 1]\n"
            "    pathlib.Path(place).write_text((folder / 'report').read_text())\n"
            "sys.stderr.write((folder / 'said').read_text())\n"
            f"sys.exit({code})\n"
        )
        program.chmod(0o700)
        return str(program)

    return make


def test_the_hosted_requirements_are_audited_and_nothing_is_installed(python: Python, tmp_path: Path) -> None:
    assert audit.main([python(CLEAN)]) == 0
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[:2] == ["-m", "pip_audit"]
    assert arguments[arguments.index("--requirement") + 1].endswith("requirements-hosted.txt")
    assert {"--disable-pip", "--require-hashes"} <= set(arguments)


def test_no_vulnerability_is_success(python: Python, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main([python(CLEAN)]) == 0
    assert capsys.readouterr().out == "vulnerabilities: 0 known in 2 packages\n"


def test_a_vulnerability_is_named_and_fails(python: Python, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main([python(FOUND, "Found 2 known vulnerabilities in 1 package", 1)]) == 1
    out, err = capsys.readouterr()
    assert err == "a 1: PYSEC-1, fixed in 1.1, 2.0\na 1: PYSEC-2, no version without it yet\n"
    assert out == "vulnerabilities: 2 known in 2 packages\n"


@pytest.mark.parametrize(
    "said",
    [
        "ERROR:pip_audit._cli:HTTPSConnectionPool(host='example.org'): Max retries exceeded\n",
        "ERROR:pip_audit._cli:no answer\nERROR:pip_audit._cli:Tip: your network may be blocking it.\n",
        "ERROR:pip_audit._cli:The read timed out\n",
    ],
)
def test_data_out_of_reach_is_said_in_one_line_and_is_no_failure(
    said: str, python: Python, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main([python(None, said, 1)]) == 0
    assert capsys.readouterr() == (
        "vulnerabilities: unknown, since pip-audit cannot reach its data from here\n",
        "",
    )


@pytest.mark.parametrize(
    ("report", "said", "line"),
    [
        (None, "ERROR:pip_audit._cli:requirement a is not pinned\n", "requirement a is not pinned"),
        (None, "", "it said nothing"),
        ("not JSON", "", "another version"),
        ("[]", "", "another version"),
        ({"dependencies": [{"name": "a", "version": "1"}]}, "", "another version"),
    ],
)
def test_another_failure_is_one(
    report: object, said: str, line: str, python: Python, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main([python(report, said, 1)]) == 2
    err = capsys.readouterr().err
    assert line in err
    assert err.count("\n") == 1


def test_a_mirror_that_knows_no_package_has_no_data(
    python: Python, capsys: pytest.CaptureFixture[str]
) -> None:
    report = {"dependencies": [{"name": name, "skip_reason": "not found"} for name in ("a", "b")]}
    assert audit.main([python(report)]) == 0
    assert (
        capsys.readouterr().out
        == "vulnerabilities: unknown, since pip-audit cannot reach its data from here\n"
    )


def test_a_package_that_alone_is_not_known_fails(python: Python, capsys: pytest.CaptureFixture[str]) -> None:
    report = {"dependencies": [*CLEAN["dependencies"], {"name": "c", "skip_reason": "not found"}]}
    assert audit.main([python(report)]) == 1
    out, err = capsys.readouterr()
    assert out == "vulnerabilities: 0 known in 2 packages\n"
    assert err == "c: not audited, since PyPI does not know this release\n"


def test_without_its_argument_it_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main([]) == 2
    assert capsys.readouterr().err == "expected one argument: an interpreter that has pip-audit\n"
