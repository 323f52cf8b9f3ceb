"""The program of a file: the stream that the verdict comes from, and where its head stops."""

import pickle

import pytest

from core.pickles import Verdict, scan
from core.pickles.lab.payloads import CONTAINERS, ContainerKind, build
from core.pickles.lab.walkthrough import MOST_STEPS
from ui.pickles.program import follow
from ui.pickles.subject import Subject

UNPACKED = {"gzip"}
"""Containers whose pickle does not lie in the file as it is."""


def subject(data: bytes, name: str = "model.pkl") -> Subject:
    return Subject("key", "title", name, data, "", scan(data, name))


@pytest.mark.parametrize("kind", CONTAINERS, ids=lambda kind: kind.container)
def test_the_head_stops_at_the_call_in_every_container(kind: ContainerKind) -> None:
    made = build("command", kind.container)
    program = follow(subject(made.data, made.file_name))
    if kind.container in UNPACKED:
        assert program is None
        return
    assert program is not None
    assert program.stop is not None
    assert program.stop.verdict is Verdict.DANGEROUS
    assert program.stop.code == "os.system('echo hello from a pickle')"
    cell = program.cells[program.stop.index]
    assert cell.opcode == "REDUCE"
    step = program.walk.steps[program.stop.index]
    assert made.data[step.offset : step.end] == b"R"


def test_a_file_of_values_has_a_program_without_a_stop() -> None:
    program = follow(subject(pickle.dumps({"a": [1, 2.5, "x"]})))
    assert program is not None
    assert program.stop is None
    assert program.cells[-1].opcode == "STOP"


def test_a_long_file_is_followed_to_a_bound_and_no_further() -> None:
    program = follow(subject(pickle.dumps(list(range(3 * MOST_STEPS)), protocol=2)))
    assert program is not None
    assert not program.whole
    assert len(program.cells) == program.opcodes == MOST_STEPS
    assert program.stop is None


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\xfd", b"hello there", bytes(64)])
def test_what_is_no_pickle_has_no_program(data: bytes) -> None:
    assert follow(subject(data, "x.bin")) is None
