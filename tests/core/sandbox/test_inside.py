"""What a visitor sees of a program that ends: their own lines, as Python has them.

Where it can be, the oracle is this interpreter, running the same program in a process.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from core.sandbox.guest import Guest
from core.sandbox.inside import SHOWN_FRAMES, SHOWN_LINES, SHOWN_WIDTH
from core.sandbox.result import GuestError, Limit, SandboxResult
from tests.core.sandbox.doubles import order


def here(program: str | bytes, folder: Path, *argv: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a program with this interpreter."""
    path = folder / "program.py"
    path.write_bytes(program.encode() if isinstance(program, str) else program)
    return subprocess.run(
        [sys.executable, "-I", "-B", "-X", "utf8", path, *argv], capture_output=True, check=False, cwd=folder
    )


def shown_here(program: str | bytes, folder: Path) -> str:
    """What this interpreter prints to stderr, with the program's short name."""
    printed = here(program, folder).stderr.decode().replace("\r\n", "\n")
    return printed.replace(str(folder / "program.py"), "program.py")


CHAINED = """\
def inner():
    return {}["key"]

def outer():
    try:
        inner()
    except KeyError as error:
        raise ValueError("outer") from error

try:
    outer()
except ValueError:
    int("x")
"""
CUT = """\
try:
    1 / 0
except ZeroDivisionError:
    raise ValueError("only") from None
"""
GROUP = """\
inner = ExceptionGroup("in", [OSError(3)])
raise ExceptionGroup("some", [ValueError(1), TypeError("two"), inner])
"""
RECURSIVE = """\
import sys
sys.setrecursionlimit(200)
def f(n):
    return f(n + 1)
try:
    f(0)
except RecursionError:
    pass
def g(n):
    return 1 / 0 if n == 50 else g(n + 1)
g(0)
"""
ABSTRACT = """\
from abc import ABC, abstractmethod
class A(ABC):
    @abstractmethod
    def m(self): ...
A()
"""
FORGOTTEN = """\
class A:
    def __del__(self):
        import json
        json.loads("{")
A()
1 / 0
"""
FILES = """\
import helper, pack.part
print(helper.X, pack.part.Y, open("data/n.txt").read(), open("/data/n.txt").read())
"""
SAME_IN_ALL_VERSIONS = {
    "a plain error": "x = 1\ny = x + 'a'\n",
    "a chain": CHAINED,
    "a chain that is cut": CUT,
    "a group": GROUP,
    "a note": "e = ValueError('v')\ne.add_note('first\\nsecond')\nraise e\n",
    "deep recursion": RECURSIVE,
    "a suggestion": "counter = 1\nprint(countr)\n",
    "a syntax error": "x = 1\nif x:\nprint(x)\n",
    "a bracket that is not closed": "x = [1,\n     2\n",
    "characters beyond ASCII": "größe = 3\nprint('é', größe / 0)\n",
    "a tab": "if True:\n\tx = 1\n\tx.y.z\n",
    "an error without a message": "raise ValueError\n",
    "an own class": "class Mine(Exception):\n    pass\nraise Mine('text')\n",
    "an error in a class body": "class A:\n    x = 1 / 0\n",
    "a long line": f"x = {'1 + ' * 100}None\n",
    "an assertion": "assert 1 == 2, 'one is not two'\n",
    "an empty chain of calls": "(lambda: (lambda: 1 / 0)())()\n",
    "keyboard interrupt": "raise KeyboardInterrupt('stop')\n",
}


@pytest.mark.parametrize("program", SAME_IN_ALL_VERSIONS.values(), ids=SAME_IN_ALL_VERSIONS)
def test_a_traceback_is_the_interpreters_own(guest: Guest, program: str, tmp_path: Path) -> None:
    result = guest.run(order(program))
    if sys.version_info[:2] == (3, 12):
        assert result.stderr == shown_here(program, tmp_path)
        return
    # Other versions draw other carets under other lines: all else is the same.
    assert plain(result.stderr) == plain(shown_here(program, tmp_path))


