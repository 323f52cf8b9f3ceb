import collections
import json
import pickle
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.pickles import machine
from core.pickles.lab.assembler import Call, Name, assemble
from core.pickles.lab.payloads import Container, Payload, build
from core.pickles.lab.rehearsal import (
    MAX_BYTES,
    RehearsalError,
    read_rehearsal,
    rehearsal_program,
    rehearse,
)
from core.pickles.lab.samples import sample
from core.sandbox.result import Limit, SandboxResult
from tests.core.pickles.lab.conftest import Rehearse

PLANTED = sample("planted").data
CALL = ["os.system", "('echo hello from a pickle',)"]
KEYS = st.text(max_size=8) | st.integers() | st.booleans() | st.none()
VALUES: st.SearchStrategy[object] = st.recursive(
    KEYS | st.floats() | st.binary(max_size=20) | st.complex_numbers() | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.builds(collections.OrderedDict, st.dictionaries(KEYS, inner, max_size=3))
        | st.frozensets(KEYS, max_size=6)
    ),
    max_leaves=10,
)


def lines(*said: object) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in said)


def account(
    who: str, *calls: list[str], count: int | None = None, ended: str = ""
) -> list[dict[str, object]]:
    number = len(calls) if count is None else count
    said: list[dict[str, object]] = [{"unpickler": who}]
    said += [{"call": call} for call in calls]
    said += [{"name": call[0]} for call in calls]
    return [*said, {"count": number, "ended": ended, "whole": 0 if ended else 1}]


def result(report: bytes, **changes: object) -> SandboxResult:
    return replace(SandboxResult("", "", 0, None, 1, 0.1, report=report), **changes)  # type: ignore[arg-type]


HONEST = lines({"python": "3.12.0"}, *account("C", CALL), *account("Python", CALL))


def test_in_the_sandbox_cpython_agrees_with_the_machine_on_every_built_pickle(rehearsed: Rehearse) -> None:
    # One run for all: several pickles may follow one another in a stream.
    stream = b"".join(
        build(payload, container).data
        for payload in Payload
        for container in (
            Container.PROTOCOL_0,
            Container.PROTOCOL_2,
            Container.PROTOCOL_4,
            Container.INJECTED,
        )
    )
    found = rehearsed(stream)
    assert found.problem == ""
    assert found.differences == ()
    assert found.agree
    assert found.python.startswith("3.12")
    assert [each.unpickler for each in found.accounts] == ["C", "Python"]
    assert {each.whole for each in found.accounts} == {4 * len(Payload)}
    assert [call.function for call in found.calls] == [call.function for call in found.symbolic]
    assert sum(call.function == "os.system" for call in found.calls) == 4
    assert found.result.stdout == ""
    assert found.result.ok


@settings(max_examples=4)
@given(values=st.lists(st.tuples(VALUES, st.integers(0, 5)), min_size=20, max_size=40))
def test_in_the_sandbox_cpython_agrees_with_the_machine_on_any_values(
    rehearsed: Rehearse, values: list[tuple[object, int]]
) -> None:
    found = rehearsed(b"".join(pickle.dumps(value, protocol) for value, protocol in values))
    assert (found.problem, found.differences, found.notes) == ("", (), ())
    assert found.agree
    assert {each.whole for each in found.accounts} == {len(values)}


def test_in_the_sandbox_a_module_is_made_of_the_calls_that_the_machine_foretells(rehearsed: Rehearse) -> None:
    found = rehearsed(sample("simple_mlp_bare").data)
    assert found.agree
    assert "core.zoo_modules.SimpleMLP" in {call.function for call in found.calls}
    assert len(found.calls) == len(found.symbolic) > 30


def test_in_the_sandbox_a_truncated_pickle_stops_both_and_is_no_disagreement(rehearsed: Rehearse) -> None:
    found = rehearsed(PLANTED[:-1])
    assert found.agree
    assert len(found.calls) == 1
    assert [note.partition(": ")[0] for note in found.notes] == [
        "CPython's unpickler in C stopped after 1 of 1 calls",
        "CPython's unpickler in Python stopped after 1 of 1 calls",
    ]


def test_a_rehearsal_that_runs_out_of_fuel_says_so(run: Callable[..., SandboxResult]) -> None:
    program, files = rehearsal_program(PLANTED)
    found = read_rehearsal(PLANTED, run(program, files=files, fuel=300_000_000))
    assert found.result.limit is Limit.FUEL
    assert found.problem == "It executed more instructions than a run may, and was stopped."
    assert not found.agree


def test_rehearse_gives_the_program_to_the_sandbox_and_reads_what_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, object] = {}

    def run(program: bytes, *, files: dict[str, bytes], visitor: str) -> SandboxResult:
        asked.update(program=program, files=files, visitor=visitor)
        return result(HONEST)

    monkeypatch.setattr("core.sandbox.run", run)
    found = rehearse(PLANTED, visitor="somebody")
    assert found.agree
    assert asked["visitor"] == "somebody"
    assert (asked["program"], asked["files"]) == rehearsal_program(PLANTED)


