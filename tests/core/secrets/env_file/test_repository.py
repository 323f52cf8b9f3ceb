"""Git itself is asked whether a `.env` is ignored, tracked, in the history, or copied; and each fix works."""

from pathlib import Path

import pytest

from core.secrets.env_file import Answer, examine
from core.secrets.git import Git
from tests.core.secrets.env_file.conftest import Look
from tests.core.secrets.repository import Repository, fake_git

GIT_CHECKS = ("ignored", "tracked", "history")


def test_nothing_ignores_it_and_the_fix_changes_that(repository: Repository, look: Look) -> None:
    repository.write(".env")
    repository.write(".gitignore", "*.pyc")  # no line break at its end
    check = look("ignored")
    assert (check.answer, check.good) == (Answer.NO, False)
    repository.shell(check.fix)
    assert look("ignored").good
    assert repository.git("check-ignore", ".env", "x.pyc").split() == [".env", "x.pyc"]


@pytest.mark.parametrize(
    "name", ["#env", "!env", "e[n]v", "env ", "e*v", "e?v", "an env", "e'v", 'e"v', "$env"]
)
def test_the_fix_holds_for_any_name_and_for_that_name_only(
    repository: Repository, look: Look, name: str
) -> None:
    repository.shell(look("ignored", name=name).fix)
    assert look("ignored", name=name).good
    assert not look("ignored", name="env").good
    repository.write(name)
    repository.commit(name)
    repository.shell(look("tracked", name=name).fix)
    assert look("tracked", name=name).good


def test_the_rule_that_ignores_it_is_named(repository: Repository, look: Look) -> None:
    repository.write(".gitignore", "# keys\n\n.env*\n")
    check = look("ignored")
    assert (check.answer, check.good, check.fix) == (Answer.YES, True, "")
    assert "line 3 of .gitignore, `.env*`" in check.detail


def test_it_need_not_be_there_to_be_ignored(repository: Repository, look: Look) -> None:
    repository.write(".gitignore", ".env\n")
    assert look("exists").answer is Answer.NO
    assert look("ignored").answer is Answer.YES


def test_a_negated_rule_takes_it_out_and_the_fix_puts_it_back(repository: Repository, look: Look) -> None:
    repository.write(".gitignore", ".env*\n!.env\n")
    check = look("ignored")
    assert (check.answer, check.good) == (Answer.NO, False)
    assert "takes it out again: line 2 of .gitignore, `!.env`" in check.detail
    repository.shell(check.fix)
    assert look("ignored").good


def test_the_users_own_ignore_file_counts(repository: Repository, look: Look, home: Path) -> None:
    ignore = home / ".config" / "git" / "ignore"
    ignore.parent.mkdir(parents=True)
    ignore.write_text(".env\n", encoding="utf-8")
    check = look("ignored")
    assert check.answer is Answer.YES
    assert "line 1 of ~/.config/git/ignore" in check.detail


def test_an_ignore_file_that_the_users_settings_name_counts(
    repository: Repository, look: Look, home: Path
) -> None:
    (home / "mine").write_text("\n.env\n", encoding="utf-8")
    (home / ".gitconfig").write_text("[core]\n\texcludesFile = ~/mine\n", encoding="utf-8")
    assert "line 2 of ~/mine" in look("ignored").detail


def test_the_repositorys_private_ignore_file_counts(repository: Repository, look: Look) -> None:
    repository.write(".git/info/exclude", ".env\n")
    assert "line 1 of .git/info/exclude" in look("ignored").detail


def test_a_nested_folder_has_the_rules_and_the_history_of_the_top(repository: Repository, look: Look) -> None:
    repository.write(".gitignore", ".env\n")
    repository.write("services/api/.env")
    nested = repository.folder / "services" / "api"
    assert look("ignored", nested).good
    repository.commit("services/api/.env")
    assert look("tracked", nested).answer is Answer.YES
    assert look("history", nested).answer is Answer.YES
    assert "--path services/api/.env\n" in look("history", nested).fix
    assert look("history").answer is Answer.NO, "the one at the top is another file"


def test_an_ignored_folder_ignores_what_is_in_it(repository: Repository, look: Look) -> None:
    repository.write(".gitignore", "private/\n")
    repository.write("private/.env")
    assert "`private/`" in look("ignored", repository.folder / "private").detail


