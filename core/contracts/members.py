"""The members of a class, from the statements that define them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from inspect import Parameter, Signature
from typing import Final, TypeAlias

from core.contracts.known import ABSTRACT, DECORATORS, Decorator
from core.contracts.model import Body, Class, Kind, Member, Outside

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Meaning: TypeAlias = Class | Outside | Member | str | None
"""What a name stands for: a class, a function as the member that it would be, or the full name of what was
imported. None if nobody knows."""
Resolve: TypeAlias = Callable[[ast.expr], Meaning]

_NO_VALUE: Final = object()
_PLAIN: Final = (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp)
_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_FIXED: Final = {
    Decorator.PROPERTY: ("property", Kind.PROPERTY),
    Decorator.CLASS_METHOD: ("classmethod", Kind.CLASS_METHOD),
    Decorator.STATIC_METHOD: ("staticmethod", Kind.STATIC_METHOD),
}


def mangled(name: str, class_name: str) -> str:
    """A name as Python keeps it in the body of a class: `__x` of `Model` is `_Model__x`."""
    owner = class_name.rpartition(".")[2].lstrip("_")
    private = name.startswith("__") and not name.endswith("__") and "." not in name
    return f"_{owner}{name}" if private and owner else name


def of_function(node: Function, name: str, resolve: Resolve, before: Mapping[str, Member]) -> Member:
    """What a function statement in a class defines.

    Args:
        node: the statement.
        name: mangled.
        resolve: what an expression stands for.
        before: the members that the class's body has so far: a setter adds to a property among them.
    """
    member = Member(
        name,
        node.lineno,
        Kind.METHOD,
        body=_body(node),
        asynchronous=isinstance(node, ast.AsyncFunctionDef),
        awaitable=_awaitable(node),
        signature=signature_of(node.args),
        callable=True,
        node=node,
    )
    for decorator in reversed(node.decorator_list):
        member = _decorated(member, decorator, resolve, before)
    return member


def of_value(value: ast.expr, name: str, resolve: Resolve) -> Member:
    """What an assignment in a class defines."""
    line = value.lineno
    if isinstance(value, ast.Lambda):
        return Member(
            name,
            line,
            Kind.METHOD,
            signature=signature_of(value.args),
            awaitable=False if isinstance(value.body, _PLAIN) else None,
            callable=True,
        )
    if isinstance(value, _PLAIN):
        is_none = isinstance(value, ast.Constant) and value.value is None
        return Member(name, line, Kind.VALUE, callable=False, is_none=is_none)
    if isinstance(value, ast.Call):
        return _of_call(value, name, resolve)
    meaning = resolve(value)
    if isinstance(meaning, Member):
        return replace(meaning, name=name, line=line, node=None)
    if isinstance(meaning, Class):
        return Member(name, line, Kind.VALUE, callable=True)
    return Member(name, line, asynchronous=None)


def signature_of(arguments: ast.arguments) -> Signature | None:
    """The signature that a function has, without its annotations; None if there can be none."""
    positional = [*arguments.posonlyargs, *arguments.args]
    without = len(positional) - len(arguments.defaults)
    parameters = [
        Parameter(
            each.arg,
            Parameter.POSITIONAL_ONLY
            if number < len(arguments.posonlyargs)
            else Parameter.POSITIONAL_OR_KEYWORD,
            default=Parameter.empty if number < without else _NO_VALUE,
        )
        for number, each in enumerate(positional)
    ]
    if arguments.vararg is not None:
        parameters.append(Parameter(arguments.vararg.arg, Parameter.VAR_POSITIONAL))
    parameters += [
        Parameter(each.arg, Parameter.KEYWORD_ONLY, default=Parameter.empty if default is None else _NO_VALUE)
        for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if arguments.kwarg is not None:
        parameters.append(Parameter(arguments.kwarg.arg, Parameter.VAR_KEYWORD))
    try:
        return Signature(parameters)
    except ValueError:
        return None


def sets_of(node: Function) -> tuple[dict[str, bool], bool]:
    """The attributes that an `__init__` sets, each with whether surely; and if it calls that of its bases."""
    receiver = next((each.arg for each in [*node.args.posonlyargs, *node.args.args]), "")
    found: dict[str, bool] = {}
    calls_super = False
    surely = {id(target) for statement in node.body for target in _targets(statement)}
    for each in ast.walk(node):
        if (
            isinstance(each, ast.Attribute)
            and isinstance(each.ctx, ast.Store)
            and isinstance(each.value, ast.Name)
            and each.value.id == receiver
        ):
            found[each.attr] = found.get(each.attr, False) or id(each) in surely
        calls_super = calls_super or (isinstance(each, ast.Attribute) and each.attr == "__init__")
    return found, calls_super


def _targets(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AnnAssign) and statement.value else []


def _decorated(member: Member, decorator: ast.expr, resolve: Resolve, before: Mapping[str, Member]) -> Member:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(called, ast.Attribute) and called.attr in {"setter", "getter", "deleter"}:
        return _accessor(member, called, resolve, before)
    meaning = resolve(called)
    if not isinstance(meaning, str) or meaning not in DECORATORS:
        # Whatever it gives, a stub behind it may still be meant as one.
        abstract = None if member.abstract or member.body is not Body.REAL else False
        return replace(
            member,
            kind=Kind.UNKNOWN,
            abstract=abstract,
            signature=None,
            asynchronous=None,
            awaitable=None,
            callable=None,
        )
    for does in DECORATORS[meaning]:
        member = _apply(member, does)
    return member


def _apply(member: Member, does: Decorator) -> Member:
    fixed = {kind: name for name, kind in _FIXED.values()}
    # What wraps an `async def` may be one or not.
    plain = False if member.asynchronous is False else None
    match does:
        case Decorator.ABSTRACT if member.kind in fixed and not member.problem:
            name = fixed[member.kind]
            return replace(
                member,
                problem=f"@abstractmethod stands above @{name}, which does not let itself be marked; it has "
                "to stand below",
            )
        case Decorator.ABSTRACT:
            return replace(member, abstract=True)
        case Decorator.CACHED_PROPERTY:
            # It hides the mark of what it wraps.
            return replace(member, kind=Kind.PROPERTY, abstract=False, writable=True)
        case Decorator.CACHES:
            return replace(member, asynchronous=plain, cached=True)
        case Decorator.KEEPS_SIGNATURE:
            return replace(member, asynchronous=plain, awaitable=None)
        case Decorator.KEEPS_ALL:
            return member
    return replace(member, kind=_FIXED[does][1])


def _accessor(
    member: Member, decorator: ast.Attribute, resolve: Resolve, before: Mapping[str, Member]
) -> Member:
    """A property with one more accessor: it is abstract as long as one of them is."""
    value = decorator.value
    first: Meaning = before.get(value.id) if isinstance(value, ast.Name) else None
    first = first or resolve(value)
    if not isinstance(first, Member) or first.kind is not Kind.PROPERTY:
        return replace(member, kind=Kind.UNKNOWN, abstract=None, signature=None)
    replaced = decorator.attr == "getter"
    if first.abstract is None or member.abstract is None:
        abstract = None
    else:
        abstract = member.abstract or (first.abstract and not replaced)
    return replace(
        first,
        name=member.name,
        line=member.line,
        abstract=abstract,
        node=member.node if replaced or first.node is None else first.node,
        body=member.body if replaced else first.body,
        writable=first.writable or decorator.attr == "setter",
    )


def _of_call(value: ast.Call, name: str, resolve: Resolve) -> Member:
    """What `name = f(...)` defines, where f may be a decorator that is called by hand."""
    meaning = resolve(value.func)
    line = value.lineno
    if isinstance(meaning, str) and meaning in DECORATORS and len(value.args) == 1 and not value.keywords:
        member = of_value(value.args[0], name, resolve)
        for does in DECORATORS[meaning]:
            member = _apply(member, does)
        return replace(member, line=line)
    marks = any(
        isinstance(part, ast.Name | ast.Attribute) and resolve(part) in ABSTRACT for part in ast.walk(value)
    )
    return Member(name, line, abstract=None if marks else False, asynchronous=None)


def _body(node: Function) -> Body:
    statements = [
        each
        for each in node.body
        if not isinstance(each, ast.Pass)
        and not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
    ]
    if not statements:
        return Body.EMPTY
    first = statements[0]
    if isinstance(first, ast.Raise) and first.exc is not None:
        raised = first.exc.func if isinstance(first.exc, ast.Call) else first.exc
        if isinstance(raised, ast.Name) and raised.id == "NotImplementedError":
            return Body.RAISES
    return Body.REAL


def _awaitable(node: Function) -> bool | None:
    """Whether what a call gives is there to be awaited."""
    generates = False
    open_ended = False
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        each = waiting.pop()
        if isinstance(each, _SCOPES):
            continue
        generates = generates or isinstance(each, ast.Yield | ast.YieldFrom)
        open_ended = open_ended or (
            isinstance(each, ast.Return) and not (each.value is None or isinstance(each.value, _PLAIN))
        )
        waiting.extend(ast.iter_child_nodes(each))
    if isinstance(node, ast.AsyncFunctionDef):
        return None if generates else True
    return None if open_ended and not generates else False
