"""A child process of our own that speaks JSON lines, bounded in time, memory and number.

The parent makes a `Process`; the module that it runs makes a `Child`. Nothing is pickled either way, and no
shell is involved.
"""

from __future__ import annotations

import json
import logging
import math
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from core.places import Place, Places, PlacesError, Ticket

ROOT: Final = Path(__file__).parent.parent
MAX_BYTES: Final = 32 * 2**20
"""How much of what a child said is kept until someone asks for it; the length of one line too."""
GRACE_SECONDS: Final = 2.0
"""How long a child may take to end when it is told to."""

_PLACES: Final = Places()
_LOG: Final = logging.getLogger(__name__)
_PASSED_ON: Final = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT",
    "WINDIR", "COMSPEC", "PATHEXT", "APPDATA", "LOCALAPPDATA", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "CXX", "CC", "CPATH",
    "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "CUDA_VISIBLE_DEVICES",
})  # fmt: skip


class ProcessError(ValueError):
    """A process that could not be started: one line for a visitor."""


class Process:
    """A Python module of ours, running in a process of its own, as soon as there is a place for it.

    It ends when the module does, after `seconds` (if they are given), when it is stopped, when nobody holds
    this object any more, and when this process ends. Its environment is an allow-list: no secret reaches it.

    Args:
        module: the dotted name of the module; it makes a `Child`.
        request: what it should do, as JSON has it; or what gives that, when it starts: one that waits then
            holds no second copy of a large file.
        seconds: the wall-clock time that it may take, and the processor time too; None for one that serves
            as long as this process does. Waiting for a place does not count.
        memory_bytes: how much it may allocate. Only where the system can limit that (Linux).
        niceness: how much lower its priority is.
        environment: variables that it gets besides.
        counted: whether it needs one of the places.
        place: the places of which it needs one, and who asks; by default one of `core.places.AT_ONCE` that
            this process has for whoever does not say.

    Raises:
        ProcessError: if it can neither start nor wait.
    """

    def __init__(
        self,
        module: str,
        request: Mapping[str, Any] | Callable[[], Mapping[str, Any]],
        *,
        seconds: float | None,
        memory_bytes: int = 2 * 2**30,
        niceness: int = 10,
        environment: Mapping[str, str] | None = None,
        counted: bool = True,
        place: Place | None = None,
    ) -> None:
        limits = {"seconds": seconds, "memory_bytes": memory_bytes, "niceness": niceness}

        def begin() -> tuple[subprocess.Popen[bytes], bytes]:
            first = _line({"limits": limits, "request": request() if callable(request) else request})
            popen = subprocess.Popen(  # noqa: S603 - this Python and a module of ours, no shell
                [sys.executable, "-m", module],
                cwd=ROOT,
                env=clean_environment() | dict(environment or {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            return popen, first

        self._running = _Running(begin, seconds, memory_bytes)
        try:
            self._running.ask((place or Place(_PLACES)) if counted else Place(Places(1)))
        except PlacesError as error:
            raise ProcessError(str(error)) from None
        # It holds the parts, not this object, which so can go while the process runs.
        self._finalizer = weakref.finalize(self, _Running.end, self._running)

    def lines(self) -> list[dict[str, Any]]:
        """What it has said since the last call; never waits."""
        return self._running.take()

    def next_lines(self, timeout: float) -> list[dict[str, Any]]:
        """The same, but waits for at most `timeout` seconds until there are some, or it has ended."""
        self._running.heard.wait(timeout)
        return self._running.take()

    def send(self, command: Mapping[str, Any]) -> None:
        """Tells it something, once it runs; nothing happens if it has ended. Never waits."""
        self._running.say(_line(command))

    @property
    def position(self) -> int:
        """Its number in the queue for a place, from 1; 0 once it has one."""
        return self._running.position

    @property
    def finished(self) -> bool:
        """Whether it has ended, and all that it said can be had from `lines`."""
        return self._running.over.is_set()

    @property
    def error(self) -> str:
        """Why it ended without doing what it should, in one line for a visitor; empty if all is well."""
        return self._running.error

    @property
    def dropped(self) -> int:
        """How many lines were thrown away, the oldest first, because nobody asked for them in time."""
        return self._running.dropped

    @property
    def last_words(self) -> str:
        """The last line that it wrote to stderr; the log has all of them."""
        return self._running.last_words

    @property
    def pid(self) -> int:
        """Its number in the system; 0 while it waits for a place."""
        return 0 if self._running.popen is None else self._running.popen.pid

    def wait(self, timeout: float) -> list[dict[str, Any]]:
        """Waits until it has ended, for at most `timeout` seconds, and gives its lines."""
        self.wait_until_over(timeout)
        return self.lines()

    def wait_until_over(self, timeout: float) -> None:
        """Waits until it has ended, for at most `timeout` seconds; its lines stay to be asked for."""
        self._running.over.wait(timeout)

    def stop(self) -> None:
        """Ends it: at first asking it to, then by force. It may have ended already."""
        self._running.end(GRACE_SECONDS)

    def kill(self) -> None:
        """Ends it by force, and does not wait until it has ended, which it may have already."""
        self._running.end()


class _Running:
    """A process and what became of it. Its threads hold this, and this holds no `Process`."""

    def __init__(
        self,
        begin: Callable[[], tuple[subprocess.Popen[bytes], bytes]],
        seconds: float | None,
        memory_bytes: int,
    ) -> None:
        self.popen: subprocess.Popen[bytes] | None = None
        self.over = threading.Event()
        self.heard = threading.Event()
        self.error = ""
        self.last_words = ""
        self.dropped = 0
        self._begin: Callable[[], tuple[subprocess.Popen[bytes], bytes]] | None = begin
        self._ticket: Ticket | None = None
        self._unwanted = False
        self._memory_bytes = memory_bytes
        self._seconds = math.inf if seconds is None else seconds
        self._kept: deque[bytes] = deque()
        self._size = 0
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._orders: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    @property
    def position(self) -> int:
        return 0 if self._ticket is None else self._ticket.position

    def ask(self, place: Place) -> None:
        """Starts it if there is a place; else it starts when there is one."""
        self._ticket = place.places.ask(place.visitor, self._start_late)
        if not self._ticket.waited:
            self._start()

    def say(self, line: bytes) -> None:
        if not self.over.is_set():
            self._orders.put(line)

    def take(self) -> list[dict[str, Any]]:
        with self._lock:
            kept = list(self._kept)
            self._kept.clear()
            self._size = 0
            if not self.over.is_set():
                self.heard.clear()
        return [message for line in kept if (message := _message(line)) is not None]

    def end(self, grace_seconds: float = 0.0) -> None:
        """Ends the process; the reason is that someone wanted it unless there was one before."""
        if self.over.is_set():
            return
        self._reason = self._reason or ""
        # Said before it is looked whether it runs: what is just being started looks here when it does.
        self._unwanted = True
        if self.popen is None:
            self._give_up()
            return
        if grace_seconds:
            self._signal("SIGTERM")
            self.over.wait(grace_seconds)
        if not self.over.is_set():
            self._signal("SIGKILL")
            self.over.wait(GRACE_SECONDS if grace_seconds else 0)

    def _start_late(self, ticket: Ticket) -> None:
        """What the places call when it has one at last."""
        self._ticket = ticket
        try:
            self._start()
        except Exception:  # noqa: BLE001 - whoever gave the place back is another one's thread
            _LOG.exception("a process could not be started")
            self.error = "It could not be started; the log has why."
            self._give_up()

    def _start(self) -> None:
        begin, self._begin = self._begin, None
        popen = None
        try:
            if self._is_unwanted() or begin is None:
                self._give_up()
                return
            popen, first = begin()
            self.popen = popen
            timer = threading.Timer(min(self._seconds, threading.TIMEOUT_MAX), self._time_is_up)
            timer.daemon = True
            about = f"of {popen.pid}"
            errors = threading.Thread(
                target=self._read_errors, args=(popen,), daemon=True, name=f"stderr {about}"
            )
            threads = [
                timer,
                errors,
                threading.Thread(target=self._write, args=(popen, first), daemon=True, name=f"stdin {about}"),
                threading.Thread(
                    target=self._read, args=(popen, timer, errors), daemon=True, name=f"stdout {about}"
                ),
            ]
            for thread in threads:
                thread.start()
        except BaseException:
            # Without its threads nobody would end it or give the place back.
            if popen is not None:
                with popen:
                    popen.kill()
            self._leave()
            raise
        if self._is_unwanted():
            self._signal("SIGKILL")

    def _is_unwanted(self) -> bool:
        return self._unwanted

    def _give_up(self) -> None:
        """It never ran and will not."""
        self._begin = None
        self._leave()
        with self._lock:
            self.over.set()
            self.heard.set()

    def _leave(self) -> None:
        if self._ticket is not None:
            self._ticket.leave()

    def _time_is_up(self) -> None:
        self._reason = self._reason or f"It took longer than {self._seconds:g} s and was ended."
        self.end()

    def _signal(self, name: str) -> None:
        assert self.popen is not None
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                # Its compilers too: it leads a group of its own.
                os.killpg(self.popen.pid, getattr(signal, name))
            elif name == "SIGTERM":
                self.popen.terminate()
            else:
                self.popen.kill()

    def _write(self, popen: subprocess.Popen[bytes], first: bytes) -> None:
        assert popen.stdin is not None
        line: bytes | None = first
        with suppress(BrokenPipeError, OSError), popen.stdin as stdin:
            while line is not None:
                stdin.write(line)
                stdin.flush()
                line = self._orders.get()

    def _read(self, popen: subprocess.Popen[bytes], timer: threading.Timer, errors: threading.Thread) -> None:
        assert popen.stdout is not None
        try:
            with popen.stdout as stdout:
                for line in _lines(stdout):
                    self._keep(line)
            code = popen.wait()
            self._signal("SIGKILL")  # what it may have left behind
            errors.join(GRACE_SECONDS)
            self.error = self.error or self._explain(code)
        finally:
            timer.cancel()
            self._orders.put(None)
            self._leave()
            with self._lock:
                self.over.set()
                self.heard.set()

    def _keep(self, line: bytes | None) -> None:
        if line is not None and line.startswith(_ERROR):
            self.error = str((_message(line) or {}).get("error", ""))
        with self._lock:
            if line is None:
                self.dropped += 1
                return
            self._kept.append(line)
            self._size += len(line)
            while self._size > MAX_BYTES:
                self._size -= len(self._kept.popleft())
                self.dropped += 1
            self.heard.set()

    def _read_errors(self, popen: subprocess.Popen[bytes]) -> None:
        assert popen.stderr is not None
        with popen.stderr as stderr:
            for line in _lines(stderr):
                text = "" if line is None else line.decode(errors="replace").rstrip()
                if text:
                    self.last_words = text[:500]
                    _LOG.warning("process %d: %s", popen.pid, text[:2_000])

    def _explain(self, code: int) -> str:
        if self._reason is not None:
            return self._reason
        if code == 0:
            return ""
        if "MemoryError" in self.last_words or "can't allocate memory" in self.last_words:
            return memory_error(self._memory_bytes)
        if code == -getattr(signal, "SIGXCPU", 0):
            return f"It took more than {self._seconds:g} s of processor time and was ended."
        if code == -getattr(signal, "SIGKILL", 0):
            return "It was killed from outside, most likely because this machine ran out of memory."
        with suppress(ValueError):
            return f"It crashed ({signal.Signals(-code).name}); the log has what it said."
        return f"It ended unexpectedly, with code {code}; the log has why."


class Child:
    """The other end: reads the request, takes commands, and emits messages.

    Made once, first thing in the module that a `Process` runs. It lowers the priority, sets the limits, moves
    whatever else is printed to stderr, and ends this process when the parent's end of stdin closes.

    Attributes:
        request: what the parent wants.

    Raises:
        ValueError: if what comes is no request.
    """

    def __init__(self) -> None:
        self._commands: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        # Libraries and compilers print: only messages may reach the parent.
        self._out = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True, name="stdin").start()
        first = self._commands.get()
        limits = first.get("limits")
        if not isinstance(limits, dict) or not isinstance(first.get("request"), dict):
            raise ValueError("The first line is no request.")
        self.memory_bytes = int(limits["memory_bytes"])
        self.request: dict[str, Any] = first["request"]
        _limit(limits["seconds"], self.memory_bytes, int(limits["niceness"]))

    def emit(self, message: Mapping[str, Any]) -> None:
        """Sends one message to the parent."""
        rest = memoryview(_line(message))
        with self._lock:
            while rest:
                rest = rest[self._out.write(rest) or 0 :]

    def fail(self, error: str) -> None:
        """Sends an error: one line for a visitor."""
        self.emit({"error": " ".join(error.split())[:500]})

    def command(self, timeout: float = 0.0) -> dict[str, Any] | None:
        """The next command, or None if there is none within `timeout` seconds."""
        with suppress(queue.Empty):
            return self._commands.get(timeout=timeout) if timeout else self._commands.get_nowait()
        return None

    def _listen(self) -> None:
        # Unbuffered: a buffer that a thread waits in cannot be closed when the interpreter ends.
        # And nothing of a command stays in this frame, where it would be kept until the next one comes.
        parts: list[bytes] = []
        while self._hear(os.read(0, 2**16), parts):
            pass
        os._exit(0)  # The parent is gone, and nobody would read what comes.

    def _hear(self, part: bytes, parts: list[bytes]) -> bool:
        """Passes on the commands that end in what was read; whether there was anything."""
        *ends, rest = part.split(b"\n")
        for end in ends:
            if (message := _message(b"".join([*parts, end]))) is not None:
                self._commands.put(message)
            parts.clear()
        parts.append(rest)
        return bool(part)


def clean_environment() -> dict[str, str]:
    """The variables that a child gets: what programs need to start, and nothing that could be a secret."""
    return {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("LC_")}


def memory_error(memory_bytes: int) -> str:
    """What a visitor is told about a process that needed more than it may have."""
    return f"It needed more than {memory_bytes / 2**30:.3g} GiB of memory: choose a smaller model or batch."


@contextmanager
def alone(queued: Callable[[], None], patience: float = math.inf) -> Iterator[None]:
    """One measurement at a time per machine and user: waits until no other process is in this block.

    Where the system has no file locks, it does not wait.

    Args:
        queued: called once, if it has to wait.
        patience: for how many seconds it waits at most.

    Raises:
        ProcessError: if it has waited that long.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    path = Path(tempfile.gettempdir()) / f"under-the-hood-{os.getuid()}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        waited = False
        start = time.monotonic()
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    waited = True
                    queued()
                if time.monotonic() - start > patience:
                    raise ProcessError(
                        f"Busy: another measurement has been going on for {patience:g} s. Try again later."
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


_ERROR: Final = b'{"error": '


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _message(line: bytes) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        message = json.loads(line)
        if isinstance(message, dict):
            return message
    _LOG.warning("not a message: %r", line[:200])
    return None


def _lines(stream: IO[bytes]) -> Iterator[bytes | None]:
    """The lines of a stream; None for one that is too long to keep."""
    while line := stream.readline(MAX_BYTES):
        if line.endswith(b"\n") or len(line) < MAX_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_BYTES)
        yield None


def _limit(seconds: float | None, memory_bytes: int, niceness: int) -> None:
    """Lowers this process's priority and bounds its memory and processor time, where the system can."""
    if hasattr(os, "nice"):
        os.nice(niceness)
    try:
        import resource
    except ImportError:
        return
    wanted = {resource.RLIMIT_CORE: 0}
    if seconds is not None:
        wanted[resource.RLIMIT_CPU] = int(seconds) + 1
    if sys.platform == "linux":
        # What it allocates. RLIMIT_AS would count what torch only reserves, and elsewhere RLIMIT_DATA does
        # not cover what large tensors are made of.
        wanted[resource.RLIMIT_DATA] = memory_bytes
    for limit, value in wanted.items():
        _, hard = resource.getrlimit(limit)
        soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (soft, hard))