def test_a_tracked_file_is_tracked_though_a_rule_ignores_it(repository: Repository, look: Look) -> None:
    repository.write(".env")
    repository.commit(".env")
    repository.write(".gitignore", ".env\n")
    assert look("ignored").answer is Answer.YES
    check = look("tracked")
    assert (check.answer, check.good) == (Answer.YES, False)
    repository.shell(check.fix)
    assert look("tracked").good
    assert look("ignored").good
    assert (repository.folder / ".env").exists()
    assert repository.git("ls-files").split() == [".gitignore"]


def test_what_is_staged_is_tracked(repository: Repository, look: Look) -> None:
    repository.write(".env")
    assert look("tracked").answer is Answer.NO
    repository.git("add", ".env")
    assert look("tracked").answer is Answer.YES
    assert look("history").answer is Answer.NO


def test_a_deleted_file_is_still_in_the_history(repository: Repository, look: Look) -> None:
    repository.write(".env", "KEY=1\n")
    first = repository.commit(".env")
    repository.write(".env", "KEY=2\n")
    repository.commit(".env")
    repository.git("rm", "--quiet", ".env")
    repository.commit()
    check = look("history")
    assert (check.answer, check.good) == (Answer.YES, False)
    logged = repository.git("log", "--all", "--oneline", "--", ".env").splitlines()
    assert f"{len(logged)} commits changed it, the first is {first}" in check.detail
    assert check.fix.startswith("# First give every key that was ever in it a new value")
    assert "git filter-repo --invert-paths --path .env\n" in check.fix
    assert look("tracked").answer is Answer.NO


def test_a_side_branch_that_came_to_nothing_counts(repository: Repository, look: Look) -> None:
    repository.commit()
    repository.git("checkout", "--quiet", "-b", "side")
    repository.write(".env")
    added = repository.commit(".env")
    repository.git("rm", "--quiet", ".env")
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.write("other")
    repository.commit("other")
    repository.git("merge", "--quiet", "--no-ff", "-m", "Merge", "side")
    repository.git("branch", "--quiet", "-D", "side")
    # Git's own short answer leaves it out: the reason why the check asks for all of it.
    assert repository.git("log", "--all", "--oneline", "--", ".env") == ""
    assert added in look("history").detail


@pytest.mark.parametrize("keeper", ["branch", "tag", "stash"])
def test_every_ref_counts(repository: Repository, look: Look, keeper: str) -> None:
    repository.write("app.py")
    repository.commit("app.py")
    repository.write(".env")
    repository.git("add", ".env")
    if keeper == "stash":
        repository.git("stash", "--quiet")
    else:
        repository.git("checkout", "--quiet", "--detach")
        repository.commit()
        repository.git(keeper, "kept")
        repository.git("checkout", "--quiet", "main")
    assert look("tracked").answer is Answer.NO
    assert look("history").answer is Answer.YES


def test_a_shallow_clone_does_not_know(repository: Repository, look: Look, tmp_path: Path) -> None:
    repository.write(".env")
    repository.commit(".env")
    repository.git("rm", "--quiet", ".env")
    repository.commit()
    repository.commit()
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--depth", "1", repository.folder.as_uri(), str(clone))
    check = look("history", clone)
    assert (check.answer, check.good) == (Answer.UNKNOWN, None)
    assert check.fix == "git fetch --unshallow"


def test_a_repository_without_commits_has_no_history(repository: Repository, look: Look) -> None:
    assert look("history").answer is Answer.NO


def test_a_worktree_has_the_history_of_its_repository(
    repository: Repository, look: Look, tmp_path: Path
) -> None:
    repository.write(".env")
    repository.write(".gitignore", ".env\n")
    repository.commit(".env", ".gitignore")
    repository.git("rm", "--quiet", "--cached", ".env")
    repository.commit()
    worktree = tmp_path / "a worktree"
    repository.git("worktree", "add", "--quiet", str(worktree), "-b", "other")
    assert look("ignored", worktree).answer is Answer.YES
    assert look("tracked", worktree).answer is Answer.NO
    assert look("history", worktree).answer is Answer.YES


def test_a_name_with_signs_is_taken_as_it_is(repository: Repository, look: Look) -> None:
    repository.write(".env-a")
    repository.commit(".env-a")
    assert look("tracked", name=".env*").answer is Answer.NO
    assert look("history", name=".env*").answer is Answer.NO
    assert look("tracked", name=":(glob)*").answer is Answer.NO
    assert look("tracked", name=".env-a").answer is Answer.YES