def plain(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip(" |^~")]


@pytest.mark.parametrize(
    "ending",
    [
        "", "raise SystemExit", "import sys; sys.exit()", "import sys; sys.exit(0)", "exit(4)", "quit()",
        "import sys; sys.exit(3)", "import sys; sys.exit(-1)", "import sys; sys.exit(256)",
        "import sys; sys.exit(300)",
        "import sys; sys.exit('bye')", "import sys; sys.exit([1, 2])", "import sys; sys.exit(True)",
        "import sys; sys.exit(None)", "raise SystemExit('é')", "1 / 0", "import os; os._exit(7)",
        "import atexit; atexit.register(print, 'late'); exit(5)", "class C(SystemExit): code = 9\nraise C",
        "import sys; sys.excepthook = lambda *a: print('mine', a[1]); 1 / 0",
        "class A:\n    def __del__(self): print('gone')\na = A()",
        "import sys; sys.stdout.write('no end of line')", "import sys; print('x', file=sys.stderr)",
    ],
)  # fmt: skip
def test_it_ends_as_it_would_in_a_process(guest: Guest, ending: str, tmp_path: Path) -> None:
    result = guest.run(order(ending))
    # With `site`, so that it has exit() and quit() too.
    expected = here(ending, tmp_path)
    assert result.exit_code == expected.returncode
    assert result.stdout == expected.stdout.decode()
    assert plain(result.stderr) == plain(shown_here(ending, tmp_path))


def failed(guest: Guest, program: str | bytes, **files: bytes) -> tuple[SandboxResult, GuestError]:
    result = guest.run(order(program, files={f"{name}.py": data for name, data in files.items()}))
    assert result.error is not None
    assert result.exit_code == 1
    return result, result.error


def test_the_error_is_told_with_its_place(guest: Guest) -> None:
    _, error = failed(guest, "x = 1\nif x:\n    y = [x, x / 0]\n")
    assert error == GuestError("ZeroDivisionError", "division by zero", 3, 13, "    y = [x, x / 0]")


def test_columns_count_characters(guest: Guest) -> None:
    _, error = failed(guest, "é = 'ééé'; é.nothing\n")
    assert (error.line, error.column, error.text) == (1, 12, "é = 'ééé'; é.nothing")


def test_an_error_in_a_file_is_told_with_the_programs_line_that_led_there(guest: Guest) -> None:
    result, error = failed(guest, "import helper\n\nhelper.run()\n", helper=b"def run():\n    return 1 / 0\n")
    assert (error.kind, error.line, error.text) == ("ZeroDivisionError", 3, "helper.run()")
    assert '  File "/helper.py", line 2, in run\n    return 1 / 0\n' in result.stderr


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        ("import json\njson.loads('{')\n", "json.decoder.JSONDecodeError"),
        (ABSTRACT, "TypeError"),
        ("import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: list = []\n", "ValueError"),
        ("import importlib\nimportlib.import_module('nothing')\n", "ModuleNotFoundError"),
        ("exec('1 / 0')\n", "ZeroDivisionError"),
        ("sorted([1, 2], key=lambda x: x.y)\n", "AttributeError"),
        (FORGOTTEN, "ZeroDivisionError"),
    ],
)  # fmt: skip
def test_only_the_visitors_frames_are_shown(guest: Guest, program: str, kind: str) -> None:
    result, error = failed(guest, program)
    assert error.kind == kind
    assert error.line is not None
    frames = [line for line in result.stderr.splitlines() if line.startswith('  File "')]
    assert frames
    assert all(line.startswith('  File "program.py", line ') for line in frames)
    assert "_boot" not in result.stderr


