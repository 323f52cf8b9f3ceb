"""The bootstrap: a module that runs inside the sandbox, before the visitor's program.

It readies the interpreter, and when an exception ends the program it prints a traceback with the visitor's
own frames only and tells the host about it. It imports nothing that is not loaded anyway: `traceback` alone
would take longer than a whole run. What the visitor's program does to it spoils that
program's own result, and nothing else: the host trusts nothing that comes from here.

`boot` hands its text to the guest. On the host nothing here runs; importing it does nothing.
"""

import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType, TracebackType

PROGRAM = "program.py"
MADE_OF_IT = ("//program.py", "/program.py")
"""The names that the interpreter makes of the program's."""
LIBRARY = "/lib/"
ERROR = "/.error"
SEPARATOR = "\0"
"""Between the five fields of what the host is told."""
SHOWN_FRAMES = 20
"""How many are printed at each end of a long traceback."""
SHOWN_LINES = 60
SHOWN_WIDTH = 500
EXCEPTIONS = 100
"""How many of a chain or of groups lose the frames that are not the visitor's."""
RESERVE_BYTES = 2**18
"""Kept free for telling about a MemoryError."""
BUILT_IN = frozenset(vars(builtins))
"""Names that mean something else if a class of the visitor's has them."""
MAX_NUMBER = 999_999_999
"""The largest line or column that the host takes."""


class Boot(Warning):
    """What the -W option that loads this module asks for."""


