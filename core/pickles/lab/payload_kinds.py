"""The payloads and containers of which files are built, as menus show them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

EXTENSION_CODE: Final = 117
"""The number that the payload without a name has; what it stands for, only a loading program could say."""


class Payload(StrEnum):
    """What loading the file would do."""

    COMMAND = "command"
    EVAL = "eval"
    IMPORT = "import"
    WRITE = "write"
    NETWORK = "network"
    COMPUTED = "computed"
    PARTIAL = "partial"
    EXTENSION = "extension"


class Container(StrEnum):
    """What the payload lies in."""

    PROTOCOL_0 = "protocol-0"
    PROTOCOL_2 = "protocol-2"
    PROTOCOL_4 = "protocol-4"
    TORCH_ZIP = "torch-zip"
    TORCH_LEGACY = "torch-legacy"
    NPY = "npy"
    JOBLIB = "joblib"
    TAR = "tar"
    NESTED_ZIP = "nested-zip"
    GZIP = "gzip"
    RENAMED = "renamed"
    APPENDED = "appended"
    INJECTED = "injected"


@dataclass(frozen=True)
class PayloadKind:
    """A payload, as a menu shows it.

    Attributes:
        payload: which.
        title: what a menu says.
        asks: what its text is.
        example: the text that it has if none is given.
        says: what loading would do, in one sentence.
    """

    payload: Payload
    title: str
    asks: str
    example: str
    says: str


@dataclass(frozen=True)
class ContainerKind:
    """A container, as a menu shows it.

    Attributes:
        container: which.
        title: what a menu says.
        file_name: what the file is called.
        says: what is special about it, in one sentence.
    """

    container: Container
    title: str
    file_name: str
    says: str


PAYLOADS: Final[tuple[PayloadKind, ...]] = (
    PayloadKind(
        Payload.COMMAND, "A system command", "command", "echo hello from a pickle",
        "Loading calls `os.system`: a shell runs the command.",
    ),
    PayloadKind(
        Payload.EVAL, "An expression for eval", "expression", "print('hello from a pickle')",
        "Loading calls `eval`: Python runs the text.",
    ),
    PayloadKind(
        Payload.IMPORT, "Only an import", "module", "somebodys_package.setup",
        "Nothing is called. But the unpickler imports the module of every name, and an import runs it.",
    ),
    PayloadKind(
        Payload.WRITE, "A file is written", "path", "hello.txt",
        "Loading calls `open` with mode `w`: the file is made, or emptied if it was there.",
    ),
    PayloadKind(
        Payload.NETWORK, "A request over the network", "address", "http://127.0.0.1:9/hello",
        "Loading calls `urlopen`: whoever owns the address learns that the file was opened, and where.",
    ),
    PayloadKind(
        Payload.COMPUTED, "A name worked out by a call", "command", "echo hello from a pickle",
        "`system` is only a text here: `getattr` gives the function, and the pickle calls what it gave.",
    ),
    PayloadKind(
        Payload.PARTIAL, "A call wrapped in partial", "command", "echo hello from a pickle",
        "`functools.partial` makes a function of `os.system` and the command; then that is called.",
    ),
    PayloadKind(
        Payload.EXTENSION, "A number instead of a name", "argument", "hello",
        f"The function is number {EXTENSION_CODE} of the loader's own registry: no name is in the file.",
    ),
)  # fmt: skip
"""All payloads, in the order of a menu."""

CONTAINERS: Final[tuple[ContainerKind, ...]] = (
    ContainerKind(Container.PROTOCOL_0, "Bare pickle, protocol 0", "model.pkl",
                  "Lines of text, and no magic bytes at the start."),
    ContainerKind(Container.PROTOCOL_2, "Bare pickle, protocol 2", "model.pkl",
                  "What `torch.save` uses inside its files."),
    ContainerKind(Container.PROTOCOL_4, "Bare pickle, protocol 4", "model.pkl",
                  "Names are texts on the stack: STACK_GLOBAL looks up whatever lies there."),
    ContainerKind(Container.TORCH_ZIP, "torch checkpoint", "model.pt",
                  "A zip with `data.pkl` in it, as `torch.save` writes it."),
    ContainerKind(Container.TORCH_LEGACY, "torch checkpoint before 1.6", "model.pt",
                  "Five pickles one after another; the payload is the fourth."),
    ContainerKind(Container.NPY, "NumPy array of objects", "array.npy",
                  "After the header stands a pickle; `np.load` refuses it unless `allow_pickle=True`."),
    ContainerKind(Container.JOBLIB, "joblib with an array", "model.joblib",
                  "The numbers of an array stand between the opcodes, and the payload behind them."),
    ContainerKind(Container.TAR, "tar", "model.tar", "The pickle is a file in an uncompressed archive."),
    ContainerKind(Container.NESTED_ZIP, "zip in a zip", "models.zip", "The pickle is two archives deep."),
    ContainerKind(Container.GZIP, "gzip", "model.pkl.gz",
                  "Nothing of the pickle shows until it is unpacked."),
    ContainerKind(Container.RENAMED, "Renamed to .safetensors", "model.safetensors",
                  "The name promises a format that cannot name code; the content is a pickle."),
    ContainerKind(Container.APPENDED, "Behind a clean pickle", "model.pkl",
                  "Two pickles in one file: who loads once sees the first, who loads on runs the second."),
    ContainerKind(Container.INJECTED, "Inside a clean pickle", "model.pkl",
                  "The payload runs first and its result is dropped; the loader gets the clean object."),
)  # fmt: skip
"""All containers, in the order of a menu."""
