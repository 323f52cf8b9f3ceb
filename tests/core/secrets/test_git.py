"""Git is asked safely: no variable of ours steers it, and no program that a repository names is run."""

import subprocess
from pathlib import Path

import pytest

from core.secrets.env_file import Answer, examine
from core.secrets.git import Git, GitError, Place
from tests.core.secrets.repository import Repository, fake_git, own_home


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    return Repository(tmp_path / "app", own_home(tmp_path, monkeypatch)).init()


def test_it_gives_code_text_and_errors(repository: Repository) -> None:
    git = Git(repository.folder)
    repository.write("a b")
    assert git.ask("ls-files", "--others", "-z").text == "a b\0"
    answer = git.ask("rev-parse", "HEAD")
    assert answer.code == 128
    assert "HEAD" in answer.error
    with pytest.raises(GitError, match="git ended with code 128; `git status` there may say why"):
        git.expect("rev-parse", "HEAD")


def test_what_is_given_is_its_input(repository: Repository) -> None:
    assert Git(repository.folder).ask("hash-object", "--stdin", given="test content\n").text.strip() == (
        "d670460b4b4aece5915caf5c68d12f560a9fe3e4"  # from git's own book
    )


def test_a_folders_place_is_known(repository: Repository) -> None:
    repository.write("a/b c/file")
    assert Git(repository.folder).place() == Place("", shallow=False)
    assert Git(repository.folder / "a" / "b c").place() == Place("a/b c/", shallow=False)


def test_no_repository_is_an_error_with_its_fix(tmp_path: Path) -> None:
    with pytest.raises(GitError, match=r"^The folder is in no git repository\.$") as raised:
        Git(tmp_path, environment={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}).place()
    assert raised.value.fix == "git init"


def test_the_inside_of_a_repository_is_no_working_tree(repository: Repository) -> None:
    with pytest.raises(GitError):
        Git(repository.folder / ".git").place()


def test_a_bare_repository_is_no_working_tree(repository: Repository, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    repository.git("clone", "--quiet", "--bare", str(repository.folder), str(bare))
    with pytest.raises(GitError):
        Git(bare).place()


def test_another_accounts_folder_is_refused_with_the_fix(repository: Repository) -> None:
    # git's own switch for its tests.
    git = Git(repository.folder, environment={"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
    with pytest.raises(GitError, match="belongs to another account") as raised:
        git.place()
    assert raised.value.fix.startswith("git config --global --add safe.directory")
    checks = {check.name: check for check in examine(repository.folder, git=git)}
    assert checks["ignored"].answer is Answer.UNKNOWN


def test_gits_variables_are_not_passed_on(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository(tmp_path / "other", tmp_path / "home").init()
    other.write(".env")
    other.commit(".env")
    for name, value in {
        "GIT_DIR": str(other.folder / ".git"),
        "GIT_WORK_TREE": str(other.folder),
        "GIT_INDEX_FILE": str(other.folder / ".git" / "index"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.excludesFile",
        "GIT_CONFIG_VALUE_0": "/dev/null",
        "GIT_TRACE": "2",
        "GIT_LITERAL_PATHSPECS": "0",
    }.items():
        monkeypatch.setenv(name, value)
    checks = {check.name: check for check in examine(repository.folder)}
    assert checks["tracked"].answer is Answer.NO
    assert checks["history"].answer is Answer.NO
    assert Git(repository.folder).ask("ls-files").error == ""


def test_no_program_that_a_repository_names_is_run(repository: Repository, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{marker}'\ncat\n", encoding="utf-8")
    trap.chmod(0o755)
    repository.write(".env")
    repository.write(".gitattributes", "* filter=trap diff=trap\n")
    repository.commit(".env", ".gitattributes")
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction", "post-checkout"):
        path = repository.write(f".git/hooks/{hook}", trap.read_text(encoding="utf-8"))
        path.chmod(0o755)
    for key in (
        "core.fsmonitor", "core.pager", "pager.log", "pager.rev-list", "gpg.program", "core.sshCommand",
        "core.askPass", "core.editor", "filter.trap.clean", "filter.trap.smudge", "filter.trap.process",
        "diff.trap.textconv", "diff.trap.command", "diff.external", "credential.helper", "core.gitProxy",
        "core.alternateRefsCommand", "uploadpack.packObjectsHook",
    ):  # fmt: skip
        repository.git("config", key, str(trap))
    repository.git("config", "log.showSignature", "true")
    repository.git("config", "alias.rev-list", f"!{trap}")
    repository.git("config", "extensions.partialClone", "origin")
    repository.git("config", "remote.origin.url", f"ext::{trap}")
    repository.git("config", "remote.origin.promisor", "true")
    repository.write(".env", "CHANGED=1\n")
    checks = {check.name: check for check in examine(repository.folder)}
    assert checks["history"].answer is Answer.YES
    assert not marker.exists()


def test_a_lost_object_is_not_fetched(repository: Repository, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{marker}'\n", encoding="utf-8")
    trap.chmod(0o755)
    repository.write(".env")
    commit = repository.commit(".env")
    full = repository.git("rev-parse", f"{commit}^{{tree}}").strip()
    (repository.folder / ".git" / "objects" / full[:2] / full[2:]).unlink()
    repository.git("config", "core.repositoryFormatVersion", "1")
    repository.git("config", "extensions.partialClone", "origin")
    repository.git("config", "remote.origin.url", f"ext::{trap}")
    repository.git("config", "remote.origin.promisor", "true")
    repository.git("config", "protocol.ext.allow", "always")
    checks = {check.name: check for check in examine(repository.folder)}
    assert checks["history"].answer is Answer.UNKNOWN
    assert not marker.exists()
    with pytest.raises(subprocess.CalledProcessError):
        repository.git("log", "--", ".env")
    assert marker.exists(), "the trap works"


def test_no_git_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitError, match="git is not installed here, or not on the PATH"):
        Git(tmp_path).ask("version")
    monkeypatch.delenv("PATH")
    with pytest.raises(GitError, match="git is not installed here, or not on the PATH"):
        Git(tmp_path).ask("version")


def test_a_git_that_hangs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_git(tmp_path / "bin", monkeypatch, "sleep 60")
    with pytest.raises(GitError, match=r"git gave no answer: it took longer than 0\.2 s and was ended"):
        Git(tmp_path, seconds=0.2).ask("version")


def test_a_git_that_cannot_be_run_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_git(tmp_path / "bin", monkeypatch, "")
    (tmp_path / "bin" / "git").write_bytes(b"\x7fELF nonsense")
    with pytest.raises(GitError, match="git gave no answer: it could not be started"):
        Git(tmp_path).ask("version")
