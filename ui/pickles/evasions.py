"""Ways in which files have slipped past scanners, each as a file to guess about and then to scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.pickles.lab.payloads import Container, Payload


@dataclass(frozen=True)
class Evasion:
    """One way past a scanner, or a file that only looks like one.

    Attributes:
        name: short, for keys.
        title: what a menu says.
        shows: what a visitor sees of the file before the guess.
        why: what the scan has to know to get it right.
        sample: the sample that is scanned; empty if it is built.
        payload, container: what it is built of, if it is no sample.
    """

    name: str
    title: str
    shows: str
    why: str
    sample: str = ""
    payload: Payload = Payload.COMMAND
    container: Container = Container.PROTOCOL_2


EVASIONS: Final = (
    Evasion(
        "appended", "Behind a clean pickle",
        "The first pickle of the file is a dict of two numbers, and ends with STOP. There are bytes after "
        "it.",
        "A file may hold several pickles, and `pickle.load` can be called again on the same file. A scanner "
        "that ends at the first STOP never sees the second one.",
        container=Container.APPENDED,
    ),
    Evasion(
        "injected", "Inside a clean pickle",
        "Whoever loads it gets a dict of two numbers, as expected, and no error.",
        "The call's result is dropped with POP, so the object that is loaded shows nothing of it. What a "
        "file gives and what loading it does are two things: only the opcodes tell the second.",
        container=Container.INJECTED,
    ),
    Evasion(
        "computed", "A name worked out by a call",
        "No opcode of it names `os.system`: the word `system` is only a text on the stack.",
        "`getattr` gives the function, and REDUCE calls what is on the stack, wherever that came from. A "
        "list of forbidden names does not find a name that is not there; a machine that follows the stack "
        "does.",
        payload=Payload.COMPUTED,
    ),
    Evasion(
        "extension", "A number instead of a name",
        "It names no module and no function. EXT1 has one byte as its argument.",
        "Programs may register a function under a number with `copyreg.add_extension`. The file alone cannot "
        "tell which function that is, so nobody can say that it is harmless.",
        payload=Payload.EXTENSION,
    ),
    Evasion(
        "import", "Only an import",
        "It has no opcode that calls: no REDUCE, no NEWOBJ, no BUILD. It names one class of some package.",
        "To find a name the unpickler imports its module, and an import runs the module from top to bottom. "
        "So a name that nobody knows is code, even if it is never called.",
        payload=Payload.IMPORT, container=Container.PROTOCOL_4,
    ),
    Evasion(
        "polyglot", "Two formats at once",
        "A zip reader lists clean weights in it. It is called `model.pt`.",
        "Zip readers begin at the end of a file, unpicklers at its first byte: both find what they look for, "
        "in the same bytes. Two plausible formats at once have no honest reason.",
        sample="polyglot",
    ),
    Evasion(
        "renamed", "A pickle named .safetensors",
        "Its name ends in `.safetensors`, a format that cannot name code.",
        "Loaders look at the content, and so does whoever wants to know what they would do. The name is the "
        "one part of a file that anybody can change without changing the file.",
        sample="renamed",
    ),
    Evasion(
        "nested", "A zip in a zip",
        "A zip with a text and another zip in it.",
        "A scan that opens only the outer archive has read every member and understood none: what it did not "
        "open has to be in its report.",
        sample="nested_zip",
    ),
    Evasion(
        "joblib", "Between an array's numbers",
        "A joblib file: in the middle of the opcodes lie the raw numbers of an array.",
        "`pickletools` reads the numbers as opcodes and gives up. A scanner that then says *no findings* has "
        "failed open: the call stands behind the array.",
        container=Container.JOBLIB,
    ),
    Evasion(
        "truncated", "Half of a download",
        "Everything that can be read of it is a dict of numbers. Then it ends, without a STOP.",
        "Nothing dangerous was found, and not all was read: these are two statements. Whoever says *clean* "
        "here says more than they know.",
        sample="truncated",
    ),
    Evasion(
        "called", "A call, and still only data",
        "It has a REDUCE: `collections.OrderedDict` is called, and the result is filled with numbers.",
        "Not every call is a danger. What matters is what may be called with which arguments: a list of what "
        "is allowed answers that, a list of what is forbidden never ends.",
        sample="ordered_dict",
    ),
)  # fmt: skip
"""All of them, in the order of the menu."""
