"""Limits: each stops what it should, exactly, and the first that is met is the one that is named."""

import itertools
import threading
from dataclasses import replace

import pytest
import wasmtime

from core.sandbox import wasi
from core.sandbox.guest import Guest, engine
from core.sandbox.result import Limit, SandboxError
from core.sandbox.wasi_files import MAX_REPORT
from tests.core.sandbox.doubles import order

START = 250 * 10**6
"""Fuel with which the interpreter starts and ends, and not much more."""


def test_a_class_and_its_abstract_base_run(guest: Guest) -> None:
    program = """\
from abc import ABC, abstractmethod

class Interface(ABC):
    @abstractmethod
    def predict(self): ...

class Broken(Interface):
    pass

class Whole(Interface):
    def predict(self):
        return 42

print(Whole().predict())
Broken()
"""
    result = guest.run(order(program))
    assert result.stdout == "42\n"
    assert result.exit_code == 1
    assert result.error is not None
    says = "Can't instantiate abstract class Broken without an implementation for abstract method 'predict'"
    assert (result.error.kind, result.error.message, result.error.line) == ("TypeError", says, 15)
    assert (result.limit, result.crash) == (None, "")
    assert result.fuel_used < START
    assert result.seconds > 0


def test_every_run_is_a_fresh_one(guest: Guest) -> None:
    program = """\
import builtins, json, os
print(hasattr(builtins, "left"), hasattr(json, "left"), os.listdir("/"))
print(open("/usr/local/lib/python312.zip", "rb").read(2))
builtins.left = json.left = 1
with open("/report", "w") as file:
    file.write("mine")
try:
    os.write(os.open("/usr/local/lib/python312.zip", os.O_RDWR), b"XX")
except OSError:
    pass
"""
    first = guest.run(order(program))
    assert first.report == b"mine"
    assert first.ok
    second = guest.run(order(program))
    assert first.stdout == second.stdout == "False False ['program.py', 'report']\nb'PK'\n"
    assert guest.run(order("pass")).report == b""


@pytest.mark.parametrize("fuel", [1, 1000, 10**7, 10**8, START, 10**9])
def test_fuel_stops_an_endless_loop_exactly(guest: Guest, fuel: int) -> None:
    result = guest.run(order("print('started')\nwhile True: pass", fuel=fuel))
    assert (result.limit, result.exit_code, result.crash, result.error) == (Limit.FUEL, None, "", None)
    assert result.fuel_used == fuel
    assert result.stdout == ("started\n" if fuel >= START else "")


@pytest.mark.parametrize("output_bytes", [0, 1, 7, 8, 1000])
def test_output_stops_exactly_at_its_limit(guest: Guest, output_bytes: int) -> None:
    result = guest.run(order("while True: print('1234567')", output_bytes=output_bytes))
    assert (result.limit, result.exit_code, result.crash) == (Limit.OUTPUT, None, "")
    assert result.stdout == ("1234567\n" * 200)[:output_bytes]
    assert result.stderr == ""


def test_output_of_exactly_the_limit_is_none_too_much(guest: Guest) -> None:
    program = "import sys\nprint('1234567')\nprint('abc', file=sys.stderr)"
    result = guest.run(order(program, output_bytes=12))
    assert (result.ok, result.stdout, result.stderr) == (True, "1234567\n", "abc\n")
    result = guest.run(order(program, output_bytes=11))
    assert (result.limit, result.stdout, result.stderr) == (Limit.OUTPUT, "1234567\n", "abc")


def test_a_character_that_is_cut_is_no_mistake(guest: Guest) -> None:
    result = guest.run(order("print('é' * 10)", output_bytes=5))
    assert (result.limit, result.stdout) == (Limit.OUTPUT, "éé\ufffd")


def test_time_stops_a_loop_and_the_next_run_is_not_touched(guest: Guest) -> None:
    result = guest.run(order("print('started', flush=True)\nwhile True: pass", fuel=10**15, wall_seconds=2.0))
    assert (result.limit, result.exit_code, result.crash, result.error) == (Limit.TIME, None, "", None)
    assert result.seconds >= 2.0
    assert guest.run(order("print(1)")).stdout == "1\n"


def test_a_deadline_that_rings_late_stops_nobody_else(guest: Guest) -> None:
    for seconds in (0.0, 0.001, 0.02, 0.05):
        result = guest.run(order("pass", wall_seconds=seconds))
        assert result.ok or result.limit is Limit.TIME
        assert guest.run(order("print(1)")).stdout == "1\n"


def test_no_thread_is_left(guest: Guest) -> None:
    before = set(threading.enumerate())
    guest.run(order("pass"))
    guest.run(order("while True: pass", fuel=10**15, wall_seconds=0.1))
    assert set(threading.enumerate()) <= before


