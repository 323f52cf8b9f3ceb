"""The samples are real: git finds in each what became of its `.env`, and nothing of them stays."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.secrets.env_file import Answer, SafetyCheck
from core.secrets.sample_repository import Sample, _examined, examine_sample
from tests.core.secrets.repository import fake_git

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN


@pytest.fixture(autouse=True)
def _made_anew() -> Iterator[None]:
    _examined.cache_clear()
    yield
    _examined.cache_clear()


def answers(sample: Sample) -> dict[str, SafetyCheck]:
    return {check.name: check for check in examine_sample(sample)}


@pytest.mark.parametrize(
    ("sample", "ignored", "tracked", "history"),
    [
        (Sample.IGNORED, YES, NO, NO),
        (Sample.FORGOTTEN, NO, NO, NO),
        (Sample.TRACKED, NO, YES, YES),
        (Sample.REMOVED, YES, NO, YES),
        (Sample.NO_GIT, UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_git_finds_what_became_of_it(
    sample: Sample, ignored: Answer, tracked: Answer, history: Answer
) -> None:
    found = answers(sample)
    assert [found[name].answer for name in ("ignored", "tracked", "history")] == [ignored, tracked, history]


def test_the_one_that_was_ignored_from_the_start_is_good_in_every_way() -> None:
    assert [check.name for check in examine_sample(Sample.IGNORED) if not check.good] == []


def test_the_others_are_each_bad_in_a_way_of_their_own() -> None:
    bad = {
        sample: {check.name for check in examine_sample(sample) if check.good is False} for sample in Sample
    }
    assert bad == {
        Sample.IGNORED: set(),
        Sample.FORGOTTEN: {"ignored", "mode", "example names", "copies"},
        Sample.TRACKED: {"ignored", "tracked", "history", "mode", "example values"},
        Sample.REMOVED: {"history"},
        Sample.NO_GIT: set(),
    }


def test_every_bad_check_has_a_fix() -> None:
    for sample in Sample:
        assert all(check.fix for check in examine_sample(sample) if check.good is False)


def test_no_path_of_the_server_is_shown() -> None:
    for sample in Sample:
        shown = repr(examine_sample(sample))
        assert tempfile.gettempdir() not in shown
        assert str(Path.home()) not in shown or str(Path.home()) == "/"


def test_nothing_of_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    examine_sample(Sample.REMOVED)
    assert list(tmp_path.iterdir()) == []


def test_the_servers_settings_and_repositories_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {sample: examine_sample(sample) for sample in Sample}
    _examined.cache_clear()
    (tmp_path / ".config" / "git").mkdir(parents=True)
    (tmp_path / ".config" / "git" / "ignore").write_text(".env\n*.bak\n", encoding="utf-8")
    (tmp_path / ".gitconfig").write_text(
        "[commit]\n\tgpgSign = true\n[user]\n\tname = Server\n", encoding="utf-8"
    )
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (tmp_path / ".git" / "objects").mkdir()
    (tmp_path / ".git" / "refs").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert {sample: examine_sample(sample) for sample in Sample} == expected


def test_it_is_made_once_and_then_the_same_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    first = examine_sample(Sample.TRACKED)
    monkeypatch.setenv("PATH", "")
    assert examine_sample(Sample.TRACKED) is first


def test_the_history_is_the_same_on_every_machine() -> None:
    first = answers(Sample.REMOVED)["history"].detail
    _examined.cache_clear()
    assert answers(Sample.REMOVED)["history"].detail == first
    assert "2 commits changed it" in first


@pytest.mark.parametrize("sample", Sample)
def test_without_git_all_its_answers_are_unknown_and_say_so(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("PATH", "")
        found = answers(sample)
        for name in ("ignored", "tracked", "history"):
            assert (found[name].answer, found[name].good) == (UNKNOWN, None)
            assert found[name].detail == "git is not installed here, or not on the PATH."
        assert found["exists"].answer is YES
    if sample is not Sample.NO_GIT:
        assert answers(sample)["ignored"].answer is not UNKNOWN, "the next call tries again"


def test_a_git_that_fails_half_way_gives_no_wrong_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    real = shutil.which("git")
    fake_git(tmp_path / "bin", monkeypatch, f'case "$*" in *" commit "*) exit 9;; *) exec {real} "$@";; esac')
    found = answers(Sample.TRACKED)
    for name in ("ignored", "tracked", "history"):
        assert found[name].answer is UNKNOWN
        assert "code 9" in found[name].detail