class Hook:
    """What the interpreter calls for an exception that nobody caught."""

    def __init__(self) -> None:
        from posix import O_WRONLY, fstat
        from posix import open as descriptor

        self._reserve = [bytearray(RESERVE_BYTES)]
        # Open before the program can use up the descriptors. The second one is closed when it is told, so
        # that the program's text can be read.
        self._error = descriptor(ERROR, O_WRONLY)
        self._inode = fstat(self._error).st_ino
        self._spare = [descriptor(ERROR, O_WRONLY)]
        self._show = sys.__excepthook__
        self._streams = (sys.stdout, sys.stderr)

    def __call__(
        self, kind: type[BaseException], value: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        """Tells the host, and prints the traceback."""
        if not isinstance(value, BaseException):
            # The interpreter never calls it so; a program may.
            self._show(kind, value, trace)  # type: ignore[arg-type]
            return
        self._reserve.clear()
        BaseException.with_traceback(value, trace)
        value = _as_told(value)
        for step in (self._free, self._tell, _trim):
            try:  # noqa: SIM105 - contextlib takes long to import
                step(value)
            except BaseException:  # noqa: BLE001, S110 - what can be told is told
                pass
        try:
            self._print(value)
        except BaseException:  # noqa: BLE001 - the program may have taken away what it needs
            self._show(kind, value, trace)

    def _free(self, _: BaseException) -> None:
        from posix import close

        while self._spare:
            close(self._spare.pop())

    def _tell(self, value: BaseException) -> None:
        from posix import O_WRONLY, fstat, ftruncate, lseek, write
        from posix import open as descriptor

        data = _telling(value)
        try:
            closed = fstat(self._error).st_ino != self._inode
        except OSError:
            closed = True
        if closed:
            # The program did, and may have something else open in its place.
            self._error = descriptor(ERROR, O_WRONLY)
        ftruncate(self._error, 0)
        lseek(self._error, 0, 0)
        write(self._error, data)

    def _print(self, value: BaseException) -> None:
        import _io
        from posix import write

        for stream in self._streams:
            if not stream.closed:
                stream.flush()
        kept, sys.stderr = sys.stderr, _io.StringIO()
        try:
            self._show(type(value), value, value.__traceback__)
            text = _bounded(sys.stderr.getvalue())
        finally:
            sys.stderr = kept
        data = text.encode("utf-8", "backslashreplace")
        while data:
            data = data[write(2, data) :]


class Quitter:
    """`exit` and `quit`, which `site` would define."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"Use {self._name}() or Ctrl-D (i.e. EOF) to exit"

    def __call__(self, code: object = None) -> None:
        """Ends the program."""
        raise SystemExit(code)


class AsyncioFinder:
    """Imports the part of `asyncio` that wakes a loop from other threads by a socket without that.

    There are neither sockets nor threads here, and all the rest of `asyncio` works.
    """

    def find_spec(self, name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        """What the interpreter asks for every import."""
        if name != "asyncio.selector_events":
            return None
        sys.meta_path.remove(self)
        spec = sys.meta_path[-1].find_spec(name, path, target)  # type: ignore[arg-type]
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_without(module: "ModuleType") -> None:
            execute(module)
            loop = module.BaseSelectorEventLoop
            loop._make_self_pipe = loop._close_self_pipe = lambda self: None

        spec.loader.exec_module = execute_without  # type: ignore[method-assign]
        return spec


class Renamer:
    """Gives the program its own name back before it runs: the interpreter makes it absolute."""

    def __init__(self) -> None:
        self._done = False

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """What the interpreter calls for everything that it reports."""
        if self._done or event != "exec":
            return
        code = arguments[0]
        if getattr(code, "co_filename", None) in MADE_OF_IT:
            from _imp import _fix_co_filename  # type: ignore[attr-defined]

            self._done = True
            _fix_co_filename(code, PROGRAM)
            sys.modules["__main__"].__file__ = PROGRAM


def start() -> None:
    """Readies the interpreter."""
    import builtins

    sys.warnoptions.clear()
    sys.path.insert(0, "/")
    # Else nothing of what was printed would be seen of a program that is stopped.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    builtins.exit = Quitter("exit")  # type: ignore[assignment]
    builtins.quit = Quitter("quit")  # type: ignore[assignment]
    sys.excepthook = Hook()
    sys.unraisablehook = _show_unraisable
    sys.meta_path.insert(0, AsyncioFinder())
    sys.addaudithook(Renamer())
    _rename_in_warnings()
    _spare_the_end()


def _show_unraisable(told: "sys.UnraisableHookArgs") -> None:
    """Prints what an exception in `__del__` and the like leaves behind, with the visitor's frames only."""
    value = told.exc_value
    if value is not None:
        _trim(value)
        told = type(told)((told.exc_type, value, value.__traceback__, told.err_msg, told.object))  # type: ignore[call-arg]
    sys.__unraisablehook__(told)


def _rename_in_warnings() -> None:
    """Has warnings of the compiler, which come before the program runs, name it as it is named."""
    import warnings

    show = warnings._showwarnmsg_impl  # type: ignore[attr-defined]

    def show_renamed(message: "warnings.WarningMessage") -> None:
        if message.filename in MADE_OF_IT:
            message.filename = PROGRAM
        show(message)

    warnings._showwarnmsg_impl = show_renamed  # type: ignore[attr-defined]


def _spare_the_end() -> None:
    """Keeps what is there from the start out of the collections at the end: they take a sixth of a run.

    The program's module must be among what is collected, so it is made anew.
    """
    import gc

    gc.freeze()
    old = sys.modules["__main__"]
    new = type(old)("__main__")
    vars(new).update(vars(old))
    sys.modules["__main__"] = new


def _as_told(value: BaseException) -> BaseException:
    """The exception with the program's own name; an understandable one for text nested too deeply."""
    if type(value) is MemoryError and str(value).startswith("Parser stack overflowed"):
        return SyntaxError("the program is nested too deeply to be parsed")
    if isinstance(value, SyntaxError):
        if value.filename in MADE_OF_IT:
            value.filename = PROGRAM
        if isinstance(value.msg, str):
            for name in MADE_OF_IT:
                value.msg = value.msg.replace(name, PROGRAM)
    return value


def _ours(trace: "TracebackType | None") -> "list[TracebackType]":
    """The frames of the program and of the files that it was given, the outermost first."""
    found = []
    known = {PROGRAM: True}
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name not in known:
            known[name] = _is_given(name)
        if known[name]:
            found.append(trace)
        trace = trace.tb_next
    return found


def _is_given(name: str) -> bool:
    """Whether it is a file of the visitor's. The library's modules name files that are not here."""
    from posix import stat

    if name[:1] != "/" or name[: len(LIBRARY)] == LIBRARY:
        return False
    try:
        stat(name)
    except OSError:
        return False
    return True


def _ends(found: "list[TracebackType]") -> "tuple[list[TracebackType], int]":
    """Those at both ends if there are many, and how many are left out.

    One that repeats itself counts three times at most: that is how often it is printed.
    """
    printed, last, times = [], None, 0
    for index, entry in enumerate(found):
        here = entry.tb_frame.f_code, entry.tb_lineno
        times = times + 1 if here == last else 1
        last = here
        if times <= 3:
            printed.append(index)
    if len(printed) <= 2 * SHOWN_FRAMES:
        return found, 0
    first, second = printed[SHOWN_FRAMES], printed[-SHOWN_FRAMES]
    return found[:first] + found[second:], second - first


def _trim(value: BaseException) -> None:
    """Leaves only the visitor's frames in an exception and in all that belong to it."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [value]
    while pending and len(seen) < EXCEPTIONS:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        found, left_out = _ends(_ours(one.__traceback__))
        trace = None
        for entry in reversed(found):
            trace = type(entry)(trace, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
        one.__traceback__ = trace
        if left_out:
            one.add_note(f"[{left_out} calls in the middle are left out]")
        if isinstance(one, BaseExceptionGroup):
            pending.extend(one.exceptions)
        pending += [one.__cause__, one.__context__]


def _bounded(text: str) -> str:
    """A text of a bounded number of lines, each of a bounded length."""
    lines = text.split("\n")
    if len(lines) > 2 * SHOWN_LINES:
        left_out = len(lines) - 2 * SHOWN_LINES
        lines[SHOWN_LINES:-SHOWN_LINES] = [f"[{left_out} lines in the middle are left out]"]
    return "\n".join([line if len(line) <= SHOWN_WIDTH else line[:SHOWN_WIDTH] + "..." for line in lines])


def _telling(value: BaseException) -> bytes:
    """What the host is told: kind, message, line, column, text."""
    try:
        message = str(value.msg if isinstance(value, SyntaxError) else value)
    except BaseException:  # noqa: BLE001 - it is the visitor's
        message = "<str() of the exception failed>"
    try:
        line, column, text = _place(value)
    except BaseException:  # noqa: BLE001 - the same
        line, column, text = None, None, ""
    fields = [_name(type(value))[:200], message[:2000], _number(line), _number(column)]
    fields.append(text.rstrip("\r\n")[:500])
    data = SEPARATOR.join([field.replace(SEPARATOR, "\ufffd") for field in fields])
    return data.encode("utf-8", "backslashreplace")


def _name(kind: type[BaseException]) -> str:
    """The class's name. One of the visitor's is never taken for a built-in one."""
    module, name = kind.__module__, kind.__qualname__
    if module == "builtins" or (module == "__main__" and name not in BUILT_IN):
        return name
    return f"{module}.{name}"


def _number(value: object) -> str:
    """A line or a column as the host takes it; empty for what a program put in its place."""
    return str(value) if type(value) is int and 0 < value <= MAX_NUMBER else ""


def _place(value: BaseException) -> tuple[object, object, str]:
    """Where in the program it came from: line, column, text."""
    if isinstance(value, SyntaxError) and value.filename == PROGRAM:
        # A program can put anything into its fields.
        line, text = value.lineno, value.text
        if type(text) is not str or not text:
            text = _line(line) if type(line) is int else ""
        return line, value.offset, text
    for entry in reversed(_ours(value.__traceback__)):
        code = entry.tb_frame.f_code
        if code.co_filename == PROGRAM:
            text = _line(entry.tb_lineno)
            return entry.tb_lineno, _column(entry, text), text
    return None, None, ""


def _column(entry: "TracebackType", text: str) -> int | None:
    """The column of the instruction, in characters from 1; the interpreter counts bytes from 0."""
    for index, (_, _, column, _) in enumerate(entry.tb_frame.f_code.co_positions()):
        if 2 * index == entry.tb_lasti:
            if column is None:
                return None
            return len(text.encode("utf-8", "replace")[:column].decode("utf-8", "replace")) + 1
    return None


def _line(number: int) -> str:
    """A line of the program, from 1."""
    with open("/" + PROGRAM, "rb") as file:  # noqa: PTH123
        lines = file.read().removeprefix(b"\xef\xbb\xbf").splitlines()
    line = lines[number - 1] if 0 < number <= len(lines) else b""
    try:
        return line.decode(_encoding(lines), "replace")
    except (LookupError, ValueError):
        # There is none of that name, or it is none for a whole text.
        return line.decode("utf-8", "replace")


def _encoding(lines: list[bytes]) -> str:
    """What the program says that it is encoded in."""
    for line in lines[:2]:
        comment, found, name = line.partition(b"coding")
        if found and comment.lstrip()[:1] == b"#" and name[:1] in (b":", b"="):
            return name[1:].split()[0].decode("ascii", "replace") if name[1:].split() else "utf-8"
    return "utf-8"


if __name__ == "_boot":
    start()
