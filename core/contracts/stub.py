"""The methods that a class lacks, written out: each says so when it is called."""

from __future__ import annotations

import ast
import copy
from typing import Final

from core.contracts.examination import study
from core.contracts.findings import Members
from core.contracts.hierarchy import DefinitionError, Hierarchy, Unknown
from core.contracts.interface import pairs
from core.contracts.members import Function
from core.contracts.model import Class, Kind, Member, Outside
from core.contracts.verdict import ContractError

_DECORATOR: Final = {
    Kind.PROPERTY: "property",
    Kind.CLASS_METHOD: "classmethod",
    Kind.STATIC_METHOD: "staticmethod",
}


def stub_here(source: str, class_name: str) -> str:
    """What `core.contracts.stub_for` gives, worked out in this process.

    Raises:
        ContractError: if the text cannot be read, or has no such class.
    """
    program, hierarchy, known = study(source)
    node = next((each for each in program.classes if each.name == class_name), None)
    if node is None:
        shown = class_name if len(class_name) <= 60 else f"{class_name[:59]}…"
        raise ContractError(f"The program has no class {shown}: give the name of one that it defines.")
    lacking: dict[str, tuple[Member, Class | Outside]] = {}
    for pair in pairs(program, hierarchy, {each.node: each for each in known.values()}):
        if pair.implementation is not node:
            continue
        try:
            members = Members(pair, hierarchy)
        except DefinitionError:
            continue
        for name, member in pair.interface.required.items():
            if members.is_missing(name):
                lacking.setdefault(name, (member, pair.interface.node))
    lacking |= _abstract(node, hierarchy, lacking)
    parts = [_stub(node, member, owner) for member, owner in lacking.values()]
    indent = " " * node.indent
    return "\n\n".join(
        "\n".join(f"{indent}{line}" if line else "" for line in part.splitlines()) for part in parts
    ) + ("\n" if parts else "")


def _abstract(
    node: Class, hierarchy: Hierarchy, lacking: dict[str, tuple[Member, Class | Outside]]
) -> dict[str, tuple[Member, Class | Outside]]:
    """What else stops the creation of objects: constructors, and what stands behind an abstract method."""
    found: dict[str, tuple[Member, Class | Outside]] = {}
    try:
        for name in sorted(hierarchy.abstract(node)):
            at = hierarchy.find(node, name)
            if at is not None and name not in lacking:
                found[name] = (at.member, at.owner)
    except (Unknown, DefinitionError):
        return {}
    return found


def _stub(node: Class, member: Member, interface: Class | Outside) -> str:
    """One member, not indented."""
    name = member.name
    if member.kind is Kind.VALUE:
        return f"{name} = ...  # {interface.name} asks for this value"
    said = f"{node.name}.{name} is not written yet"
    first, rest = _header(member, interface)
    lines = [
        *([f"@{_DECORATOR[member.kind]}"] if member.kind in _DECORATOR else []),
        f"{first}def {name}{rest}:",
    ]
    lines += [f'    """{_summary(member, interface)}"""', f'    raise NotImplementedError("{said}")']
    if member.writable and member.kind is Kind.PROPERTY:
        lines += [
            "",
            f"@{name}.setter",
            f"def {name}(self, value):",
            f'    raise NotImplementedError("{said}")',
        ]
    return "\n".join(lines)


def _header(member: Member, interface: Class | Outside) -> tuple[str, str]:
    """What stands before `def`, and the parameters with what is given back."""
    if member.node is None:
        signature = "(self)" if member.signature is None else str(member.signature)
        return ("async " if member.asynchronous else ""), signature
    node = _readable(member.node, interface)
    returns = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
    first = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    return first, f"({ast.unparse(node.args)}){returns}"


def _readable(node: Function, interface: Class | Outside) -> Function:
    """The function with defaults and annotations that mean the same in the body of another class."""
    if isinstance(interface, Outside):
        return node
    changed = copy.deepcopy(node)
    qualify = _Qualify(interface)
    changed.args = qualify.visit(changed.args)
    changed.returns = None if changed.returns is None else qualify.visit(changed.returns)
    return changed


class _Qualify(ast.NodeTransformer):
    """Writes a name of the interface's body as an attribute of the interface."""

    def __init__(self, interface: Class) -> None:
        self._interface = interface

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """One name."""
        member = self._interface.members.get(node.id)
        if member is None or member.line >= node.lineno:
            return node
        path = ast.parse(self._interface.name, mode="eval").body
        return ast.Attribute(path, node.id, ast.Load())


def _summary(member: Member, interface: Class | Outside) -> str:
    """The first line of the method's own docstring, or whose method it is."""
    text = (ast.get_docstring(member.node) if member.node else "") or ""
    first = text.strip().partition("\n")[0].strip()
    plain = first and "\\" not in first and '"' not in first and len(first) <= 100
    return first if plain else f"What {interface.name} asks for."
