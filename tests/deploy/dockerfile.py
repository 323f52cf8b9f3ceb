"""A Dockerfile, instruction by instruction."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in capitals, and the rest with its lines joined."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        return self.text.split()

    def exec_form(self) -> list[str]:
        """The command, which has to be JSON: the other form would run it in a shell that keeps signals."""
        found = json.loads(self.text)
        assert isinstance(found, list)
        return [str(word) for word in found]


@dataclass(frozen=True)
class Stage:
    """What follows one FROM."""

    image: str
    name: str
    instructions: tuple[Instruction, ...]

    def all(self, name: str) -> list[Instruction]:
        return [one for one in self.instructions if one.name == name]

    def only(self, name: str) -> Instruction:
        (one,) = self.all(name)
        return one


@dataclass(frozen=True)
class Dockerfile:
    """Its arguments before the first stage, and its stages."""

    arguments: dict[str, str]
    stages: tuple[Stage, ...]

    @property
    def last(self) -> Stage:
        return self.stages[-1]

    def image(self, stage: Stage) -> str:
        """The image of a stage, with the arguments' defaults in it."""
        return re.sub(r"\$\{(\w+)\}", lambda found: self.arguments[found[1]], stage.image)


def parse(text: str) -> Dockerfile:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n", " ", "\n".join(lines))
    instructions = [
        Instruction(line.split(None, 1)[0].upper(), " ".join(line.split(None, 1)[1].split()))
        for line in whole.splitlines()
    ]
    starts = [index for index, one in enumerate(instructions) if one.name == "FROM"]
    arguments = [one.text.partition("=")[::2] for one in instructions[: starts[0]]]
    stages = []
    for start, end in zip(starts, [*starts[1:], len(instructions)], strict=True):
        words = instructions[start].words
        name = words[2] if len(words) > 2 else ""
        stages.append(Stage(words[0], name, tuple(instructions[start + 1 : end])))
    return Dockerfile(dict(arguments), tuple(stages))
