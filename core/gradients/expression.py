"""Expressions: what a visitor may type as a loss, parsed without ever being run.

A text is read by Python's own parser into a syntax tree, and only the node types listed here are
accepted; nothing is evaluated by Python. The result is a flat list of nodes in which inputs come before
outputs, so every algorithm of this package is one loop and none can hit the recursion limit.
"""

from __future__ import annotations

import ast
import keyword
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

MAX_LENGTH = 2_000
MAX_DEPTH = 200
MAX_NODES = 1_000
MAX_VARIABLES = 12
MAX_NAME_LENGTH = 24

VARIABLE = "variable"
CONSTANT = "constant"

FUNCTION_ARITY = {
    "exp": 1, "log": 1, "sqrt": 1, "sin": 1, "cos": 1, "tan": 1, "tanh": 1, "sigmoid": 1, "relu": 1,
    "softplus": 1, "abs": 1, "min": 2, "max": 2, "pow": 2,
}  # fmt: skip
"""What a visitor may call, and with how many arguments."""

_BINARY_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
}

_OPERATOR_HINTS: dict[type[ast.AST], str] = {
    ast.BitXor: "`^` is not a power here: write `**`",
    ast.Mod: "`%` is not supported: use + - * / **",
    ast.FloorDiv: "`//` is not supported: use `/`",
    ast.MatMult: "`@` is not supported: the loss works on numbers, use `*`",
}


