"""The program of a file: the stream that the verdict comes from, and where its head stops."""

import pickle
import pickletools
from dataclasses import replace

import pytest

from core.pickles import Verdict, scan
from core.pickles.lab.payloads import CONTAINERS, ContainerKind, build
from ui.pickles import program as program_module
from ui.pickles.program import BOUNDS, follow
from ui.pickles.subject import Subject

PACKED = {"gzip"}
"""Containers in which the pickle is compressed: then offsets count from the start of what was unpacked."""


def subject(data: bytes, name: str = "model.pkl") -> Subject:
    return Subject("key", "title", name, data, "", scan(data, name))


@pytest.mark.parametrize("kind", CONTAINERS, ids=lambda kind: kind.container)
def test_the_head_stops_at_the_call_in_every_container(kind: ContainerKind) -> None:
    made = build("command", kind.container)
    program = follow(subject(made.data, made.file_name))
    assert program is not None
    assert program.stop is not None
    assert program.stop.verdict is Verdict.DANGEROUS
    assert program.stop.code == "os.system('echo hello from a pickle')"
    cell = program.cells[program.stop.index - program.first]
    assert cell.opcode == "REDUCE"
    view = program.view(program.stop.index, rows=1)
    assert program.stretch.unpacked == (kind.container in PACKED)
    data = program.stretch.data if program.stretch.unpacked else made.data
    assert data[view.offset : view.offset + view.size] == b"R"
    assert program.number_at(view.offset) == program.stop.index


def test_a_file_of_values_has_a_program_without_a_stop() -> None:
    program = follow(subject(pickle.dumps({"a": [1, 2.5, "x"]})))
    assert program is not None
    assert program.stop is None
    assert program.cells[-1].opcode == "STOP"


def test_the_head_stops_behind_fifty_thousand_opcodes_and_every_one_can_be_shown() -> None:
    before = pickle.dumps([(each, str(each)) for each in range(10_000)], protocol=2)
    data = before + build("command", "protocol-2").data
    expected = [(place, opcode.name) for opcode, _, place in pickletools.genops(before)]
    program = follow(subject(data))
    assert program is not None
    assert program.stop is not None
    assert program.stop.index > 50_000
    assert program.total == len(expected) + 6
    shown = program.cells[program.stop.index - program.first]
    assert (shown.opcode, shown.offset) == ("REDUCE", len(before) + 43)
    for number in (0, 1, 2_499, 2_500, 4_999, 5_000, 31_234, len(expected) - 1):
        view = program.view(number, rows=1)
        assert (view.offset, view.opcode) == expected[number]
        assert view.upcoming
    assert program.call_behind(0) == len(before) + 43
    assert program.call_before(len(before) + 43) is None


def test_a_call_behind_many_pickles_is_found_by_its_offset() -> None:
    one = build("command", "protocol-2").data
    program = follow(subject(pickle.dumps(list(range(9_000)), protocol=2) + one + one))
    assert program is not None
    first, second = program.calls
    assert program.call_behind(first) == second
    assert program.call_before(second) == first
    assert program.finding_behind(0) == first - 41
    assert program.finding_behind(first - 41) == first
    assert program.finding_behind(second) is None
    numbers = [program.number_at(offset) for offset in (first, second)]
    assert numbers == [program.opcodes - 8, program.opcodes - 2]


def test_a_file_beyond_the_bounds_is_followed_to_them_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_module, "BOUNDS", replace(BOUNDS, opcodes=3_000))
    program = follow(subject(pickle.dumps(list(range(9_000)), protocol=2)))
    assert program is not None
    assert not program.whole
    assert program.total is None
    assert program.opcodes == 3_000
    assert program.stop is None


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\xfd", b"hello there", bytes(64)])
def test_what_is_no_pickle_has_no_program(data: bytes) -> None:
    assert follow(subject(data, "x.bin")) is None
