"""Programs of torch.export: a graph as JSON whose operators and sizes are texts that its loader interprets.

`torch.export.load` looks operators up by their dotted names, starting at the package `torch`, which has whole
modules as attributes; and it gives the expressions of sizes to `sympy.sympify`, which is `eval` with more
names. Source: `deserialize_operator` and `_parse_sym_expr` in `torch/_export/serde/serialize.py`, torch 2.13.
"""

from __future__ import annotations

import json
import re
from typing import Final

from core.pickles.member import shown
from core.pickles.rules.executors import executor
from core.pickles.verdict import Verdict
from core.pickles.walk import Part, Walk

MOST_BYTES: Final = 64 * 2**20
"""How large a program may be that is read."""
_OPERATORS: Final = frozenset({"target", "as_operator"})
_EXPRESSION: Final = "expr_str"
_HARMLESS: Final = re.compile(
    r"torch\.ops(?:\.\w+)+|torch\._?sym_\w+|torch\._check\w*|torch\.(?:ge|gt|le|lt|eq|ne)"
    r"|(?:_operator|math)\.\w+"
)
# Numbers, names, both in quotes too, and operators; no attribute of anything. Nothing is tried twice.
_PLAIN: Final = re.compile(
    r"(?:[A-Za-z_]\w*+|\d++(?:\.\d++)?+(?:e[-+]?\d++)?+(?![A-Za-z_])"
    r"|'(?:[A-Za-z_]\w*+|-?\d++(?:\.\d++)?+)'|[-+*/%(),<>=!&|~\s])*+"
)
_CALLED: Final = re.compile(r"(?<!\w)([A-Za-z_]\w*+)\s*+\(|\)\s*+\(")
_FUNCTIONS: Final = frozenset({
    "Abs", "Add", "And", "BitwiseFn_bitwise_and", "BitwiseFn_bitwise_or", "CeilDiv", "CeilToInt",
    "CleanDiv", "Eq", "Equality", "Float", "FloatPow", "FloatTrueDiv", "FloorDiv", "FloorToInt", "Ge",
    "GreaterThan", "Gt", "Identity", "IntTrueDiv", "Integer", "IsNonOverlappingAndDenseIndicator",
    "LShift", "Le", "LessThan", "Lt", "Max", "Min", "Mod", "ModularIndexing", "Mul", "Ne", "Not", "Or",
    "Piecewise", "Pow", "PowByNatural", "PythonMod", "RShift", "Rational", "RoundDecimal", "RoundToInt",
    "StrictGreaterThan", "StrictLessThan", "Symbol", "ToFloat", "TruncToFloat", "TruncToInt",
    "Unequality", "Where", "ceiling", "floor", "log", "sign", "sqrt",
})  # fmt: skip


def read(part: Part, walk: Walk) -> None:
    """Looks at the texts in a program that its loader looks up or evaluates.

    Args:
        part: the JSON text of the program.
        walk: the scan.
    """
    if len(part.span) > MOST_BYTES:
        walk.unread(part, 0, len(part.span), f"a program of more than {MOST_BYTES:,} bytes")
        return
    found: set[tuple[str, str]] = set()

    def note(pairs: list[tuple[str, object]]) -> None:
        for key, value in pairs:
            if isinstance(value, str) and (key == _EXPRESSION or key in _OPERATORS):
                found.add((key, value))

    try:
        json.loads(part.span.read(0, len(part.span)), object_pairs_hook=note)
    except (ValueError, RecursionError):
        walk.unread(part, 0, len(part.span), "a program that is no JSON text")
        return
    for key, text in sorted(found):
        if walk.late:
            walk.unread(part, 0, len(part.span), "its time was over before all texts were read")
            return
        reason = _expression(text) if key == _EXPRESSION else _operator(text)
        if reason:
            walk.find(part, None, reason, Verdict.DANGEROUS, subject=shown(text))


def _operator(name: str) -> str:
    """What is wrong with an operator's name; nothing if it is one."""
    module, _, last = name.rpartition(".")
    if _HARMLESS.fullmatch(name) and (name.startswith("torch.ops.") or not executor(module, last)):
        return ""
    if not name.startswith(("torch.", "_operator.", "math.")):
        # The loader leaves the name as it is.
        return ""
    return f"torch.export.load looks up {shown(name)}, which is no operator: the program would call it"


def _expression(text: str) -> str:
    """What is wrong with the expression of a size; nothing if it only computes."""
    called = {match[1] for match in _CALLED.finditer(text)}
    if _PLAIN.fullmatch(text) and "__" not in text and called <= _FUNCTIONS:
        return ""
    return f"torch.export.load evaluates {shown(text)}, which is no expression of sizes: it can run any code"
