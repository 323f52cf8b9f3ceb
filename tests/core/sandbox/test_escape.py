"""Attacks: each program says what it got, and what it gets is nothing of the host's.

What must appear in no output is planted: in the environment, in a file beside the app's, and in this process.
"""

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.process import ROOT
from core.sandbox.guest import Guest
from core.sandbox.result import Limit, SandboxResult
from tests.core.sandbox.doubles import order

CANARY = "canary-" + "4f1c9a7be2"
KINDS = (
    "AttributeError ModuleNotFoundError OSError RuntimeError ImportError NotImplementedError PermissionError"
)


@pytest.fixture(autouse=True)
def _planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UTH_CANARY", CANARY)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text(CANARY, encoding="utf-8")
    return path


def attacked(guest: Guest, program: str, **limits: int) -> SandboxResult:
    """Runs an attack. It came to nothing: the host is as it was, and the next program runs."""
    before = set(threading.enumerate()), os.getpid(), sorted(os.environ), sorted(ROOT.iterdir())
    result = guest.run(order(program, **limits))  # type: ignore[arg-type]
    said = result.stdout + result.stderr + repr(result.error) + result.crash + repr(result.report)
    assert CANARY not in said
    assert str(ROOT) not in said
    assert before == (set(threading.enumerate()), os.getpid(), sorted(os.environ), sorted(ROOT.iterdir()))
    assert guest.run(order("print('alive')")).stdout == "alive\n"
    return result


IMPOSSIBLE = {
    "a shell": "import os; os.system('id')",
    "a pipe to a shell": "import os; os.popen('id')",
    "subprocess": "import subprocess; subprocess.run(['id'])",
    "subprocess through a shell": "import subprocess; subprocess.check_output('id', shell=True)",
    "the inside of subprocess": "import _posixsubprocess; _posixsubprocess.fork_exec()",
    "exec": "import os; os.execv('/bin/sh', ['sh'])",
    "spawn": "import os; os.spawnv(0, '/bin/sh', ['sh'])",
    "posix_spawn": "import os; os.posix_spawn('/bin/sh', ['sh'], {})",
    "fork": "import os\nwhile True: os.fork()",
    "multiprocessing": "import multiprocessing; multiprocessing.Process(target=print).start()",
    "a thread": "import threading; threading.Thread(target=print).start()",
    "the inside of threads": "import _thread; _thread.start_new_thread(print, ())",
    "an executor": "from concurrent.futures import ThreadPoolExecutor; ThreadPoolExecutor().submit(print)",
    "a socket": "import socket; socket.socket()",
    "a socket from a stream": "import socket; socket.socket(fileno=1)",
    "a connection": "import socket; socket.create_connection(('127.0.0.1', 80))",
    "a name": "import socket; socket.getaddrinfo('localhost', 80)",
    "a page": "import urllib.request; urllib.request.urlopen('http://127.0.0.1/')",
    "ctypes": "import ctypes; ctypes.CDLL(None)",
    "the inside of ctypes": "import _ctypes",
    "mmap": "import mmap; mmap.mmap(-1, 100)",
    "kill": "import os; os.kill(1, 9)",
    "an alarm": "import signal; signal.alarm(1)",
    "a signal by number": "import signal; signal.pthread_kill(1, 9)",
    "a device": "open('/dev/mem', 'rb')",
    "the kernel's files": "open('/proc/self/environ').read()",
    "a list of processes": "import os; os.listdir('/proc')",
    "devices": "import os; os.listdir('/dev')",
    "passwords": "open('/etc/passwd').read()",
    "passwords, from below": "open('../../../../../etc/passwd').read()",
    "passwords, through the library": "open('/lib/../etc/passwd').read()",
    "passwords, through the other library": "open('/usr/local/../../etc/passwd').read()",
    "passwords, with a NUL": "import os; os.open(b'/program.py/../etc/passwd', 0)",
    "the users": "import pwd; pwd.getpwuid(0)",
    "a link": "import os; os.symlink('/etc/passwd', '/x')",
    "a hard link": "import os; os.link('/program.py', '/x')",
    "a new file": "open('/new.txt', 'w')",
    "a new folder": "import os; os.mkdir('/new')",
    "the program itself": "open('/program.py', 'r+')",
    "the library": "open('/lib/python3.12/os.pyc', 'r+b')",
    "a temporary file": "import tempfile; tempfile.TemporaryFile()",
    "removing": "import os; os.remove('/program.py')",
    "moving": "import os; os.rename('/program.py', '/x')",
    "reading what is only written": "open('/report').read()",
    "reading what the bootstrap tells": "open('/.error').read()",
    "another root": "import os; os.chroot('/lib')",
    "another user": "import os; os.setuid(0)",
    "a pipe": "import os; os.pipe()",
    "a terminal": "import pty; pty.spawn('/bin/sh')",
    "limits": "import resource; resource.setrlimit(0, (0, 0))",
    "a database on the disk": "import sqlite3; sqlite3.connect('/data.db').execute('create table t (x)')",
    "an extension": "import sqlite3; sqlite3.connect(':memory:').load_extension('/program.py')",
    "native modules": "from importlib.machinery import *; ExtensionFileLoader('x', '/x').create_module(None)",
}  # fmt: skip