COPIES = [
    ".env.local", ".env.production", ".env.bak", ".env~", ".env.swp", "..env.swp", "#.env#", ".env copy",
    ".env2", ".env-old", ".env_old", "prod.env", ".env.example.bak", ".env with 'quote'",
]  # fmt: skip


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_that_git_would_take_is_found_and_the_fix_ignores_it(
    repository: Repository, look: Look, copy: str
) -> None:
    repository.write(".gitignore", "/.env")
    repository.write(".env")
    repository.write(copy)
    check = look("copies")
    assert (check.answer, check.good) == (Answer.YES, False)
    assert copy in check.detail
    repository.shell(check.fix)
    assert look("copies").good


@pytest.mark.parametrize(
    "other",
    [".env.example", ".env.sample", ".env.template", "sample.env", ".envrc", ".environment", "env.py"],
)
def test_what_is_meant_for_everybody_is_no_copy(repository: Repository, look: Look, other: str) -> None:
    repository.write(other)
    check = look("copies")
    assert (check.answer, check.good) == (Answer.NO, True)


def test_an_ignored_copy_is_good_and_a_tracked_one_is_not(repository: Repository, look: Look) -> None:
    repository.write(".gitignore", ".env*\n")
    repository.write(".env.local")
    assert look("copies").good
    repository.commit(".env.local")
    check = look("copies")
    assert check.good is False
    repository.shell(check.fix)
    assert look("copies").good


def test_a_folder_is_no_copy(repository: Repository, look: Look) -> None:
    (repository.folder / ".env.d").mkdir()
    assert look("copies").good


def test_no_repository_is_unknown_with_the_reason(bare_folder: Repository, look: Look) -> None:
    bare_folder.write(".env")
    bare_folder.write(".env.bak")
    for name in (*GIT_CHECKS, "copies"):
        check = look(name)
        assert (check.answer, check.good, check.fix) == (Answer.UNKNOWN, None, "git init")
        assert "The folder is in no git repository." in check.detail
    bare_folder.shell(look("ignored").fix)
    assert look("ignored").answer is Answer.NO


def test_no_git_is_unknown_with_the_reason(
    repository: Repository, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    for name in GIT_CHECKS:
        check = look(name)
        assert (check.answer, check.good) == (Answer.UNKNOWN, None)
        assert check.detail == "git is not installed here, or not on the PATH."


def test_a_git_that_hangs_is_unknown_with_the_reason(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_git(tmp_path / "bin", monkeypatch, "sleep 60")
    checks = {
        check.name: check for check in examine(repository.folder, git=Git(repository.folder, seconds=0.2))
    }
    for name in GIT_CHECKS:
        assert checks[name].answer is Answer.UNKNOWN
        assert checks[name].detail == "git gave no answer: it took longer than 0.2 s and was ended."


def test_a_git_that_fails_is_unknown_and_its_words_are_not_shown(
    repository: Repository, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_git(tmp_path / "bin", monkeypatch, "echo canary >&2; exit 7")
    for name in GIT_CHECKS:
        check = look(name)
        assert check.answer is Answer.UNKNOWN
        assert "code 7" in check.detail
        assert "canary" not in check.detail


def test_a_git_that_answers_nonsense_is_unknown(
    repository: Repository, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = 'case "$*" in *rev-parse*) printf "true\\nfalse\\n\\n";; *) echo nonsense;; esac'
    fake_git(tmp_path / "bin", monkeypatch, answers)
    assert look("ignored").answer is Answer.UNKNOWN


def test_a_broken_repository_is_unknown(repository: Repository, look: Look) -> None:
    repository.write(".git/HEAD", "nonsense")
    for name in GIT_CHECKS:
        assert look(name).answer is Answer.UNKNOWN


def test_nothing_is_changed(repository: Repository) -> None:
    repository.write(".env")
    repository.write(".env.local")
    repository.write(".gitignore", ".env\n")
    repository.commit(".gitignore")
    # A changed time would make git refresh its index, if it were allowed to.
    (repository.folder / ".gitignore").touch()

    def everything() -> dict[Path, tuple[bytes, int]]:
        files = [path for path in repository.folder.rglob("*") if path.is_file()]
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    before = everything()
    examine(repository.folder)
    assert everything() == before
