"""Reads a program's classes from its syntax tree, in the order in which Python would define them."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from core.contracts import members
from core.contracts.known import CLASS_DECORATORS, DATACLASS
from core.contracts.members import Function, Meaning
from core.contracts.model import Changes, Class, Kind, Member, Outside, Program
from core.contracts.scope import Scope, blocks, called, shown
from core.contracts.verdict import MAX_CLASSES, ContractError

_EMPTY: Final = frozenset({"builtins.frozenset", "builtins.set"})


def read(tree: ast.Module) -> Program:
    """The classes of a program.

    Raises:
        ContractError: if there are too many.
    """
    reader = _Reader()
    reader.statements(tree.body)
    reader.functions()
    return reader.program()


class _Reader:
    """Walks statements, and keeps the classes and what is done to them."""

    def __init__(self) -> None:
        self.scope = Scope()
        self.doubt = ""
        self._classes: list[Class] = []
        self._registered: set[tuple[Class, Class]] = set()
        self._changes: dict[Class, Changes] = {}
        # A function's body is read last: it runs when all names of the module have their meaning.
        self._functions: deque[tuple[Function, Scope]] = deque()

    def program(self) -> Program:
        """What was read."""
        classes = sorted(self._classes, key=lambda each: each.line)
        return Program(tuple(classes), frozenset(self._registered), dict(self._changes))

    def statements(self, body: Iterable[ast.stmt]) -> None:
        """Reads statements outside of classes."""
        for each in body:
            self._statement(each)

    def later(self, node: Function, scope: Scope) -> None:
        """Keeps a function in a scope for `functions`."""
        self._functions.append((node, scope))

    def functions(self) -> None:
        """Reads the bodies of the functions, and of those in them."""
        while self._functions:
            node, scope = self._functions.popleft()
            self.scope = scope.inner(f"{scope.prefix}{node.name}.<locals>.")
            self.statements(node.body)

    def define(self, node: ast.ClassDef) -> Class:
        """Reads a class statement, and binds its name."""
        if len(self._classes) >= MAX_CLASSES:
            raise ContractError(f"It has more than {MAX_CLASSES} classes: give fewer.", node.lineno)
        scope = self.scope
        name = f"{scope.prefix}{node.name}"
        bases = tuple(scope.base(base) for base in node.bases if not isinstance(base, ast.Starred))
        metaclass = next((scope.base(each.value) for each in node.keywords if each.arg == "metaclass"), None)
        # The name leads to this one now, and so do those to the classes within.
        self._classes = [each for each in self._classes if not f"{each.name}.".startswith(f"{name}.")]
        found = _Body(self, name)
        found.read(node.body)
        constructor = found.members.get("__init__")
        function = constructor.node if constructor else None
        sets, calls_super = members.sets_of(function) if function else ({}, False)
        if any(scope.resolve(called(each)) == DATACLASS for each in node.decorator_list):
            # Its __init__ sets the fields, and those of its bases.
            sets, calls_super = dict.fromkeys(found.annotations, True) | sets, True
        made = Class(
            name,
            node.lineno,
            node.body[0].col_offset,
            bases,
            Outside(metaclass.name) if isinstance(metaclass, Class) else metaclass,
            found.members,
            found.annotations,
            {members.mangled(each, name): surely for each, surely in sets.items()},
            calls_super,
            self.doubt or self._doubt_of(node),
        )
        scope.nested[made] = found.classes
        scope.set(node.name, made)
        self._classes.append(made)
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Attribute) and decorator.attr == "register":
                self._register(decorator, made)
        return made

    @contextmanager
    def under_condition(self, line: int) -> Iterator[None]:
        """What is read meanwhile may not run."""
        before = self.doubt
        self.doubt = before or f"a condition in line {line} decides whether it is defined"
        try:
            yield
        finally:
            self.doubt = before

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.ClassDef():
                self.define(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.later(node, self.scope)
                self.scope.set(node.name, members.of_function(node, node.name, self.scope.resolve, {}))
            case ast.Import() | ast.ImportFrom():
                self.scope.take_imports(node, surely=not self.doubt)
            case ast.Assign() | ast.AnnAssign() | ast.Delete():
                self._assignment(node)
            case ast.Expr(value=ast.Call() as call):
                self._call(call)
            case _:
                for block, surely in blocks(node):
                    if surely:
                        self.statements(block)
                    else:
                        with self.under_condition(node.lineno):
                            self.statements(block)

    def _assignment(self, node: ast.Assign | ast.AnnAssign | ast.Delete) -> None:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._bind(name, self._meaning(value, name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._bind(name, self._meaning(value, name))
            case ast.Assign(targets=[ast.Attribute(value=of, attr=name)], value=value):
                owner = self.scope.resolve(of)
                if isinstance(owner, Class):
                    self._change(owner, name, value)
            case ast.Delete(targets=[ast.Attribute(value=of, attr=name)]):
                owner = self.scope.resolve(of)
                if isinstance(owner, Class):
                    self._take_away(owner, name)
            case ast.Assign(targets=targets) | ast.Delete(targets=targets):
                for each in (part for target in targets for part in ast.walk(target)):
                    if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load):
                        self._bind(each.id, None)

    def _bind(self, name: str, meaning: Meaning) -> None:
        before = self.scope.set(name, meaning)
        if isinstance(before, Class) and meaning is not before and not self.doubt:
            self._classes = [each for each in self._classes if each is not before]

    def _meaning(self, value: ast.expr, name: str) -> Meaning:
        if self.doubt:
            return None
        if isinstance(value, ast.Lambda):
            return members.of_value(value, name, self.scope.resolve)
        return self.scope.resolve(value)

    def _change(self, owner: Class, name: str, value: ast.expr) -> None:
        """`Model.predict = ...`, outside of the class."""
        before = self._changes.get(owner, Changes())
        if name == "__abstractmethods__":
            empty = (
                isinstance(value, ast.Call) and not value.args and self.scope.resolve(value.func) in _EMPTY
            )
            self._changes[owner] = replace(before, cleared=True if empty and not self.doubt else None)
            return
        member = members.of_value(value, name, self.scope.resolve)
        if self.doubt:
            member = replace(member, certain=False)
        self._changes[owner] = replace(before, members={**before.members, name: member})

    def _take_away(self, owner: Class, name: str) -> None:
        """`del Model.predict`, outside of the class."""
        before = self._changes.get(owner, Changes())
        gone = Member(name, certain=False) if self.doubt else None
        self._changes[owner] = replace(before, members={**before.members, name: gone})

    def _call(self, call: ast.Call) -> None:
        """A call whose result nobody keeps: it may change a class."""
        owner = self.scope.resolve(call.args[0]) if call.args else None
        if not isinstance(owner, Class):
            return
        if isinstance(call.func, ast.Attribute) and call.func.attr == "register":
            self._register(call.func, owner)
            return
        meaning = self.scope.resolve(call.func)
        if meaning == "abc.update_abstractmethods":
            before = self._changes.get(owner, Changes())
            counted = before.members if not self.doubt else None
            self._changes[owner] = replace(before, counted=counted, cleared=None if self.doubt else False)
        elif meaning == "builtins.setattr" and len(call.args) == 3:
            name = call.args[1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                self._change(owner, name.value, call.args[2])
        elif meaning == "builtins.delattr" and len(call.args) == 2:
            name = call.args[1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                self._take_away(owner, name.value)

    def _register(self, function: ast.Attribute, registered: Class) -> None:
        interface = self.scope.resolve(function.value)
        if isinstance(interface, Class) and not self.doubt:
            self._registered.add((interface, registered))

    def _doubt_of(self, node: ast.ClassDef) -> str:
        """Why a class statement does not say all about its class; empty if it does."""
        for decorator in node.decorator_list:
            named = called(decorator)
            registers = isinstance(named, ast.Attribute) and named.attr == "register"
            if not registers and self.scope.resolve(named) not in CLASS_DECORATORS:
                return f"its decorator @{shown(named)} may change it"
        unpacked = any(isinstance(base, ast.Starred) for base in node.bases)
        if unpacked or any(keyword.arg is None for keyword in node.keywords):
            return "its bases are unpacked from a value"
        return ""


class _Body:
    """Reads the body of one class."""

    def __init__(self, reader: _Reader, name: str) -> None:
        self.members: dict[str, Member] = {}
        self.annotations: dict[str, int] = {}
        self.classes: dict[str, Class] = {}
        self._name = name
        self._reader = reader
        # The functions of a class do not see its names.
        self._around = reader.scope
        self._scope = reader.scope.inner(f"{name}.")
        self._certain = True

    def read(self, body: Iterable[ast.stmt]) -> None:
        """Reads the statements."""
        self._reader.scope = self._scope
        try:
            self._statements(body)
        finally:
            self._reader.scope = self._around

    def _statements(self, body: Iterable[ast.stmt]) -> None:
        for each in body:
            self._statement(each)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                around = self._around.inner(f"{self._name}.")
                self._reader.later(node, around)
                name = members.mangled(node.name, self._name)
                self._add(members.of_function(node, name, self._scope.resolve, self.members), node.name)
            case ast.ClassDef():
                made = self._reader.define(node)
                self._add(Member(node.name, node.lineno, Kind.VALUE, callable=True))
                self.classes[node.name] = made
                self._scope.set(node.name, made)
            case ast.Import() | ast.ImportFrom():
                self._scope.take_imports(node, surely=self._certain)
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    self.members[name] = Member(name, node.lineno, certain=self._certain)
            case ast.Assign() | ast.AnnAssign() | ast.Delete():
                self._assignment(node)
            case _:
                for block, surely in blocks(node):
                    self._block(block, node.lineno, surely=surely)

    def _block(self, block: list[ast.stmt], line: int, *, surely: bool) -> None:
        if surely:
            self._statements(block)
            return
        before, self._certain = self._certain, False
        with self._reader.under_condition(line):
            self._statements(block)
        self._certain = before

    def _assignment(self, node: ast.Assign | ast.AnnAssign | ast.Delete) -> None:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=None):
                self.annotations[members.mangled(name, self._name)] = node.lineno
            case ast.AnnAssign(target=annotated, value=ast.expr() as value):
                self._assign(annotated, value)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.Delete(targets=targets):
                for deleted in targets:
                    if isinstance(deleted, ast.Name):
                        self.members.pop(members.mangled(deleted.id, self._name), None)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            name = members.mangled(target.id, self._name)
            self._add(members.of_value(value, name, self._scope.resolve), target.id)
        elif isinstance(target, ast.Tuple | ast.List):
            for each in target.elts:
                if isinstance(each, ast.Name):
                    name = members.mangled(each.id, self._name)
                    self._add(Member(name, each.lineno, asynchronous=None), each.id)

    def _add(self, member: Member, written: str = "") -> None:
        if not self._certain:
            # One that was there before may be it too.
            member = replace(member, certain=False, abstract=None, signature=None, kind=Kind.UNKNOWN)
        self.members[member.name] = member
        self._scope.set(written or member.name, member)