def test_sleeping_passes_the_guests_time_and_no_other(guest: Guest) -> None:
    program = """\
import time
before, monotonic = time.time(), time.monotonic()
time.sleep(100_000)
print(round(time.time() - before), round(time.monotonic() - monotonic))
print(time.strftime("%Y-%m-%d", time.gmtime(before)))
"""
    result = guest.run(order(program, wall_seconds=60.0))
    assert (result.stdout, result.limit) == ("100000 100000\n2026-01-01\n", None)
    assert result.seconds < 60


@pytest.mark.parametrize(
    "program",
    [
        "x = [0] * 10**9",
        "x = bytearray(10**9)",
        "x = []\nwhile True: x.append(bytes(10**6))",
        "x = []\nwhile True: x.append([])",
        "x = {}\nfor n in range(10**9): x[n] = str(n)",
        "x = 'a'\nwhile True: x += x",
        "x = None\nwhile True: x = (x,)",
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return f([n] * 100)\nf(0)",
        "class A:\n    def __init__(self): self.a = [self] * 1000\nx = []\nwhile True: x.append(A())",
    ],
)
def test_memory_is_named_when_a_program_ends_for_want_of_it(guest: Guest, program: str) -> None:
    result = guest.run(order(program, memory_bytes=24 * 2**20, fuel=20 * 10**9))
    assert (result.limit, result.exit_code, result.crash) == (Limit.MEMORY, None, "")
    assert guest.run(order("print(1)")).stdout == "1\n"


def test_of_a_program_that_is_stopped_the_last_line_is_there_if_it_was_flushed(guest: Guest) -> None:
    for flush, seen in ((False, "whole\n"), (True, "whole\npart")):
        program = f"print('whole')\nprint('part', end='', flush={flush})\nwhile True: pass"
        result = guest.run(order(program, fuel=10**9))
        assert (result.stdout, result.limit) == (seen, Limit.FUEL)


def test_a_program_may_go_on_without_the_memory(guest: Guest) -> None:
    program = (
        "try:\n    x = [0] * 10**9\nexcept MemoryError:\n    print('without')\nraise ValueError('later')"
    )
    result = guest.run(order(program))
    assert (result.stdout, result.limit, result.exit_code) == ("without\n", None, 1)
    assert result.error is not None
    assert result.error.kind == "ValueError"


@pytest.mark.parametrize("ending", ["", "sys.exit(3)"])
def test_a_program_may_go_on_after_the_hook_has_shown_that_memory_lacked(guest: Guest, ending: str) -> None:
    program = f"""\
import sys
try:
    x = [0] * 10**9
except MemoryError as error:
    sys.excepthook(type(error), error, None)
print("on")
{ending}
"""
    result = guest.run(order(program))
    assert (result.stdout, result.limit, result.error) == ("on\n", None, None)
    assert result.exit_code == (3 if ending else 0)


def test_memory_that_the_guests_library_lacks_is_memory(guest: Guest) -> None:
    program = """\
import os
held = []
try:
    while True: held.append(bytes(2**16))
except MemoryError:
    held.clear()
raise OSError(48, os.strerror(48), "/")
"""
    result = guest.run(order(program, memory_bytes=24 * 2**20, fuel=20 * 10**9))
    assert (result.limit, result.exit_code) == (Limit.MEMORY, None)
    assert result.error is not None
    assert result.error.message == "[Errno 48] Out of memory: '/'"


def test_that_error_is_the_programs_own_while_there_is_memory(guest: Guest) -> None:
    result = guest.run(order("import os\nraise OSError(48, os.strerror(48))"))
    assert (result.limit, result.exit_code) == (None, 1)


@pytest.mark.parametrize("memory_bytes", [0, 1, 65_536, 2**20, 9 * 2**20])
def test_too_little_memory_to_start_is_memory(guest: Guest, memory_bytes: int) -> None:
    result = guest.run(order("print(1)", memory_bytes=memory_bytes))
    assert (result.limit, result.exit_code, result.crash) == (Limit.MEMORY, None, "")
    assert (result.stdout, result.stderr) == ("", "")


def test_the_error_that_ended_a_program_is_named_though_its_end_took_all_fuel(guest: Guest) -> None:
    program = "x = None\ntry:\n    while True: x = (x,)\nfinally:\n    del x"
    result = guest.run(order(program, memory_bytes=20 * 2**20, fuel=20 * 10**9))
    assert result.limit is Limit.MEMORY


LOOPS = {
    Limit.FUEL: ("while True: pass", {"fuel": 10**9}),
    Limit.OUTPUT: ("while True: print('x' * 100)", {"output_bytes": 1000}),
    Limit.MEMORY: ("x = []\nwhile True: x.append(bytes(10**6))", {"memory_bytes": 20 * 2**20}),
}


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(LOOPS, 2)))
def test_the_first_limit_that_is_met_is_named(guest: Guest, first: Limit, second: Limit) -> None:
    code, tight = LOOPS[first]
    _, other = LOOPS[second]
    asked = order(code, **(tight | {name: value for name, value in other.items() if name != "fuel"}))  # type: ignore[arg-type]
    if first is not Limit.FUEL and second is Limit.FUEL:
        asked = replace(asked, fuel=10**9)
    assert guest.run(asked).limit is first


