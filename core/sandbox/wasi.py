"""Everything that a program in the sandbox can ask its host for: WASI's calls, written here, in Python.

No implementation of WASI that reaches the system is linked in. So the guest's whole authority is what these
methods do: they know a memory, a tree of files in memory, and nothing of the host but `os.urandom`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from core.sandbox.abi import (
    EVENT,
    SUBSCRIPTION,
    SUBSCRIPTION_CLOCK_ABSTIME,
    U32,
    U64,
    ClockId,
    Errno,
    Eventtype,
)
from core.sandbox.memory import MemoryFault
from core.sandbox.process import Broken, Exited, GuestProcess, Stop, Stream
from core.sandbox.wasi_fd import DescriptorCalls
from core.sandbox.wasi_files import FileError
from core.sandbox.wasi_path import PathCalls

_LOG: Final = logging.getLogger(__name__)

NAMESPACE: Final = "wasi_snapshot_preview1"
"""The module that a program imports them from."""
CHARGED_CALLS: Final = 16
"""So many calls are charged at once: to charge is dearer than most of them."""
_NOTHING: Final = U32.pack(0)
MAX_SUBSCRIPTIONS: Final = 64
"""What one call can wait for."""


class SystemCalls:
    """The calls that are about neither descriptors nor paths."""

    def __init__(self, process: GuestProcess) -> None:
        self._process = process

    def args_sizes_get(self, count: int, size: int) -> Errno:
        """How many arguments there are, and their bytes."""
        return self._sizes(self._process.argv, count, size)

    def args_get(self, argv: int, buf: int) -> Errno:
        """The arguments."""
        return self._strings(self._process.argv, argv, buf)

    def environ_sizes_get(self, count: int, size: int) -> Errno:
        """There is no environment."""
        # The interpreter's file system asks for it at nearly every call.
        self._process.memory.write(count, _NOTHING)
        self._process.memory.write(size, _NOTHING)
        return Errno.SUCCESS

    def environ_get(self, environ: int, buf: int) -> Errno:
        """There is no environment."""
        del environ, buf
        return Errno.SUCCESS

    def clock_res_get(self, clock: int, resolution: int) -> Errno:
        """A nanosecond."""
        if clock not in set(ClockId):
            return Errno.INVAL
        self._process.memory.write(resolution, U64.pack(1))
        return Errno.SUCCESS

    def clock_time_get(self, clock: int, precision: int, time: int) -> Errno:
        """The guest's own time."""
        del precision
        now = self._now(clock)
        if now is None:
            return Errno.INVAL
        self._process.memory.write(time, U64.pack(now))
        return Errno.SUCCESS

    def random_get(self, buf: int, buf_len: int) -> Errno:
        """Random bytes, as long as there are some left."""
        self._process.memory.check(buf, buf_len)
        self._process.memory.write(buf, self._process.chance.take(buf_len))
        return Errno.SUCCESS

    def sched_yield(self) -> Errno:
        """There is nobody to yield to."""
        return Errno.SUCCESS

    def proc_exit(self, code: int) -> Errno:
        """Ends the run."""
        raise Exited(code & 0xFF)

    def poll_oneoff(self, subscriptions: int, events: int, count: int, nevents: int) -> Errno:
        """Never waits: what is open is always ready, and else the clock goes on to the earliest time."""
        if not 1 <= count <= MAX_SUBSCRIPTIONS:
            return Errno.INVAL
        memory = self._process.memory
        raw = memory.read(subscriptions, count * SUBSCRIPTION.size)
        memory.check(events, count * EVENT.size)
        memory.check(nevents, U32.size)
        happened: list[bytes] = []
        waits: list[tuple[int, int]] = []
        for mark, kind, subject, timeout, _, flags in SUBSCRIPTION.iter_unpack(raw):
            if kind == Eventtype.CLOCK:
                now = self._now(subject)
                if now is None:
                    happened.append(EVENT.pack(mark, Errno.INVAL, kind, 0, 0))
                else:
                    waits.append((timeout - (now if flags & SUBSCRIPTION_CLOCK_ABSTIME else 0), mark))
            elif kind in {Eventtype.FD_READ, Eventtype.FD_WRITE}:
                happened.append(EVENT.pack(mark, self._ready(subject), kind, 0, 0))
            else:
                return Errno.INVAL
        if not happened:
            earliest = min(wait for wait, _ in waits)
            self._process.clock.sleep(earliest)
            happened = [
                EVENT.pack(mark, Errno.SUCCESS, Eventtype.CLOCK, 0, 0)
                for wait, mark in waits
                if wait <= max(earliest, 0)
            ]
        memory.write(events, b"".join(happened))
        memory.write(nevents, U32.pack(len(happened)))
        return Errno.SUCCESS

    def sock_accept(self, fd: int, flags: int, accepted: int) -> Errno:
        """There are no sockets."""
        del flags, accepted
        return self._no_socket(fd)

    def sock_recv(
        self, fd: int, data: int, data_len: int, flags: int, received: int, out_flags: int
    ) -> Errno:
        """There are no sockets."""
        del data, data_len, flags, received, out_flags
        return self._no_socket(fd)

    def sock_send(self, fd: int, data: int, data_len: int, flags: int, sent: int) -> Errno:
        """There are no sockets."""
        del data, data_len, flags, sent
        return self._no_socket(fd)

    def sock_shutdown(self, fd: int, how: int) -> Errno:
        """There are no sockets."""
        del how
        return self._no_socket(fd)

    def _no_socket(self, fd: int) -> Errno:
        self._process.descriptors[fd]
        return Errno.NOTSOCK

    def _ready(self, fd: int) -> Errno:
        try:
            node = self._process.descriptors[fd].node
        except FileError as error:
            return error.errno
        return Errno.SUCCESS if isinstance(node, Stream) else Errno.NOTSUP

    def _now(self, clock: int) -> int | None:
        match clock:
            case ClockId.REALTIME:
                return self._process.clock.realtime()
            case ClockId.MONOTONIC:
                return self._process.clock.monotonic()
            case ClockId.PROCESS_CPUTIME | ClockId.THREAD_CPUTIME:
                return self._process.clock.processor()
        return None

    def _sizes(self, strings: tuple[bytes, ...], count: int, size: int) -> Errno:
        self._process.memory.write(count, U32.pack(len(strings)))
        self._process.memory.write(size, U32.pack(sum(len(text) + 1 for text in strings)))
        return Errno.SUCCESS

    def _strings(self, strings: tuple[bytes, ...], pointers: int, buf: int) -> Errno:
        memory = self._process.memory
        memory.check(pointers, len(strings) * U32.size)
        for index, text in enumerate(strings):
            memory.write(buf, text + b"\0")
            memory.write(pointers + index * U32.size, U32.pack(buf))
            buf += len(text) + 1
        return Errno.SUCCESS