@pytest.mark.parametrize(
    ("program", "kind", "line", "says"),
    [
        (b"def f(:\n", "SyntaxError", 1, "invalid syntax"),
        (b"x = 1\n  y = 2\n", "IndentationError", 2, "unexpected indent"),
        (b"x = 'abc\n", "SyntaxError", 1, "unterminated string literal"),
        (b"x = 1\0\n", "SyntaxError", 1, "null bytes"),
        (b"\xff = 1\n", "SyntaxError", None, "Non-UTF-8 code"),
        (b"# coding: nothing\n", "SyntaxError", None, "encoding problem: nothing"),
        (b"# coding: ascii\nx = '\xe9'\n", "SyntaxError", None, "encoding problem: ascii"),
        (b"\xff\xfex\0=\x001\0", "SyntaxError", None, "Non-UTF-8 code"),
        (b"(" * 150 + b")" * 150, "SyntaxError", None, "nested too deeply"),
        (b"-" * 100_000 + b"1", "SyntaxError", None, "nested too deeply"),
        (b"x = " + b"(" * 100_000, "SyntaxError", None, "nested too deeply"),
        (
            b"".join(b" " * depth + b"if 1:\n" for depth in range(150)),
            "IndentationError",
            101,
            "too many levels",
        ),
        (b"return\n", "SyntaxError", 1, "'return' outside function"),
        (b"x = 1\nawait x\n", "SyntaxError", 2, "'await' outside function"),
        (b"from __future__ import nothing\n", "SyntaxError", 1, "future feature nothing"),
        (b"9" * 5_000, "SyntaxError", 1, "Exceeds the limit"),
    ],
)
def test_text_that_is_no_program_is_told_with_its_place(
    guest: Guest, program: bytes, kind: str, line: int | None, says: str
) -> None:
    result, error = failed(guest, program)
    assert (error.kind, error.line) == (kind, line)
    assert says in error.message
    assert "//program.py" not in result.stderr + error.message
    assert says in result.stderr
    assert len(result.stderr) < 3_000


@pytest.mark.parametrize(
    "program",
    [
        b"",
        b"\n",
        b"# nothing",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbfx = 1",
        b"\f\n",
        b"pass",
        b"x = 1\r\ny = 2\r\n",
    ],
)
def test_programs_that_do_nothing_do_it_well(guest: Guest, program: bytes) -> None:
    result = guest.run(order(program))
    assert (result.ok, result.stdout, result.stderr) == (True, "", "")


def test_an_encoding_is_honored(guest: Guest) -> None:
    program = "# -*- coding: latin-1 -*-\nprint('é')\nraise ValueError('ä')\n".encode("latin-1")
    result, error = failed(guest, program)
    assert result.stdout == "é\n"
    assert error == GuestError("ValueError", "ä", 3, 1, "raise ValueError('ä')")


def test_a_byte_order_mark_moves_nothing(guest: Guest) -> None:
    _, error = failed(guest, b"\xef\xbb\xbfx = 1 / 0\n")
    assert (error.line, error.column, error.text) == (1, 5, "x = 1 / 0")


def test_a_megabyte_of_code_runs(guest: Guest) -> None:
    lines = 40_000
    result = guest.run(order("value = 'some text'; n = 1\n" * lines + "print('done')\n", fuel=10**11))
    assert (result.ok, result.stdout) == (True, "done\n")


def test_recursion_that_repeats_itself_is_folded(guest: Guest) -> None:
    result, error = failed(guest, "def f():\n    f()\nf()\n")
    assert error.kind == "RecursionError"
    assert result.stderr.count('File "program.py", line 2') == 3
    assert "more times]" in result.stderr


def test_a_long_traceback_shows_both_its_ends(guest: Guest) -> None:
    functions = "".join(f"def f{n}():\n    f{(n + 1) % 7}()\n" for n in range(7))
    result, _ = failed(guest, functions + "f0()\n")
    assert result.stderr.count('  File "program.py"') == 2 * SHOWN_FRAMES
    assert result.stderr.splitlines()[1] == '  File "program.py", line 15, in <module>'
    assert "calls in the middle are left out]" in result.stderr
    assert "RecursionError: maximum recursion depth exceeded" in result.stderr