class ExpressionError(ValueError):
    """An expression that was refused: one line, and where in the text the trouble is.

    Attributes:
        message: what came, what was expected, what to do, in one line.
        text: the text under test.
        position: index into `text` of the first offending character, or None.
    """

    def __init__(self, message: str, text: str = "", position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.position = position

    def excerpt(self, width: int = 60) -> str:
        """Two lines: the text around the trouble and a caret below it; empty if there is no position."""
        if self.position is None or not self.text:
            return ""
        start = max(0, self.position - width // 2)
        shown = "".join(c if c.isprintable() else " " for c in self.text[start : start + width])
        prefix, suffix = "…" if start else "", "…" if start + width < len(self.text) else ""
        return f"{prefix}{shown}{suffix}\n{' ' * (len(prefix) + self.position - start)}^"


@dataclass(frozen=True, slots=True)
class Node:
    """One step of an expression: a variable, a constant, or an operation on earlier nodes."""

    op: str
    inputs: tuple[int, ...] = ()
    name: str = ""
    value: float = 0.0


@dataclass(frozen=True)
class Expression:
    """A formula as a list of nodes, inputs before outputs, the result last."""

    nodes: tuple[Node, ...]

    @property
    def root(self) -> int:
        """Index of the node that is the formula's value."""
        return len(self.nodes) - 1

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables, in order of first appearance."""
        return tuple(node.name for node in self.nodes if node.op == VARIABLE)

    @cached_property
    def operations(self) -> int:
        """How many operations the formula performs."""
        return sum(bool(node.inputs) for node in self.nodes)


class Builder:
    """Builds an expression node by node; a variable is one node however often it is used."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        self.nodes: list[Node] = list(nodes)
        self._variables = {node.name: index for index, node in enumerate(self.nodes) if node.op == VARIABLE}

    def variable(self, name: str) -> int:
        """Index of the variable's node."""
        if name not in self._variables:
            self._variables[name] = self._append(Node(VARIABLE, name=name))
        return self._variables[name]

    def constant(self, value: float) -> int:
        """Index of a new constant."""
        return self._append(Node(CONSTANT, value=value))

    def apply(self, op: str, *inputs: int) -> int:
        """Index of a new operation on earlier nodes."""
        return self._append(Node(op, inputs))

    def build(self, root: int) -> Expression:
        """The expression with `root` as its value, without the nodes it does not need."""
        needed = {root}
        for index in range(root, -1, -1):
            if index in needed:
                needed.update(self.nodes[index].inputs)
        position = {old: new for new, old in enumerate(sorted(needed))}
        return Expression(
            tuple(
                Node(node.op, tuple(position[i] for i in node.inputs), node.name, node.value)
                for node in (self.nodes[index] for index in sorted(needed))
            )
        )

    def _append(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1


def parse(
    text: str, *, allow_constant: bool = False, functions: Mapping[str, int] = FUNCTION_ARITY
) -> Expression:
    """Reads a formula such as `(w*x + b - y)**2`.

    Args:
        text: any names as variables, `+ - * / **`, parentheses, numbers and the functions of
            `FUNCTION_ARITY`.
        allow_constant: whether a formula without any variable is accepted.
        functions: what may be called, with the number of arguments.

    Returns:
        The expression; its value is the last node.

    Raises:
        ExpressionError: if the text is anything else, with one line and a position.
    """
    stripped = text.strip()
    if not stripped:
        raise ExpressionError("The expression is empty: type a formula such as (w*x + b - y)**2.")
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"The expression has {len(text):,} characters; at most {MAX_LENGTH:,} are accepted: shorten it."
        )
    tree = _syntax_tree(stripped)
    expression = _Reader(stripped, functions).read(tree)
    if not expression.variables and not allow_constant:
        raise ExpressionError(
            "The expression has no variable: use at least one name, such as w.", stripped, 0
        )
    if len(expression.variables) > MAX_VARIABLES:
        raise ExpressionError(
            f"{len(expression.variables)} variables came; at most {MAX_VARIABLES} are accepted.",
            stripped,
        )
    return expression


def _syntax_tree(text: str) -> ast.expr:
    for position, character in enumerate(text):
        if character in "\n\r":
            raise ExpressionError("The expression must be one line: remove the line break.", text, position)
        if character != "\t" and not character.isprintable():
            raise ExpressionError(
                f"The character U+{ord(character):04X} is not part of a formula: remove it.", text, position
            )
        if character == "#":
            raise ExpressionError("A formula has no comment: remove `#` and what follows it.", text, position)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise _explain_syntax(text, error) from None
    except (RecursionError, MemoryError):
        raise ExpressionError(
            f"The expression is nested too deeply; at most {MAX_DEPTH} levels are accepted.", text
        ) from None
    except ValueError as error:
        raise ExpressionError(f"This is not a formula: {error}.", text) from None


def _explain_syntax(text: str, error: SyntaxError) -> ExpressionError:
    # Offset 0 is the parser's word for a formula that stops too early.
    position = min(error.offset - 1, len(text)) if error.offset else len(text)
    for match in _words(text):
        if keyword.iskeyword(match[1]):
            return ExpressionError(
                f"`{match[1]}` is a reserved word of Python: choose another name for the variable.",
                text,
                match[0],
            )
    reason = (error.msg or "invalid syntax").rstrip(".")
    if "nested parentheses" in reason:
        return ExpressionError(f"Too many nested parentheses; at most {MAX_DEPTH} levels are accepted.", text)
    if "never closed" in reason:
        return ExpressionError("This parenthesis is never closed: add `)`.", text, position)
    if "unmatched" in reason:
        return ExpressionError("This parenthesis was never opened: remove it or add `(`.", text, position)
    if "=" in text:
        return ExpressionError("A formula has no `=`: type only the right-hand side.", text, text.index("="))
    if "forgot a comma" in reason or reason == "invalid syntax":
        reason = "an operator or a number is missing or out of place"
    return ExpressionError(f"This is not a formula: {reason}.", text, position)


def _words(text: str) -> list[tuple[int, str]]:
    words: list[tuple[int, str]] = []
    start: int | None = None
    for position, character in enumerate(text + " "):
        if character.isalnum() or character == "_":
            start = position if start is None else start
        elif start is not None:
            words.append((start, text[start:position]))
            start = None
    return words


class _Reader:
    """Turns an accepted syntax tree into nodes, with a stack of its own instead of recursion."""

    def __init__(self, text: str, functions: Mapping[str, int]) -> None:
        self._text = text
        self._functions = functions
        self._builder = Builder()

    def read(self, tree: ast.expr) -> Expression:
        finished: list[int] = []
        pending: list[tuple[ast.expr, int, bool]] = [(tree, 1, False)]
        while pending:
            item, depth, inputs_done = pending.pop()
            if depth > MAX_DEPTH:
                raise self._error(item, f"Nested too deeply here; at most {MAX_DEPTH} levels are accepted.")
            if len(self._builder.nodes) >= MAX_NODES:
                raise self._error(item, f"More than {MAX_NODES:,} operations; shorten the expression.")
            if isinstance(item, ast.Name):
                finished.append(self._variable(item))
            elif isinstance(item, ast.Constant):
                finished.append(self._constant(item))
            else:
                op, operands = self._operation(item)
                if inputs_done or not operands:
                    inputs = finished[len(finished) - len(operands) :]
                    del finished[len(finished) - len(operands) :]
                    finished.append(self._combine(op, inputs))
                else:
                    pending.append((item, depth, True))
                    pending.extend((operand, depth + 1, False) for operand in reversed(operands))
        if len(self._builder.nodes) > MAX_NODES:
            raise self._error(tree, f"More than {MAX_NODES:,} operations; shorten the expression.")
        return self._builder.build(finished[-1])

    def _combine(self, op: str, inputs: list[int]) -> int:
        if op == "pos":
            return inputs[0]
        first, *others = inputs
        if not others:
            return self._builder.apply(op, first)
        for other in others:
            first = self._builder.apply(op, first, other)
        return first

    def _variable(self, item: ast.Name) -> int:
        if item.id in self._functions:
            raise self._error(item, f"`{item.id}` is a function: write `{item.id}(…)`.")
        if len(item.id) > MAX_NAME_LENGTH:
            raise self._error(item, f"A variable's name has at most {MAX_NAME_LENGTH} characters.")
        return self._builder.variable(item.id)

    def _constant(self, item: ast.Constant) -> int:
        if isinstance(item.value, bool) or not isinstance(item.value, int | float):
            kind = type(item.value).__name__
            raise self._error(item, f"Only numbers and names are accepted here, not a {kind}.")
        try:
            value = float(item.value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise self._error(item, "This number is too large: the largest is about 1.8e308.")
        return self._builder.constant(value)

    def _operation(self, item: ast.expr) -> tuple[str, list[ast.expr]]:
        if isinstance(item, ast.BinOp):
            op = _BINARY_OPERATORS.get(type(item.op))
            if op is None:
                hint = _OPERATOR_HINTS.get(type(item.op), "this operator is not supported: use + - * / **")
                raise self._error(item.right, f"{hint[0].upper()}{hint[1:]}.")
            return op, [item.left, item.right]
        if isinstance(item, ast.UnaryOp) and isinstance(item.op, ast.USub):
            return "neg", [item.operand]
        if isinstance(item, ast.UnaryOp) and isinstance(item.op, ast.UAdd):
            return "pos", [item.operand]
        if isinstance(item, ast.Call):
            return self._call(item)
        raise self._error(
            item,
            f"A {_describe(item)} is not part of a formula: use numbers, names, + - * / ** and functions.",
        )

    def _call(self, item: ast.Call) -> tuple[str, list[ast.expr]]:
        if not isinstance(item.func, ast.Name):
            raise self._error(item, "Only a plain function name can be called.")
        name = item.func.id
        if name not in self._functions:
            known = ", ".join(self._functions)
            raise self._error(item, f"Unknown function `{name}`: known are {known}.")
        if item.keywords or any(isinstance(argument, ast.Starred) for argument in item.args):
            raise self._error(item, f"`{name}` takes plain arguments only.")
        wanted, got = self._functions[name], len(item.args)
        variadic = name in {"min", "max"} and got >= wanted
        if got != wanted and not variadic:
            raise self._error(item, f"`{name}` takes {wanted} argument{'s' * (wanted > 1)}; {got} came.")
        return name, item.args

    def _error(self, item: ast.expr, message: str) -> ExpressionError:
        # The parser counts UTF-8 bytes; a caret counts characters.
        position = len(self._text.encode()[: item.col_offset].decode(errors="ignore"))
        return ExpressionError(message, self._text, position)


def _describe(item: ast.expr) -> str:
    names = {
        ast.Compare: "comparison",
        ast.BoolOp: "logical operator",
        ast.Lambda: "lambda",
        ast.Attribute: "dot (attribute)",
        ast.Subscript: "subscript",
        ast.List: "list",
        ast.Tuple: "comma or tuple",
        ast.Dict: "dictionary",
        ast.IfExp: "condition",
        ast.JoinedStr: "string",
        ast.UnaryOp: "`not` or `~`",
    }
    return names.get(type(item), type(item).__name__.lower())