@pytest.mark.parametrize("program", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_needs_a_system_does_not_exist(guest: Guest, program: str) -> None:
    result = attacked(guest, program)
    assert (result.exit_code, result.limit, result.crash) == (1, None, "")
    assert result.error is not None
    kinds = {*KINDS.split(), "FileNotFoundError", "sqlite3.OperationalError", "urllib.error.URLError"}
    assert result.error.kind in kinds | {"NotADirectoryError", "socket.gaierror"}
    assert result.stdout == ""


def test_there_is_no_environment_and_no_host_to_be_seen(guest: Guest) -> None:
    program = """\
import json, os, platform, sys, time
print(json.dumps({
    "environ": dict(os.environ), "cwd": os.getcwd(), "root": os.listdir("/"), "argv": sys.argv,
    "executable": sys.executable, "platform": sys.platform, "node": platform.node(),
    "year": time.gmtime().tm_year, "pid": os.getpid(),
    "streams": [stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)],
    "stdin": sys.stdin.read(), "zone": list(time.tzname), "cores": os.cpu_count(),
}))
"""
    seen = json.loads(attacked(guest, program).stdout)
    assert seen["environ"] == {}
    assert seen["cwd"] == "/"
    assert seen["root"] == ["program.py", "report"]
    assert seen["argv"] == ["program.py"]
    assert seen["platform"] == "wasi"
    assert seen["year"] == 2026
    assert seen["streams"] == [False, False, False]
    assert seen["stdin"] == ""
    assert seen["zone"] == ["UTC", "UTC"]
    assert seen["pid"] != os.getpid()
    assert socket.gethostname() not in json.dumps(seen)
    assert seen["cores"] in {None, 1}


def test_the_hosts_files_are_not_there_under_any_name(guest: Guest, secret: Path) -> None:
    names = [secret, ROOT / "app.py", ROOT / ".env.example", Path("/etc/passwd"), Path("/proc/self/environ")]
    program = f"""\
import os
paths = {[str(name) for name in names]!r}
tried = found = 0
for path in paths:
    for before in ("", "/", ".", "..", "../..", "/lib/..", "/usr", "/usr/local/lib/../../.."):
        name = before + path
        for way in (open, os.stat, os.listdir, os.readlink, lambda p: os.open(p, os.O_RDWR)):
            tried += 1
            try:
                way(name)
                found += 1
                print(name, way)
            except OSError:
                pass
print(tried, found)
"""
    assert attacked(guest, program).stdout == "200 0\n"


def test_everything_that_can_be_walked_was_given(guest: Guest) -> None:
    program = """\
import os
for folder, folders, files in os.walk("/"):
    for name in files:
        print(os.path.join(folder, name))
print(sorted(os.listdir("/usr")), sorted(os.listdir("/usr/local/lib")))
"""
    result = guest.run(order(program, files={"data/a.txt": b"A"}))
    assert result.stdout.split("\n")[:-2] == ["/program.py", "/report", "/data/a.txt"]
    assert result.stdout.split("\n")[-2] == "['local'] ['python3.12', 'python312.zip']"


def test_no_number_is_a_descriptor_of_the_hosts(guest: Guest, secret: Path) -> None:
    program = """\
import json, os
ways = {
    "read": lambda n: os.read(n, 100), "write": lambda n: os.write(n, b"x"), "stat": os.fstat,
    "cut": lambda n: os.ftruncate(n, 0), "below": lambda n: os.open("x", 0, dir_fd=n),
    "file": lambda n: open(n).read(), "close": os.close,
}
got = set()
for number in [*range(3, 4097), -1, -100, 2**31 - 1, -(2**31)]:
    for name, way in ways.items():
        try:
            way(number)
            got.add((number, name))
        except (OSError, ValueError):
            pass
print(json.dumps(sorted(got)))
"""
    with secret.open("rb") as file:
        assert file.fileno() < 4096
        result = attacked(guest, program, fuel=50 * 10**9)
        assert file.read().decode() == CANARY
    assert (result.limit, result.crash) == (None, "")
    got: dict[int, set[str]] = {}
    for number, way in json.loads(result.stdout):
        got.setdefault(number, set()).add(way)
    # What is open are the guest's own roots, its files' and its library's,
    assert got.pop(3) == got.pop(4) == {"close", "stat"}
    # and, twice, what the bootstrap tells, which every program can write. Nothing can be read from any.
    assert list(got.values()) == [{"cut", "stat", "write"}] * 2


@pytest.mark.parametrize(
    ("program", "limit"),
    [
        ("while True: pass", Limit.FUEL),
        ("9**9**9", Limit.FUEL),
        ("int('9' * 4000) ** 10**6", Limit.FUEL),
        ("import re; re.match('(a+)+$', 'a' * 40 + 'b')", Limit.FUEL),
        ("import sys; sys.set_int_max_str_digits(0); int('9' * 10**7)", Limit.FUEL),
        ("x = []\nwhile True: x.append(bytes(10**6))", Limit.MEMORY),
        ("x = [0] * (10 * 2**30 // 4 // 4)", Limit.MEMORY),
        ("x = ' ' * (2**31 - 100)", Limit.MEMORY),
        ("import time\nwhile True: time.sleep(1000)", Limit.FUEL),
        ("import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()", Limit.FUEL),
        ("def f():\n    try: f()\n    finally: f()\nf()", Limit.FUEL),
        ("while True: print('x' * 1000)", Limit.OUTPUT),
        ("import sys\nwhile True: sys.stderr.write('x' * 1000)", Limit.OUTPUT),
        ("print('x' * 10**7)", Limit.OUTPUT),
        ("import os\nwhile True: os.write(1, b'x' * 10**6)", Limit.OUTPUT),
        ("import os\nos.writev(1, [b'x' * 10**5] * 1000)", Limit.OUTPUT),
        (
            "import atexit\nimport sys\natexit.register(lambda: exec('while True: pass'))\nsys.exit(0)",
            Limit.FUEL,
        ),
        ("class A:\n    def __del__(self):\n        while True: pass\na = A()", Limit.FUEL),
        ("import sys\ndef hook(*a):\n    while True: pass\nsys.excepthook = hook\n1 / 0", Limit.FUEL),
        ("class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E", Limit.FUEL),
        ("import sys\nsys.addaudithook(lambda *a: print('x' * 10**6))\nopen('/report', 'w')", Limit.OUTPUT),
        ("try:\n    while True: pass\nexcept BaseException:\n    print('caught')", Limit.FUEL),
        ("while True:\n    try: print('x' * 1000)\n    except BaseException: pass", Limit.OUTPUT),
    ],
)
def test_what_would_never_end_does(guest: Guest, program: str, limit: Limit) -> None:
    result = attacked(guest, program, fuel=2 * 10**9, memory_bytes=64 * 2**20, output_bytes=50_000)
    assert (result.limit, result.exit_code, result.crash) == (limit, None, "")
    assert len(result.stdout) + len(result.stderr) <= 50_000
    assert "caught" not in result.stdout


UNBOUNDED = "import sys\nsys.setrecursionlimit(10**9)\n"
CRAFTED = "f = lambda: 0\nf.__code__ = f.__code__.replace(co_code=bytes({code}))\nf()"
TRIED = "import os, marshal\nfor n in range(3000):\n    try: {attack}\n    except Exception: pass"


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.abort()",
        "import faulthandler; faulthandler._sigsegv()",
        "import faulthandler; faulthandler._read_null()\nimport os; os.abort()",
        UNBOUNDED + "class A:\n    def __repr__(self): return repr(self)\nrepr(A())",
        UNBOUNDED + "class A:\n    def __getattr__(self, name): return getattr(self, name)\nA().x",
        UNBOUNDED + "class A:\n    __eq__ = lambda a, b: a == b\nA() == A()",
        CRAFTED.format(code=[100, 255, 144, 255, 100, 255, 83, 0] * 8),
        CRAFTED.format(code=[151, 0, *[1, 0] * 50, 83, 0]),
        CRAFTED.format(code=[151, 0, *[124, 250] * 50, 83, 0]),
        CRAFTED.format(code=[255] * 40),
        CRAFTED.format(code=[]),
        "import marshal\nexec(marshal.loads(b'\\xe3' + bytes(200)))",
        "import marshal\nmarshal.loads(b'(\\xff\\xff\\xff\\x7f' + b'i' * 100)",
        TRIED.format(attack="exec(marshal.loads(os.urandom(100)))"),
        TRIED.format(attack="exec((lambda: 0).__code__.replace(co_code=os.urandom(40)))"),
        TRIED.format(attack="exec((lambda: 0).__code__.replace(co_code=bytes([151, 0]) + os.urandom(6)))"),
        "import _testcapi",
        "import gc\nfor o in gc.get_objects():\n    try: vars(o).clear()\n    except Exception: pass\n1 / 0",
    ],
)
def test_what_breaks_the_interpreter_breaks_nothing_else(guest: Guest, program: str) -> None:
    result = attacked(guest, program, fuel=2 * 10**9)
    assert "\n" not in result.crash
    assert len(result.crash) < 200
    if result.crash:
        assert (result.exit_code, result.limit, result.ok) == (None, None, False)