@pytest.mark.parametrize(
    "program",
    [
        "raise ValueError('x\\n' * 100_000)",
        "raise ValueError('x' * 1_000_000)",
        "class E(Exception):\n    def __str__(self): return 'y' * 1_000_000\nraise E",
        "x = " + "'a' + " * 50_000 + "1",
        "e = None\nfor n in range(5000):\n    x = ValueError(n)\n    x.__cause__ = e\n    e = x\nraise e",
        "raise ExceptionGroup('g', [ValueError('v' * 999)] * 5000)",
        "type('K' * 100_000, (Exception,), {})\nraise type('K' * 100_000, (Exception,), {})('m')",
        "e = ValueError('v')\ne.__notes__ = ['n' * 10_000] * 1000\nraise e",
    ],
)
def test_a_traceback_has_an_end(guest: Guest, program: str) -> None:
    result, error = failed(guest, program)
    lines = result.stderr.splitlines()
    assert len(lines) <= 2 * SHOWN_LINES + 1
    assert max(map(len, lines)) <= SHOWN_WIDTH + 3
    assert len(error.message) <= 2_000
    assert len(error.kind) <= 200


@pytest.mark.parametrize(
    "program",
    [
        "import builtins\nbuiltins.__dict__.clear()\n1 / 0",
        "import builtins\ndel builtins.open, builtins.len, builtins.str\n1 / 0",
        "import sys\nsys.modules.clear()\n1 / 0",
        "import sys\nfor name in list(sys.modules): sys.modules[name] = None\n1 / 0",
        "import sys\nhook = sys.excepthook\nvars(hook).clear()\n1 / 0",
        "import sys\nsys.excepthook = None\n1 / 0",
        "import sys\ndel sys.excepthook\n1 / 0",
        "import sys\nsys.excepthook = lambda *a: 1 / 0\n1 / 0",
        "import sys\nsys.stdout = sys.stderr = None\n1 / 0",
        "import sys\nsys.stdout.close()\nsys.stderr.close()\n1 / 0",
        "import sys\nsys.stderr = 5\n1 / 0",
        "import os\nos.close(1)\nos.close(2)\n1 / 0",
        "import _boot\n_boot._telling = _boot._trim = None\n1 / 0",
        "import sys\nsys.settrace(lambda *a: 1 / 0)\n(lambda: 0)()",
        "import sys\nsys.path.clear()\nsys.meta_path.clear()\n1 / 0",
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        "class E(Exception):\n    __traceback__ = property(lambda self: self)\nraise E",
        "class E(Exception):\n    def with_traceback(self, trace): return 5\nraise E",
        "class E(Exception):\n    __class__ = property(lambda self: 1 / 0)\nraise E",
        "class E(SyntaxError):\n    filename = lineno = text = msg = property(lambda self: 1 / 0)\nraise E",
        "e = SyntaxError('m', ('program.py', -5, 10**30, 'x' * 10**6))\nraise e",
        "e = SyntaxError()\ne.filename, e.lineno, e.msg, e.text = 'program.py', 'x', object(), 5\nraise e",
        "import sys\nsys.exit(type('X', (), {'__str__': lambda self: 1 / 0})())",
        "import posix\nposix.write = None\n1 / 0",
        "import _boot\nvars(_boot).clear()\n1 / 0",
    ],
)
def test_what_a_program_spoils_is_its_own_result_only(guest: Guest, program: str) -> None:
    result = guest.run(order(program))
    # 120 is what Python gives if a stream cannot be flushed at the end.
    assert result.exit_code in {1, 120}
    assert not result.crash
    assert result.limit is None
    assert guest.run(order("print('well')")).stdout == "well\n"


