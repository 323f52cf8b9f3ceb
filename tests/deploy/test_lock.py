import stat
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from deploy import lock

RELEASE = version("torch").partition("+")[0]
OLD, NEW = "a" * 64, "b" * 64
RESOLVED = f"""\
numpy==2.4.6 \\
    --hash=sha256:{"1" * 64} \\
    --hash=sha256:{"2" * 64}
Alembic==1.20.1 ; sys_platform == 'linux' \\
    --hash=sha256:{"3" * 64}
"""
Uv = Callable[..., str]


def page(
    release: str, digest: str, *, local: str = "%2Bcpu", tag: str = "cp311-cp311-manylinux_2_28_x86_64"
) -> str:
    name = f"torch-{release}{local}-{tag}.whl"
    address = f"https://example.org/{name}#sha256={digest}"
    return f'<a href="{address}" data-core-metadata="sha256={"9" * 64}">{name}</a><br/>\n'


@pytest.fixture
def uv(tmp_path: Path) -> Uv:
    """A program in uv's place: it keeps what it was asked, and says what it is told to say."""

    def make(said: str = RESOLVED, code: int = 0) -> str:
        program = tmp_path / "uv"
        program.write_text(
            f"#!{sys.executable}\n"
            "import pathlib, sys\n"
            f"folder = pathlib.Path({str(tmp_path)!r})\n"
            "(folder / 'asked').write_text(sys.stdin.read())\n"
            "(folder / 'arguments').write_text('\\n'.join(sys.argv[1:]))\n"
            "constraints = sys.argv[sys.argv.index('--constraint') + 1]\n"
            "(folder / 'constraints').write_text(pathlib.Path(constraints).read_text())\n"
            f"({'sys.stdout' if code == 0 else 'sys.stderr'}).write({said!r})\n"
            f"sys.exit({code})\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return str(program)

    return make


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "requirements-hosted.txt"
    monkeypatch.setattr(lock, "LOCKED", path)
    return path


def reads(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    monkeypatch.setattr(lock, "read_torch_page", lambda: text)


def test_the_file_has_what_uv_found_and_torch_with_the_hashes_of_its_own_index(
    uv: Uv, locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads(monkeypatch, page(RELEASE, NEW) + page("0.1", OLD))
    assert lock.main([uv()]) == 0
    text = locked.read_text()
    assert text.startswith(lock.HEADER)
    assert list(lock.blocks(text)) == ["alembic", "numpy", "torch"]
    assert lock.blocks(text)["torch"] == f"torch=={RELEASE} \\\n    --hash=sha256:{NEW}"
    assert RESOLVED.partition("Alembic")[0] in text
    # torch itself is not uv's to find: it would bring CUDA. What it needs is.
    asked = (tmp_path / "asked").read_text().splitlines()
    assert not [line for line in asked if line.startswith("torch")]
    assert {"filelock", "networkx>=2.5.1"} <= set(asked)
    assert "distributed" in " ".join(asked)
    constraints = (tmp_path / "constraints").read_text().splitlines()
    assert f"numpy=={version('numpy')}" in constraints
    assert not [line for line in constraints if line.startswith("torch=")]
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert {"--generate-hashes", "--universal", "--no-header", "--no-annotate"} <= set(arguments)
    # An index's address may be one's own, with a password.
    assert not [one for one in arguments if "index" in one or "find-links" in one]


def test_where_torchs_index_is_out_of_reach_its_hashes_stay(
    uv: Uv, locked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reads(monkeypatch, None)
    locked.write_text(lock.torch_block(RELEASE, [OLD]) + "\n")
    assert lock.main([uv()]) == 0
    assert lock.hashes(lock.blocks(locked.read_text())["torch"]) == [OLD]
    assert "torch keeps its hashes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "before", [None, f"torch==0.1 \\\n    --hash=sha256:{OLD}\n", "numpy==1 --hash=sha256:0\n"]
)
def test_hashes_of_another_version_do_not(
    before: str | None,
    uv: Uv,
    locked: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reads(monkeypatch, None)
    if before is not None:
        locked.write_text(before)
    assert lock.main([uv()]) == 1
    assert f"has no hashes of torch {RELEASE}\n" in capsys.readouterr().err
    assert (locked.read_text() if locked.exists() else None) == before


def test_a_failure_of_uv_is_one_line_and_changes_nothing(
    uv: Uv, locked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reads(monkeypatch, page(RELEASE, NEW))
    assert lock.main([uv("no such\nversion", 1)]) == 1
    assert capsys.readouterr().err == "uv failed: no such version\n"
    assert not locked.exists()


def test_without_its_argument_it_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert lock.main([]) == 1
    assert capsys.readouterr().err == "expected one argument: the program uv\n"


def test_only_builds_for_a_cpu_and_for_where_the_image_runs_count() -> None:
    text = "".join([
        page("2.13.0", "1" * 64),
        page("2.13.0", "2" * 64, local="+cpu", tag="cp313-cp313-manylinux_2_28_aarch64"),
        page("2.13.0", "3" * 64, local=""),
        page("2.13.0", "4" * 64, local="%2Bcu130"),
        page("2.13.0", "5" * 64, tag="cp311-cp311-win_amd64"),
        page("2.13.0", "6" * 64, tag="cp314-cp314-manylinux_2_28_x86_64"),
        page("2.13.0", "7" * 64, tag="cp313-cp313t-manylinux_2_28_x86_64"),
        page("2.13.1", "8" * 64),
        page("12.13.0", "8" * 64).replace("torch-12", "torch-2x"),
    ])  # fmt: skip
    assert lock.torch_hashes(text, "2.13.0") == ["1" * 64, "2" * 64]


def test_an_index_without_the_version_is_an_error() -> None:
    with pytest.raises(lock.LockError, match=r"has no build of torch 9\.9"):
        lock.torch_hashes(page("2.13.0", NEW), "9.9")
