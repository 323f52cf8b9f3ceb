"""All questions are asked in their order, of any folder, and no value of a variable is in any answer."""

from pathlib import Path

import pytest

from core.secrets.env_file import Answer, examine
from core.secrets.git import GitError
from tests.core.secrets.repository import Repository

NAMES = ["exists", "ignored", "tracked", "history", "mode", "example values", "example names", "copies"]


def test_the_checks_are_in_their_order(repository: Repository) -> None:
    assert [check.name for check in examine(repository.folder)] == NAMES
    repository.write("Dockerfile", "FROM scratch\n")
    assert [check.name for check in examine(repository.folder)] == [*NAMES, "docker"]


def test_a_safe_file_is_good_in_every_way(repository: Repository) -> None:
    repository.write(".env", "API_KEY=1\n").chmod(0o600)
    repository.write(".env.example", "API_KEY=\n")
    repository.write(".gitignore", ".env\n")
    repository.write(".dockerignore", ".env\n")
    repository.write("Dockerfile", "FROM scratch\n")
    repository.commit(".gitignore", ".env.example")
    for check in examine(repository.folder):
        assert check.good is True, check
        assert check.fix == ""


def test_no_value_is_in_any_answer(repository: Repository) -> None:
    canary = "canary-5f0c" + "2b9e7d1a4c38"
    text = f"API_KEY={canary}\nDATABASE_URL=postgresql://u:{canary}@h/d\nBROKEN='{canary}\n{canary}=1\n{canary}\n"
    for name in (".env", ".env.example", ".env.bak", "Dockerfile", ".dockerignore"):
        repository.write(name, text)
    repository.commit(".env", ".env.bak")
    checks = examine(repository.folder)
    assert canary not in repr(checks)
    assert {check.good for check in checks} >= {False, None}


@pytest.mark.parametrize("kind", ["missing", "file", "too long"])
def test_a_folder_that_cannot_be_read_is_unknown(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / ("x" * 300 if kind == "too long" else kind)
    checks = examine(folder)
    assert [check.name for check in checks] == NAMES
    for check in checks:
        assert (check.answer, check.good) == (Answer.UNKNOWN, None)
        assert check.detail.startswith("The folder cannot be read (")
        assert str(tmp_path) not in check.detail


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/etc/passwd", "a\\b", "a\0b", "a\nb", "x" * 201, "-rf"]
)
def test_a_name_is_that_of_a_file_in_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"expected one such as \.env"):
        examine(tmp_path, name)


def test_another_name_is_asked_about(repository: Repository) -> None:
    repository.write("prod.env", "A=1\n")
    checks = {check.name: check for check in examine(repository.folder, "prod.env")}
    assert checks["exists"].question == "Is there a prod.env here?"
    assert checks["ignored"].answer is Answer.NO
    repository.shell(checks["ignored"].fix)
    repository.shell(checks["example names"].fix)
    assert (repository.folder / "prod.env.example").exists()
    checks = {check.name: check for check in examine(repository.folder, "prod.env")}
    assert checks["ignored"].good
    assert checks["example names"].good


def test_a_known_trouble_is_what_git_says(repository: Repository) -> None:
    checks = {check.name: check for check in examine(repository.folder, trouble=GitError("No.", "do this"))}
    assert (checks["tracked"].answer, checks["tracked"].detail, checks["tracked"].fix) == (
        Answer.UNKNOWN,
        "No.",
        "do this",
    )


def test_questions_are_questions_and_details_sentences(repository: Repository) -> None:
    repository.write(".env")
    for check in examine(repository.folder):
        assert check.question.endswith("?")
        assert check.detail.endswith(".")
        assert "\n" not in check.detail