def test_a_traceback_that_would_take_for_ever_ends_with_the_fuel(guest: Guest) -> None:
    program = "e = ValueError()\nfor n in range(20):\n    e = ExceptionGroup('g', [e] * 20)\nraise e"
    result = guest.run(order(program, fuel=10**9))
    assert (result.limit, result.exit_code) == (Limit.FUEL, None)
    assert result.error is not None
    assert (result.error.kind, result.error.line) == ("ExceptionGroup", 4)


def test_a_forged_error_is_bounded_text_and_only_that_runs(guest: Guest) -> None:
    forge = "open('/.error', 'wb').write({data!r})\nimport os\nos._exit(1)"
    forged = guest.run(order(forge.format(data=b"Mine\0<b>bold</b>\x007\x001\0text")))
    assert forged.error == GuestError("Mine", "<b>bold</b>", 7, 1, "text")
    for data in (b"garbage", b"\0" * 50, b"\xff" * 60_000, b"E\0m\0-1\0\0t"):
        assert guest.run(order(forge.format(data=data))).error is None
    assert guest.run(order("open('/.error', 'wb').write(b'E\\0\\0\\0\\0')")).error is None
    assert guest.run(order("1 / 0")).error == GuestError(
        "ZeroDivisionError", "division by zero", 1, 1, "1 / 0"
    )


@pytest.mark.parametrize(
    "program",
    [
        "held = []\nfor _ in range(5000): held.append(open('/program.py'))",
        "import os\nheld = []\nwhile True: held.append(os.open('/.error', os.O_WRONLY))",
    ],
)
def test_an_error_is_told_with_all_descriptors_open(guest: Guest, program: str) -> None:
    result, error = failed(guest, program)
    assert (error.kind, error.line) == ("OSError", len(program.splitlines()))
    assert error.text == program.splitlines()[-1]
    assert error.text.strip() in result.stderr
    assert "No file descriptors available" in error.message


@pytest.mark.parametrize("then", ["", "file = open('/report', 'wb', 0); file.write(b'mine')"])
def test_an_error_is_told_though_the_program_closed_what_was_open(guest: Guest, then: str) -> None:
    result, error = failed(guest, f"import os\nos.closerange(4, 64)\n{then}\n1 / 0")
    assert (error.kind, error.line) == ("ZeroDivisionError", 4)
    assert result.report == (b"mine" if then else b"")


def test_the_last_of_several_errors_is_told_whole(guest: Guest) -> None:
    program = """\
import sys
try:
    raise ValueError("a long one " * 20)
except ValueError as error:
    sys.excepthook(type(error), error, error.__traceback__)
1 / 0
"""
    _, error = failed(guest, program)
    assert error == GuestError("ZeroDivisionError", "division by zero", 6, 1, "1 / 0")


def test_calling_the_hook_without_an_exception_ends_nothing(guest: Guest) -> None:
    result = guest.run(order("import sys\nsys.excepthook(None, None, None)\nprint('on')"))
    assert (result.ok, result.stdout) == (True, "on\n")
    # The interpreter's own line.
    assert result.stderr == "TypeError: print_exception(): Exception expected for value, NoneType found\n"


@pytest.mark.parametrize(
    ("fields", "line", "column", "text"),
    [
        ("0, 1, 'x = 1'", None, 1, "x = 1"),
        ("2, -1, 'x = 1'", 2, None, "x = 1"),
        ("2, 10**30, 'x = 1'", 2, None, "x = 1"),
        ("10**9, 3, 'x = 1'", None, 3, "x = 1"),
        ("2, 3, None", 2, 3, "raise e"),
        ("'q', 3, 5", None, 3, ""),
        ("True, True, 'x = 1'", None, None, "x = 1"),
    ],
)
def test_a_place_that_a_program_made_up_loses_no_error(
    guest: Guest, fields: str, line: int | None, column: int | None, text: str
) -> None:
    program = f"e = SyntaxError('mine'); e.filename = 'program.py'; e.lineno, e.offset, e.text = {fields}\n"
    _, error = failed(guest, program + "raise e\n")
    assert error == GuestError("SyntaxError", "mine", line, column, text)


