"""The process that examines programs: `python -m core.contracts.examiner`. Its parent is `examine`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from core.contracts.examination import examine_here
from core.contracts.stub import stub_here
from core.contracts.verdict import ContractError
from core.process import Child

IDLE_SECONDS: Final = 600.0
"""How long it waits for the next program before it ends."""


def answer(command: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a command, with its number."""
    number = {"number": command.get("number")}
    try:
        match command.get("task"):
            case "examine":
                return number | {"examination": dataclasses.asdict(examine_here(str(command["source"])))}
            case "stub":
                return number | {"stub": stub_here(str(command["source"]), str(command["class"]))}
        return number | {"refused": {"message": "There is no such task: ask for examine or stub."}}
    except ContractError as error:
        place = {"line": error.line, "column": error.column, "text": error.text}
        return number | {"refused": {"message": str(error)} | place}


def main() -> None:
    """Answers one command after the other."""
    child = Child()
    child.emit({"ready": True})
    while (command := child.command(timeout=IDLE_SECONDS)) is not None:
        child.emit(answer(command))


if __name__ == "__main__":
    main()
