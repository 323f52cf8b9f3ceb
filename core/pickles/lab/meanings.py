"""What each opcode does, in one sentence for a newcomer.

Source: the comments of CPython's `Lib/pickletools.py` and the code of `Modules/_pickle.c`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_NUMBER: Final = "Pushes a whole number."
_FLOAT: Final = "Pushes a floating-point number."
_TEXT: Final = "Pushes a text."
_BYTES: Final = "Pushes bytes."
_STRING: Final = "Pushes a string of Python 2."
_GET: Final = "Pushes what the memo has under this number: the same object, not a copy."
_PUT: Final = "Writes the top of the stack into the memo under this number; it stays on the stack."
_EXTENSION: Final = (
    "Pushes whatever the loading program has registered under this number: the file does not say what."
)

MEANINGS: Final = MappingProxyType({
    "PROTO": "Says which version of the pickle language follows.",
    "FRAME": "Says that so many bytes follow which can be read at once.",
    "STOP": "The end: what is on top of the stack is what loading gives.",
    "NONE": "Pushes None.",
    "NEWTRUE": "Pushes True.",
    "NEWFALSE": "Pushes False.",
    **dict.fromkeys(("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4"), _NUMBER),
    **dict.fromkeys(("FLOAT", "BINFLOAT"), _FLOAT),
    **dict.fromkeys(("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _TEXT),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"), _BYTES),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), _STRING),
    "BYTEARRAY8": "Pushes a bytearray.",
    "NEXT_BUFFER": "Pushes a buffer that does not lie in the file: the loader has to bring it.",
    "READONLY_BUFFER": "Makes the buffer on top of the stack read-only.",
    "EMPTY_LIST": "Pushes an empty list.",
    "EMPTY_TUPLE": "Pushes an empty tuple.",
    "EMPTY_DICT": "Pushes an empty dict.",
    "EMPTY_SET": "Pushes an empty set.",
    "MARK": "Lays a mark on the stack: where a group of values begins.",
    "POP_MARK": "Drops everything down to the last mark, and the mark.",
    "POP": "Drops the top of the stack.",
    "DUP": "Pushes the top of the stack once more.",
    "LIST": "Makes a list of everything above the last mark.",
    "TUPLE": "Makes a tuple of everything above the last mark.",
    "DICT": "Makes a dict of everything above the last mark, by turns key and value.",
    "FROZENSET": "Makes a frozenset of everything above the last mark.",
    "TUPLE1": "Makes a tuple of the top value.",
    "TUPLE2": "Makes a tuple of the two top values.",
    "TUPLE3": "Makes a tuple of the three top values.",
    "APPEND": "Adds the top value to the list below it. If that is no list, its own `append` is called.",
    "APPENDS": "Adds all above the mark to the list below. If that is no list, its own `extend` is called.",
    "SETITEM": "Sets a key of the dict below. If that is no dict, its own `__setitem__` is called.",
    "SETITEMS": "Sets keys of the dict below the mark. If that is no dict, its own `__setitem__` is called.",
    "ADDITEMS": "Adds all above the mark to the set below it. If that is no set, its own `add` is called.",
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _GET),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _PUT),
    "MEMOIZE": "Writes the top of the stack into the memo under the next free number; it stays on the stack.",
    "GLOBAL": "Imports a module and pushes what has this name in it: a class or a function.",
    "STACK_GLOBAL": "Takes name and module from the stack, imports the module, pushes what has the name.",
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _EXTENSION),
    "REDUCE": "Calls a function: the tuple on top is its arguments, the function lies below.",
    "INST": "Imports a module, takes a class from it and calls it with everything above the last mark.",
    "OBJ": "Calls the class that lies above the last mark with everything above it.",
    "NEWOBJ": "Makes an object of a class by `__new__`, with the tuple on top as arguments.",
    "NEWOBJ_EX": "Makes an object of a class by `__new__`, with a tuple and a dict of named arguments.",
    "BUILD": "Gives a state to the object below: its `__setstate__` is called, or its attributes are set.",
    "PERSID": "Asks the loading program for the object that has this name there.",
    "BINPERSID": "Asks the loading program for the object that the top names: torch's tensors come so.",
})  # fmt: skip
"""By the opcode's name."""