class Wasi:
    """All calls of one run, by name.

    Args:
        process: its state.
        charge: is called for every `CHARGED_CALLS` calls, to take what they cost.
    """

    def __init__(self, process: GuestProcess, charge: Callable[[], None] = lambda: None) -> None:
        self._charge = charge
        self._calls_made = 0
        self._calls: dict[str, Callable[..., Errno]] = {
            name: getattr(part, name)
            for part in (SystemCalls(process), DescriptorCalls(process), PathCalls(process))
            for name in vars(type(part))
            if not name.startswith("_")
        }

    def names(self) -> frozenset[str]:
        """The calls that there are."""
        return frozenset(self._calls)

    def call(self, name: str, *arguments: int) -> int:
        """Makes a call.

        Args:
            name: its name in the specification.
            arguments: as it has them, unsigned.

        Returns:
            What the guest gets: an `Errno`. NOSYS for a call that is none.

        Raises:
            Stop: if the run ends here.
        """
        function = self._calls.get(name)
        if function is None:
            return Errno.NOSYS
        self._calls_made += 1
        if self._calls_made % CHARGED_CALLS == 0:
            self._charge()
        try:
            return function(*arguments)
        except MemoryFault:
            return Errno.FAULT
        except FileError as error:
            return error.errno
        except Stop:
            raise
        except Exception:  # noqa: BLE001 - whatever it is
            # A mistake of ours must not pass through the guest as a Python error.
            _LOG.exception("the call %s%r failed", name, arguments)
            raise Broken("The sandbox itself failed; the log has why.") from None
