"""What a value of a Python program is given to: a variable, a keyword, a key, a parameter, a comparison."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from core.secrets.leaks.passage import Role

# Calls whose first argument names what the second is.
_LOOKUPS: Final = frozenset({"getenv", "get", "setdefault", "pop", "getattr", "setattr", "setenv", "putenv"})
# Calls that give back their argument in another form.
_WRAPPERS: Final = frozenset({"str", "bytes", "SecretStr", "SecretBytes", "Secret", "b64decode", "quote"})
# Pairs of a user and a password, and calls that take the two.
_PAIRS: Final = frozenset({"auth", "http_auth", "basic_auth"})
_LOGINS: Final = frozenset({"HTTPBasicAuth", "HTTPDigestAuth", "HTTPProxyAuth", "BasicAuth", "DigestAuth"})
_PASSWORD: Final = "password"  # noqa: S105 - the name of a parameter
_METHODS: Final = frozenset({"encode", "decode", "strip", "format", "join", "rstrip", "lstrip", "replace"})


@dataclass(frozen=True)
class Named:
    """What is known of an expression from where it stands.

    Attributes:
        name: what it is given to.
        assigned: whether that is a variable.
        role: how a literal in it is read.
        parts: the same for each part of a tuple that is given to several.
    """

    name: str = ""
    assigned: bool = False
    role: Role = Role.VALUE
    parts: tuple[Named, ...] = ()


Child: TypeAlias = tuple[ast.AST, Named]
TextOf: TypeAlias = Callable[[ast.AST], str]


def children(node: ast.AST, named: Named, text_of: TextOf) -> Iterator[Child]:
    """The parts of a node, each with what it is given to.

    Args:
        node: of the syntax.
        named: what the node itself is given to.
        text_of: what a literal says.
    """
    known = {id(child): its for child, its in _named(node, named, text_of)}
    # All of a pattern must stay as it is.
    inherited = Named(role=Role.WORDS) if named.role is Role.WORDS else Named()
    for child in ast.iter_child_nodes(node):
        yield child, known.get(id(child), inherited)


def _named(node: ast.AST, named: Named, text_of: TextOf) -> Iterator[Child]:
    match node:
        case ast.Expr(value=ast.Constant() | ast.JoinedStr()):
            # A docstring, or a text that nobody reads.
            yield node.value, Named(role=Role.WORDS)
        case ast.match_case():
            yield node.pattern, Named(role=Role.WORDS)
        case ast.Assign():
            yield node.value, _target(node.targets[-1], node.value, text_of)
        case ast.AnnAssign() | ast.AugAssign() | ast.NamedExpr():
            if node.value:
                yield node.value, _target(node.target, node.value, text_of)
        case ast.keyword():
            yield node.value, named if named.name else _login(Named(node.arg or ""), node.value)
        case ast.Tuple() | ast.List() | ast.Set():
            parts = named.parts if len(named.parts) == len(node.elts) else (named,) * len(node.elts)
            # A command's arguments: what follows `--password` is one, unless it is an option too.
            texts = ["", *map(text_of, node.elts)]
            for before, own, each, part in zip(texts, texts[1:], node.elts, parts, strict=False):
                option = before.startswith("--") and not own.startswith("-")
                yield each, Named(before[2:]) if option else part
        case _:
            yield from _parts(node, named, text_of)


def _parts(node: ast.AST, named: Named, text_of: TextOf) -> Iterator[Child]:
    """The rest of `_named`: what gives a part of itself, and what compares or calls."""
    match node:
        case ast.Dict():
            for key, value in zip(node.keys, node.values, strict=True):
                yield value, Named(_name(key, text_of) if key else "")
        case ast.arguments():
            yield from _defaults(node)
        case ast.Compare():
            yield from _compared(node, text_of)
        case ast.Call():
            yield from _argument(node, named, text_of)
        case ast.BoolOp():
            yield from ((value, named) for value in node.values)
        case ast.IfExp():
            yield from ((value, named) for value in (node.body, node.orelse))
        case ast.BinOp(op=ast.Mod()):
            yield node.left, named
        case ast.Attribute() | ast.Starred() | ast.Await():
            yield node.value, named


def _target(target: ast.expr, value: ast.expr, text_of: TextOf) -> Named:
    """What a variable is called; of several at once, each one's name for its part."""
    if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        return Named(parts=tuple(_target(each, value, text_of) for each in target.elts))
    return _login(Named(_name(target, text_of), isinstance(target, ast.Name | ast.Attribute)), value)


def _login(named: Named, value: ast.expr) -> Named:
    """What is known of a value; of a pair called `auth`, that its second part is a password."""
    pair = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == 2
    return Named(parts=(Named("user"), Named(_PASSWORD))) if pair and named.name in _PAIRS else named


def _name(node: ast.AST, text_of: TextOf) -> str:
    """What a variable, an attribute, an item or a literal key is called; empty for anything else."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return node.attr
        case ast.Subscript():
            return _name(node.slice, text_of)
    return text_of(node)


def _defaults(node: ast.arguments) -> Iterator[Child]:
    parameters = [*node.posonlyargs, *node.args]
    for parameter, default in zip(reversed(parameters), reversed(node.defaults), strict=False):
        yield default, Named(parameter.arg)
    for parameter, value in zip(node.kwonlyargs, node.kw_defaults, strict=True):
        if value:
            yield value, Named(parameter.arg)


def _compared(node: ast.Compare, text_of: TextOf) -> Iterator[Child]:
    sides = [node.left, *node.comparators]
    for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
        if isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
            for value, other in ((left, right), (right, left)):
                if not isinstance(other, ast.Constant):
                    yield value, Named(_name(other, text_of))


def _argument(node: ast.Call, named: Named, text_of: TextOf) -> Iterator[Child]:
    called = _name(node.func, text_of)
    option = _option(node, text_of)
    if option:
        yield from ((each, Named(option)) for each in node.keywords if each.arg == "default")
    if called in _LOOKUPS:
        for first, second in zip(node.args, node.args[1:], strict=False):
            name = text_of(first)
            if name:
                yield second, Named(name)
    elif called in _LOGINS and len(node.args) > 1:
        yield node.args[1], Named(_PASSWORD)
    elif called in _WRAPPERS and node.args:
        yield node.args[0], named
    elif isinstance(node.func, ast.Attribute) and called in _METHODS:
        yield node.func, named


def _option(node: ast.Call, text_of: TextOf) -> str:
    """What a call with a default asks for: `--token` of a command line, a setting; empty for neither."""
    texts = [text for text in map(text_of, node.args) if text]
    long = [text for text in texts if text.startswith("--")]
    return (long or texts or [""])[0].lstrip("-")