def test_a_crash_is_one_line_and_harms_nobody(guest: Guest) -> None:
    result = guest.run(order("print('before')\nimport os\nos.abort()"))
    assert (result.exit_code, result.limit, result.ok) == (None, None, False)
    assert result.crash == "The program broke the Python interpreter in the sandbox (unreachable)."
    assert result.stdout == "before\n"
    assert guest.run(order("print(1)")).stdout == "1\n"


def test_a_mistake_of_the_host_is_a_crash(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(wasi.SystemCalls, "sched_yield", fail)
    monkeypatch.setattr(wasi.SystemCalls, "poll_oneoff", fail)
    result = guest.run(order("import time\ntime.sleep(1)"))
    assert result.crash == "The sandbox itself failed; the log has why."
    assert (result.exit_code, result.limit) == (None, None)


def test_the_report_comes_back_whatever_happens_afterwards(guest: Guest) -> None:
    write = "with open('/report', 'wb') as file:\n    file.write(bytes(range(256)))\n"
    for ending in ("", "1 / 0", "while True: pass", "import os\nos.abort()"):
        assert guest.run(order(write + ending, fuel=10**9)).report == bytes(range(256))


def test_the_report_is_bounded(guest: Guest) -> None:
    result = guest.run(order(f"open('/report', 'wb', buffering=0).write(bytes({MAX_REPORT}))"))
    assert (result.ok, len(result.report)) == (True, MAX_REPORT)
    result = guest.run(order(f"open('/report', 'wb', buffering=0).write(bytes({MAX_REPORT + 1}))"))
    assert (result.error is not None, result.report) == (True, b"")


def test_what_is_not_text_is_shown_as_such(guest: Guest) -> None:
    result = guest.run(order("import os\nos.write(1, b'a\\xff\\xfe\\x00b')\nos.write(2, b'\\x80')"))
    assert (result.stdout, result.stderr) == ("a\ufffd\ufffd\0b", "\ufffd")


def test_what_cannot_be_given_is_refused(guest: Guest) -> None:
    with pytest.raises(SandboxError, match="NUL"):
        guest.run(order("pass", argv=("a\0b",)))
    with pytest.raises(SandboxError, match="is taken"):
        guest.run(order("pass", files={"lib/x": b""}))


def test_two_runs_of_one_program_take_the_same_fuel_but_for_chance(guest: Guest) -> None:
    # Sets and dictionaries of strings are laid out by chance.
    used = [guest.run(order("print(sum(range(1000)))")).fuel_used for _ in range(3)]
    assert max(used) - min(used) < 0.05 * max(used)


def test_any_other_module_is_not_taken_for_the_interpreter() -> None:
    configured = engine()
    empty = wasmtime.Module(configured, '(module (memory (export "memory") 1) (func (export "_start")))')
    with pytest.raises(SandboxError, match="library could not be read"):
        Guest(configured, empty)
    with pytest.raises(SandboxError, match="no memory"):
        Guest(configured, wasmtime.Module(configured, "(module)"))
    trapping = wasmtime.Module(
        configured, '(module (memory (export "memory") 1) (func (export "_start") unreachable))'
    )
    with pytest.raises(SandboxError, match="did not start"):
        Guest(configured, trapping)


def test_an_instance_that_cannot_be_made_is_told_from_too_little_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    configured = engine()
    text = '(module (memory (export "memory") 1) (table 100000 funcref) (func (export "_start")))'
    with pytest.raises(SandboxError, match="did not start"):
        Guest(configured, wasmtime.Module(configured, text))
    assert "table" in caplog.text


def test_the_engine_counts_fuel_and_can_be_interrupted() -> None:
    configured = engine()
    module = wasmtime.Module(configured, '(module (func (export "spin") (loop br 0)))')
    for fuel, code in ((1000, wasmtime.TrapCode.OUT_OF_FUEL), (10**18, wasmtime.TrapCode.INTERRUPT)):
        store = wasmtime.Store(configured)
        store.set_fuel(fuel)
        store.set_epoch_deadline(1)
        spin = wasmtime.Instance(store, module, []).exports(store)["spin"]
        assert isinstance(spin, wasmtime.Func)
        timer = threading.Timer(0.2, configured.increment_epoch)
        if fuel > 1000:
            timer.start()
        with pytest.raises(wasmtime.Trap) as trapped:
            spin(store)
        assert trapped.value.trap_code is code
        timer.cancel()
