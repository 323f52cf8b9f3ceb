"""Members of the standard library's enumerations: a member is asked for by its value, and none is changed.

Some of these lie in modules whose functions use the network or change the program. A member only names a
number or a text; with one argument the class gives a member and makes nothing.

Until Python 3.11 those that are constants of their module too are named there: `signal.SIGTERM`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from core.pickles.rules.kinds import NONE, TEXT
from core.pickles.rules.rule import NAMED, Kind, Rule, takes

_OF_INTS: Final = (
    "calendar.Day", "calendar.Month", "http.HTTPStatus", "inspect._ParameterKind", "re.RegexFlag",
    "signal.Handlers", "signal.Sigmasks", "signal.Signals", "socket.AddressFamily", "socket.AddressInfo",
    "socket.MsgFlag", "socket.SocketKind",
)  # fmt: skip
_OF_TEXTS: Final = ("http.HTTPMethod",)
_SIGNALS: Final = (
    "SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGIO",
    "SIGKILL", "SIGPIPE", "SIGPROF", "SIGPWR", "SIGQUIT", "SIGRTMAX", "SIGRTMIN", "SIGSEGV", "SIGSTKFLT",
    "SIGSTOP", "SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGUSR1",
    "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ", "SIG_BLOCK", "SIG_DFL", "SIG_IGN",
    "SIG_SETMASK", "SIG_UNBLOCK",
)  # fmt: skip
_SOCKETS: Final = (
    "AF_INET", "AF_INET6", "AF_UNIX", "AF_UNSPEC", "SOCK_DGRAM", "SOCK_RAW", "SOCK_SEQPACKET", "SOCK_STREAM",
)  # fmt: skip


_LARGEST: Final = 2**32
_NUMBER: Final = Kind(
    "an int of at most 32 bits", lambda value: isinstance(value, int) and -_LARGEST < value < _LARGEST
)


def _rules() -> dict[str, Rule]:
    rules = dict.fromkeys(_OF_INTS, Rule(takes(_NUMBER)))
    rules |= dict.fromkeys(_OF_TEXTS, Rule(takes(TEXT)))
    rules["uuid.SafeUUID"] = Rule(takes(_NUMBER | NONE))
    rules |= {f"signal.{name}": NAMED for name in _SIGNALS}
    return rules | {f"socket.{name}": NAMED for name in _SOCKETS}


ENUMERATIONS: Final = MappingProxyType(_rules())
"""Rules by full name."""