@pytest.mark.parametrize("encoding", ["idna", "undefined", "rot13", "nothing"])
def test_an_encoding_that_is_none_for_a_text_loses_no_error(guest: Guest, encoding: str) -> None:
    result = guest.run(order(f"# coding: {encoding}\n1 / 0\n"))
    assert result.exit_code == 1
    assert result.error is not None


def test_a_class_of_the_program_is_not_taken_for_a_built_in_one(guest: Guest) -> None:
    result, error = failed(guest, "class MemoryError(Exception): pass\nraise MemoryError('mine')")
    assert (result.limit, error.kind, error.message) == (None, "__main__.MemoryError", "mine")


def test_warnings_of_the_compiler_name_the_program(guest: Guest) -> None:
    result = guest.run(order("x = 1 is 1\nprint(x)\n"))
    assert result.stderr.startswith("program.py:1: SyntaxWarning: \"is\" with 'int' literal.")
    assert result.stdout == "True\n"


def test_the_program_sees_itself_as_a_program(guest: Guest) -> None:
    program = """\
import inspect, sys
class A:
    x = 1
print(__name__, __file__, sys.argv, sys.path[0], __spec__, sys.warnoptions)
print(inspect.getsource(A))
print(sys.modules["__main__"].A is A, open(__file__).readline())
"""
    result = guest.run(order(program, argv=("a", "é", "-x")))
    assert result.stdout == (
        "__main__ program.py ['program.py', 'a', 'é', '-x'] / None []\n"
        "class A:\n    x = 1\n\nTrue import inspect, sys\n\n"
    )


def test_given_files_can_be_read_and_imported(guest: Guest) -> None:
    files = {"helper.py": b"X = 1", "/pack/__init__.py": b"", "pack/part.py": b"Y = 2", "data/n.txt": b"3"}
    assert guest.run(order(FILES, files=files)).stdout == "1 2 3 3\n"


def test_a_given_file_comes_before_the_library(guest: Guest) -> None:
    result = guest.run(order("import json; print(json.X)", files={"json.py": b"X = 'own'"}))
    assert result.stdout == "own\n"


def test_given_files_cannot_spoil_the_telling(guest: Guest) -> None:
    names = (
        "traceback",
        "linecache",
        "_boot",
        "warnings",
        "encodings",
        "_io",
        "posix",
        "sitecustomize",
        "io",
    )
    files = {f"{name}.py": b"1 / 0" for name in names}
    result = guest.run(order("raise ValueError('told')", files=files))
    assert result.error is not None
    assert (result.error.kind, result.error.message) == ("ValueError", "told")
    assert "ValueError: told" in result.stderr


COROUTINES = """\
import asyncio, time

async def wait(n):
    await asyncio.sleep(n)
    return n

async def main():
    print(await asyncio.gather(wait(3), wait(1), wait(2)))
    try:
        await asyncio.wait_for(wait(100), 5)
    except TimeoutError:
        print("too late")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wait(2))

before = time.time()
asyncio.run(main())
print(round(time.time() - before))
asyncio.run(wait(1))
"""


def test_coroutines_run_in_the_guests_own_time(guest: Guest) -> None:
    result = guest.run(order(COROUTINES))
    assert (result.stdout, result.stderr) == ("[3, 1, 2]\ntoo late\n10\n", "")
    assert result.ok


def test_waiting_for_what_never_comes_ends(guest: Guest) -> None:
    program = "import asyncio\nasync def main(): await asyncio.Event().wait()\nasyncio.run(main())"
    result, error = failed(guest, program)
    assert (error.kind, error.line) == ("OSError", 3)
    assert "/wlr/" not in result.stderr
