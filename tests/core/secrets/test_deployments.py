"""The four deployments, and Docker's own reading of an env file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.declared import DECLARED
from core.secrets.deployments import Deployment, deployments, docker_env_file
from core.secrets.env_text import EnvTextError
from core.secrets.resolution import Resolved

BY_NAME = {deployment.name: deployment for deployment in deployments()}


def rows(deployment: Deployment) -> dict[str, Resolved]:
    return {row.name: row for row in deployment.resolve().rows}


def test_there_are_four_each_with_an_example_and_notes() -> None:
    assert list(BY_NAME) == ["laptop", "docker", "lambda", "cloud-run"]
    for deployment in deployments():
        assert deployment.title
        assert deployment.how.endswith(".")
        assert deployment.env_text
        assert deployment.process
        assert len(deployment.notes) >= 3
        assert all(note.endswith(".") for note in deployment.notes)
        assert "OPENAI_API_KEY" in rows(deployment)
        assert deployment.resolve().problems == ()


def test_on_a_laptop_the_shells_old_key_wins() -> None:
    found = rows(BY_NAME["laptop"])
    assert (found["OPENAI_API_KEY"].source, found["OPENAI_API_KEY"].loser) == ("process environment", ".env")
    assert found["DATABASE_URL"].expands == ("DB_USER", "DB_PASSWORD", "DB_HOST")
    assert found["DATABASE_URL"].source == ".env"
    assert found["GREETING"].lines == 2


@pytest.mark.parametrize("name", ["docker", "lambda", "cloud-run"])
def test_elsewhere_there_is_no_env_file(name: str) -> None:
    assert not BY_NAME[name].has_env_file
    assert {row.source for row in rows(BY_NAME[name]).values()} == {"process environment"}


def test_in_docker_the_quotes_and_the_references_arrive_as_they_stand() -> None:
    found = rows(BY_NAME["docker"])
    assert found["OPENAI_API_KEY"].note.startswith("Its quotes are a part of the value")
    assert found["DATABASE_URL"].note == "Nobody expands ${...} in a process variable."
    assert found["GREETING"].lines == 1


def test_the_platforms_own_names_are_there() -> None:
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_TASK_ROOT"} <= set(
        rows(BY_NAME["lambda"])
    )
    assert {"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"} <= set(rows(BY_NAME["cloud-run"]))


def test_the_examples_keys_look_like_keys() -> None:
    forms = {key.name: key for key in DECLARED}
    values = dict(line.split("=", 1) for line in BY_NAME["lambda"].process.splitlines())
    for name in ("OPENAI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert forms[name].is_well_formed(values[name])


@pytest.mark.parametrize(
    ("text", "process"),
    [
        ("A=1\nB=2", "A=1\nB=2"),
        # Quotes, references, comments behind a value and spaces are a part of it.
        ('A="1"', 'A="1"'),
        ("A='1'", "A='1'"),
        ("A=${B}$C", "A=${B}$C"),
        ("A=1 # note", "A=1 # note"),
        ("A= 1 ", "A= 1 "),
        ("A=b=c", "A=b=c"),
        ("A=", "A="),
        # Comments, blank lines and the spaces before a line go.
        ("# note\n\n   # note\n \t A=1\n \n", "A=1"),
        ("\ufeffA=1", "A=1"),
        ("A=1\r\nB=2\r\n", "A=1\nB=2"),
        ("A=1\r", "A=1"),
        # A value ends with its line.
        ('A="1\nB=2"', 'A="1\nB=2"'),
        # A name alone is looked up where docker is called.
        ("A\nB=1", "B=1"),
        ("A-b.c=1", "A-b.c=1"),
        ("A=1\nB=2\nA=3", "B=2\nA=3"),
        ("\u3000A=1", "A=1"),
        ("", ""),
    ],
)
def test_docker_takes_a_line_as_it_stands(text: str, process: str) -> None:
    found = docker_env_file(text)
    assert (found.process, found.refused) == (process, False)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("A=1\nexport B=2", 2, "there is a space in the name"),
        ("A =1", 1, "there is a space in the name, or between it and the ="),
        ("A\tB", 1, "there is a space in the name"),
        ("\n=1", 2, "there is no name before the ="),
        ("A=" + "x" * (2**16 - 2), 1, "the line is longer than 64 KiB"),
    ],
)
def test_docker_refuses_the_whole_file(text: str, line: int, said: str) -> None:
    found = docker_env_file(text)
    assert (found.process, found.refused) == ("", True)
    assert [problem.line for problem in found.problems] == [line]
    assert said in found.problems[0].said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('A="1"', "Docker keeps the quotes as a part of the value."),
        ('A="1\nB=2', "Docker knows no value of several lines: it ends here, with the quote in it."),
        ("A=${B}", "Docker does not expand ${...}."),
        ("A=1 #x", "Docker knows no comment behind a value: it is a part of it."),
        ("A", "A word without =: it is passed on only if it is set where docker is called."),
        ("A=1\nA=2", "A is there twice: here the later one counts; write it once."),
    ],
)
def test_what_surprises_in_docker_is_said(text: str, said: str) -> None:
    assert [problem.said for problem in docker_env_file(text).problems] == [said]


@given(st.text(st.sampled_from("AB=\"'$# {}\n\tx")))
def test_what_docker_reads_comes_out_of_the_process_text_again(text: str) -> None:
    found = docker_env_file(text)
    assert docker_env_file(found.process).process == found.process
    assert found.refused == (
        not found.process and bool(found.problems) and "refuses" in found.problems[0].said
    )


def test_docker_shows_no_value() -> None:
    canary = "canary-4f1c09d2"
    assert canary not in repr(docker_env_file(f"A='{canary}'\nB=\"{canary}\n{canary}\nC=1 #{canary}\n"))
    assert canary not in repr(docker_env_file(f"{canary} x=1"))
    with pytest.raises(EnvTextError, match="larger than 64 KiB"):
        docker_env_file("x" * (2**16 + 1))