def test_an_honest_report_is_read_and_agrees() -> None:
    found = read_rehearsal(PLANTED, result(HONEST))
    assert found.agree
    assert found.python == "3.12.0"
    assert [(call.function, call.arguments) for call in found.calls] == [tuple(CALL)]
    assert found.accounts[0].names == ("os.system",)


@pytest.mark.parametrize(
    ("accounts", "difference"),
    [
        (
            [*account("C", ["os.remove", "()"]), *account("Python", CALL)],
            "CPython's unpickler in C called os.remove as call 1; the machine says os.system.",
        ),
        (
            [*account("C", ["os.system", "('no',)"]), *account("Python", CALL)],
            (
                "CPython's unpickler in C called os.system with ('no',) as call 1; the machine says "
                "('echo hello from a pickle',)."
            ),
        ),
        (
            [*account("C", CALL, CALL), *account("Python", CALL)],
            "CPython's unpickler in C made 2 calls; the machine foretells 1.",
        ),
        (
            [*account("C", CALL), *account("Python")],
            "CPython's unpickler in Python came to the end with 0 calls; the machine foretells 1.",
        ),
        (
            [
                *account("C", CALL)[:-1],
                {"name": "posix.fork"},
                account("C", CALL)[-1],
                *account("Python", CALL),
            ],
            "CPython's unpickler in C asked for posix.fork; the machine does not name it.",
        ),
    ],
)
def test_what_differs_is_said(accounts: list[object], difference: str) -> None:
    found = read_rehearsal(PLANTED, result(lines({"python": "3.12.0"}, *accounts)))
    assert difference in found.differences
    assert not found.agree


def test_the_order_in_a_set_is_no_difference_and_its_members_are() -> None:
    data = assemble(Call(Name("mine", "Class"), (Call(Name("builtins", "frozenset"), (("a", "b"),)),)), 4)
    told = machine.run(data).calls[1].arguments
    for shown, same in ((told, True), (_swapped(told), True), (told.replace("'a'", "'c'"), False)):
        calls = [["builtins.frozenset", "(('a', 'b'),)"], ["mine.Class", shown]]
        found = read_rehearsal(data, result(lines(*account("C", *calls), *account("Python", *calls))))
        assert found.agree is same


@pytest.mark.parametrize("shown", ["('\U00031350é',)", "('\\U00031350é',)", "('\\U00031350\\xe9',)"])
def test_a_sign_that_only_one_python_can_show_is_no_difference(shown: str) -> None:
    data = assemble(Call(Name("mine", "Class"), ("\U00031350é",)), 4)
    report = lines(*account("C", ["mine.Class", shown]), *account("Python", ["mine.Class", shown]))
    assert read_rehearsal(data, result(report)).agree


def test_of_texts_that_are_cut_what_is_left_is_compared() -> None:
    data = assemble(Call(Name("mine", "Class"), ("x" * 200, "y" * 200)), 4)
    (told,) = machine.run(data).calls
    assert told.arguments.endswith("...")
    for shown, same in ((told.arguments[:200] + "...", True), (told.arguments[:200] + "z...", False)):
        report = lines(*account("C", ["mine.Class", shown]), *account("Python", ["mine.Class", shown]))
        assert read_rehearsal(data, result(report)).agree is same


def _swapped(text: str) -> str:
    return text.replace("'a'", "?").replace("'b'", "'a'").replace("?", "'b'")


def test_an_unpickler_that_stops_early_is_no_difference_but_a_note() -> None:
    report = lines({"python": "3.12.0"}, *account("C", ended="EOFError: "), *account("Python", CALL))
    found = read_rehearsal(PLANTED, result(report))
    assert found.agree
    assert found.notes == ("CPython's unpickler in C stopped after 0 of 1 calls: EOFError: ",)


def test_a_report_that_the_rehearsal_does_not_write_is_not_shown() -> None:
    found = read_rehearsal(PLANTED, result(HONEST + b"not json\n"))
    assert (
        found.problem == "The report of the run is not what the rehearsal writes, so nothing of it is shown."
    )
    assert (found.accounts, found.python, found.agree) == ((), "", False)


@given(st.binary(max_size=300))
def test_no_report_gets_an_exception_out_of_it(report: bytes) -> None:
    found = read_rehearsal(PLANTED, result(report))
    assert not found.agree
    assert found.problem


def test_control_characters_in_a_report_do_not_act() -> None:
    report = lines(*account("C", ["os.system", "\x1b[2J\u202e"]), *account("Python", CALL))
    (call,) = read_rehearsal(PLANTED, result(report)).calls
    assert call.arguments.isprintable()


def test_a_run_that_broke_down_says_so() -> None:
    found = read_rehearsal(PLANTED, result(b"", crash="wasm trap: unreachable", exit_code=None))
    assert found.problem == "The interpreter in the sandbox broke down over it."
    cut = read_rehearsal(PLANTED, result(lines(*account("C", CALL))))
    assert cut.problem == "The run ended before both unpicklers had told what they did."


def test_a_pickle_that_is_too_long_is_refused() -> None:
    with pytest.raises(
        RehearsalError, match=r"^The pickle has 1,048,577 bytes; at most 1,048,576 are loaded"
    ):
        rehearsal_program(b"." * (MAX_BYTES + 1))