def test_bytecode_instead_of_text_stays_inside(guest: Guest) -> None:
    pyc = guest.run(order(
        "import marshal, _frozen_importlib_external as e\n"
        "code = compile('import os; print(os.listdir(\"/\"))', 'program.py', 'exec')\n"
        "open('/report', 'wb').write(e.MAGIC_NUMBER + bytes(12) + marshal.dumps(code))"
    )).report  # fmt: skip
    assert pyc
    for program in (pyc, pyc[:20], pyc[:-30], pyc[:16] + os.urandom(200)):
        result = guest.run(order(program, fuel=2 * 10**9))
        assert result.stdout in {"", "['program.py', 'report']\n"}
        assert "\n" not in result.crash


def test_what_is_printed_is_text_and_nothing_else(guest: Guest) -> None:
    markup = "<script>alert(1)</script> **bold** [x](javascript:1) \x1b[31m \u202e"
    assert guest.run(order(f"print({markup!r})")).stdout == markup + "\n"


def test_a_program_cannot_tell_one_host_from_another(guest: Guest) -> None:
    program = "import time, os\nprint(int(time.time()), os.stat('/program.py').st_mtime, os.getpid())"
    first = guest.run(order(program))
    assert first.ok
    assert guest.run(order(program)).stdout == first.stdout


@pytest.fixture(scope="module", autouse=True)
def _nothing_was_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = sorted(Path.cwd().iterdir())
    yield
    assert sorted(Path.cwd().iterdir()) == before
