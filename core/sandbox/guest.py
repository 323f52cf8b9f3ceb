"""One run of a visitor's program in this process: CPython for WebAssembly, and nothing else.

Only worker processes call it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.sandbox.boot import arguments, told, unpack_arguments
from core.sandbox.library import unpacked
from core.sandbox.linking import link
from core.sandbox.memory import GuestMemory
from core.sandbox.process import Broken, Clock, Exited, GuestProcess, Output, OutputFull
from core.sandbox.result import GuestError, Limit, SandboxError, SandboxResult
from core.sandbox.wasi import CHARGED_CALLS, Wasi
from core.sandbox.wasi_files import FileTree, Folder

if TYPE_CHECKING:
    import wasmtime

STACK_BYTES: Final = 2 * 2**20
"""The machine stack that compiled code may use: a quarter of what a thread usually has."""
PAGE_BYTES: Final = 65_536
"""The unit that WebAssembly counts memory in."""
TABLE_ELEMENTS: Final = 2**16
"""Functions that can be called by number; the interpreter has a sixth of that and makes none."""
CALL_FUEL: Final = 50_000
"""What a call of the host costs: about the instructions that could run meanwhile. Without it, a program that
only calls, such as one that sleeps for ever, would be stopped by nothing but the time limit."""
NEARLY_ALL: Final = 2 * 2**20
"""With less than that left, the interpreter cannot get the memory that it takes at once."""

FAILED: Final = (None, 1, 120, 130)
"""What a run that an exception ended may end with: stopped on the way, or the codes that Python gives then;
120 if a stream could not be flushed, 130 for KeyboardInterrupt."""
NO_MEMORY: Final = "[Errno 48] Out of memory"
"""What the guest's library says where Python's own MemoryError does not come first."""

_LOG: Final = logging.getLogger(__name__)
_UNPACK_FUEL: Final = 10**10
_UNPACK_BYTES: Final = 256 * 2**20
_UNPACK_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Order:
    """What to run, and its limits.

    Attributes:
        code: the program's text, as bytes of a file.
        fuel: WebAssembly instructions, and 50,000 for each call of the host. To start and end the interpreter
            takes about 125 million.
        memory_bytes: the guest's whole memory.
        wall_seconds: how long it may take.
        output_bytes: what it may print, on both streams together.
        files: what it can read, by name.
        argv: `sys.argv` behind the program's name.
    """

    code: bytes
    fuel: int
    memory_bytes: int
    wall_seconds: float
    output_bytes: int
    files: Mapping[str, bytes]
    argv: tuple[str, ...]


@dataclass(frozen=True)
class _End:
    """How an instance ended."""

    exit_code: int | None
    limit: Limit | None
    crash: str
    fuel_used: int
    memory_bytes: int


def engine() -> wasmtime.Engine:
    """The one configuration: counts fuel, can be interrupted, bounds the stack, and never moves a memory."""
    import wasmtime

    config = wasmtime.Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    config.max_wasm_stack = STACK_BYTES
    # `GuestMemory` relies on it.
    config.memory_may_move = False
    return wasmtime.Engine(config)


class Guest:
    """Runs programs, one at a time, each in a fresh instance.

    Args:
        engine: what `engine` gives. Nothing else may run on it meanwhile: a time limit stops all that does.
        module: the interpreter, compiled by it.

    Raises:
        SandboxError: if the module is not the interpreter that it should be.
    """

    def __init__(self, engine: wasmtime.Engine, module: wasmtime.Module) -> None:
        import wasmtime

        self._engine = engine
        self._module = module
        self._one_at_a_time = threading.Lock()
        self._wasi: Wasi | None = None
        self._least_bytes = _least_bytes(module)
        self._linker = wasmtime.Linker(engine)
        link(self._linker, module, lambda: self._wasi)
        self._library = self._unpack()

    def run(self, order: Order) -> SandboxResult:
        """Runs a program to its end or its first limit.

        Raises:
            SandboxError: if its files or arguments cannot be given.
        """
        started = time.perf_counter()
        if any("\0" in argument for argument in order.argv):
            raise SandboxError("An argument has a NUL character, which no program can be given.")
        tree = FileTree(order.files, order.code, self._library)
        output = Output(order.output_bytes)
        end = self._execute(order, tree, output, arguments(order.argv))
        error = told(bytes(tree.error.data)) if end.exit_code in FAILED else None
        limit = Limit.MEMORY if _lacked_memory(order, end, tree, error) else end.limit
        return SandboxResult(
            stdout=output.stdout.decode(errors="replace"),
            stderr=output.stderr.decode(errors="replace"),
            exit_code=None if limit else end.exit_code,
            limit=limit,
            fuel_used=end.fuel_used,
            seconds=time.perf_counter() - started,
            error=error,
            report=bytes(tree.report.data),
            crash="" if limit else end.crash,
        )

    def _execute(self, order: Order, tree: FileTree, output: Output, argv: tuple[bytes, ...]) -> _End:
        import wasmtime

        exit_code: int | None = None
        limit: Limit | None = None
        crash = ""
        memory: GuestMemory | None = None
        with self._one_at_a_time, wasmtime.Store(self._engine) as store:
            store.set_fuel(order.fuel)
            store.set_epoch_deadline(1)
            store.set_limits(order.memory_bytes, TABLE_ELEMENTS, instances=1, tables=1, memories=1)
            try:
                with self._deadline(order.wall_seconds):
                    exports = self._linker.instantiate(store, self._module).exports(store)
                    exported, entry = exports["memory"], exports["_start"]
                    assert isinstance(exported, wasmtime.Memory)
                    assert isinstance(entry, wasmtime.Func)
                    memory = GuestMemory(store, exported)
                    clock = Clock(lambda: order.fuel - store.get_fuel())
                    self._wasi = Wasi(GuestProcess(memory, argv, tree, output, clock), lambda: _charge(store))
                    entry(store)
                exit_code = 0
            except Exited as stop:
                exit_code = stop.code
            except OutputFull:
                limit = Limit.OUTPUT
            except Broken as stop:
                crash = str(stop)
            except wasmtime.Trap as trap:
                limit, crash = _trapped(trap)
            except wasmtime.WasmtimeError as error:
                if order.memory_bytes < self._least_bytes:
                    limit = Limit.MEMORY
                else:
                    _LOG.error("a guest could not be made: %s", error)
                    crash = "The sandbox could not start the program; the log has why."
            finally:
                self._wasi = None
            return _End(
                exit_code,
                limit,
                crash,
                order.fuel - store.get_fuel(),
                memory.size() if memory is not None else 0,
            )

    def _unpack(self) -> Folder:
        order = Order(b"", _UNPACK_FUEL, _UNPACK_BYTES, _UNPACK_SECONDS, 2**16, {}, ())
        tree = FileTree({}, report_bytes=_UNPACK_BYTES)
        end = self._execute(order, tree, Output(order.output_bytes), unpack_arguments())
        if end.exit_code != 0:
            raise SandboxError("The interpreter did not start.")
        return unpacked(bytes(tree.report.data))

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._engine.increment_epoch)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            # One that is just ringing must not ring in the next run.
            timer.join()


def _least_bytes(module: wasmtime.Module) -> int:
    """The memory that an instance has from the start."""
    import wasmtime

    for exported in module.exports:
        if exported.name == "memory" and isinstance(exported.type, wasmtime.MemoryType):
            return exported.type.limits.min * PAGE_BYTES
    raise SandboxError("The interpreter has no memory that the sandbox could use.")


def _lacked_memory(order: Order, end: _End, tree: FileTree, error: GuestError | None) -> bool:
    """Whether it ended for want of memory. What it did afterwards may have met another limit."""
    if error is not None and error.kind == "MemoryError":
        return True
    if end.memory_bytes <= order.memory_bytes - NEARLY_ALL:
        return False
    if error is not None:
        if error.kind == "OSError" and error.message.startswith(NO_MEMORY):
            return True
        # What CPython 3.12.0 makes of a call for which there is no room.
        return (error.kind, error.message) == ("SystemError", "error return without exception set")
    # It broke down, or it could not even start.
    return bool(end.crash) or (bool(end.exit_code) and not tree.opened)


def _charge(store: wasmtime.Store) -> None:
    store.set_fuel(max(store.get_fuel() - CHARGED_CALLS * CALL_FUEL, 0))


def _trapped(trap: wasmtime.Trap) -> tuple[Limit | None, str]:
    """Which limit a trap stands for, or else what it says."""
    import wasmtime

    try:
        code = trap.trap_code
    except ValueError:
        code = None
    if code is wasmtime.TrapCode.OUT_OF_FUEL:
        return Limit.FUEL, ""
    if code is wasmtime.TrapCode.INTERRUPT:
        return Limit.TIME, ""
    what = "unknown" if code is None else code.name.lower().replace("_", " ")
    _LOG.info("a guest trapped: %s", trap.message)
    return None, f"The program broke the Python interpreter in the sandbox ({what})."
