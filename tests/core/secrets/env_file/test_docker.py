"""`.dockerignore` is read by Docker's rules, and the question is asked only where an image is built."""

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.env_file import Answer, examine
from core.secrets.env_file.docker import excludes
from tests.core.secrets.env_file.conftest import Look
from tests.core.secrets.repository import Repository


@pytest.mark.parametrize(
    "text",
    [
        ".env", "/.env", "./.env", ".env/", " .env ", "*", "**", "**/.env", ".e*", ".en?", ".[e]nv",
        ".[a-f]nv", ".env*", "\ufeff.env", "!.env\n.env", "# a remark\n.env\r\n", "x/../.env", "**/*.env",
        r"\.env", ".[^x]nv", "*\n!README.md", "**/**/.env",
    ],
)  # fmt: skip
def test_these_keep_it_out(text: str) -> None:
    assert excludes(text, ".env")


@pytest.mark.parametrize(
    "text",
    [
        "", "#.env", "env", "*/.env", ".env.local", ".env\n!.env", "*\n!.e*", "!.env", ".EN?", ".[x]nv", "[",
        ".[e", "**/x/.env", ".env?", "?", "!", "//", ".", "node_modules", r".env\*", ".[^e]nv",
        "(.env)", ".env+",
        "**env",
    ],
)  # fmt: skip
def test_these_do_not(text: str) -> None:
    assert not excludes(text, ".env")


@pytest.mark.parametrize(
    ("text", "path", "out"),
    [
        # The table of Docker's documentation.
        ("*/temp*", "somedir/temporary.txt", True),
        ("*/temp*", "temporary.txt", False),
        ("*/*/temp*", "somedir/subdir/temporary.txt", True),
        ("*/*/temp*", "somedir/temporary.txt", False),
        ("temp?", "tempa", True),
        ("temp?", "temp", False),
        ("**/*.go", "main.go", True),
        ("**/*.go", "a/b/c/main.go", True),
        ("*.md\n!README.md", "README.md", False),
        ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
        ("*.md\nREADME-secret.md\n!README*.md", "README-secret.md", False),
        # A folder takes along what is in it.
        ("private", "private/.env", True),
        ("private/**", "private/.env", True),
        ("private\n!private/.env", "private/.env", False),
        (".env", "private/.env", False),
    ],
)
def test_dockers_examples(text: str, path: str, out: bool) -> None:
    assert excludes(text, path) is out


@given(st.text("ab.*?", min_size=1, max_size=6), st.text("ab.", min_size=1, max_size=6))
def test_a_pattern_in_one_folder_is_a_shells(pattern: str, name: str) -> None:
    # `.` and `..` are steps, and two stars have a meaning of their own.
    if "**" in pattern or {pattern, name} & {".", ".."}:
        return
    assert excludes(pattern, name) == bool(re.match(fnmatch.translate(pattern), name))


@given(st.text(max_size=60))
def test_no_text_is_an_error(text: str) -> None:
    assert excludes(text, ".env") in {True, False}


def test_without_a_dockerfile_nothing_is_asked(bare_folder: Repository) -> None:
    bare_folder.write(".env")
    assert "docker" not in {check.name for check in examine(bare_folder.folder)}


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "Containerfile", "Dockerfile.prod", "api.Dockerfile"])
def test_without_a_dockerignore_it_is_in_the_image_and_the_fix_keeps_it_out(
    bare_folder: Repository, look: Look, dockerfile: str
) -> None:
    bare_folder.write(dockerfile, "FROM scratch\n")
    check = look("docker")
    assert (check.answer, check.good) == (Answer.NO, False)
    assert f"There is no .dockerignore: `COPY . .` in {dockerfile}" in check.detail
    bare_folder.shell(check.fix)
    assert (look("docker").answer, look("docker").good, look("docker").fix) == (Answer.YES, True, "")


def test_a_dockerignore_without_it_is_mended_by_the_fix(bare_folder: Repository, look: Look) -> None:
    bare_folder.write("Dockerfile", "FROM scratch\n")
    bare_folder.write(".dockerignore", "*\n!.env")  # no line break at its end
    check = look("docker")
    assert "No line of .dockerignore keeps it out" in check.detail
    bare_folder.shell(check.fix)
    assert look("docker").good


@pytest.mark.parametrize("name", ["#env", "!env", "e[n]v", "e*v", "an env", "e'v"])
def test_the_fix_holds_for_any_name_and_for_that_name_only(
    bare_folder: Repository, look: Look, name: str
) -> None:
    bare_folder.write("Dockerfile", "FROM scratch\n")
    bare_folder.shell(look("docker", name=name).fix)
    assert look("docker", name=name).good
    assert not look("docker", name="env").good


def test_a_list_of_the_dockerfiles_own_comes_first(bare_folder: Repository, look: Look) -> None:
    bare_folder.write("Dockerfile", "FROM scratch\n")
    bare_folder.write(".dockerignore", ".env\n")
    bare_folder.write("Dockerfile.dockerignore", "data\n")
    check = look("docker")
    assert check.good is False
    bare_folder.shell(check.fix)
    assert look("docker").good


def test_a_dockerignore_that_cannot_be_read_is_unknown(bare_folder: Repository, look: Look) -> None:
    bare_folder.write("Dockerfile", "FROM scratch\n")
    (bare_folder.folder / ".dockerignore").mkdir()
    check = look("docker")
    assert (check.answer, check.good) == (Answer.UNKNOWN, None)
    assert check.detail == ".dockerignore cannot be read: it is not a regular file."
