"""What a case is: a class that an interface should have refused, and did not."""

from __future__ import annotations

from dataclasses import dataclass

from core.contracts.verdict import Moment


@dataclass(frozen=True)
class Case:
    """A short program in which a contract holds less than one expects, and a program that holds more.

    Attributes:
        name: for the address.
        title: what the class does, in a few words.
        program: what is run. It prints the moments that it comes to: `first call: …`.
        question: what to predict before it runs.
        choices: possible answers.
        answer: the right one.
        expected: what the program prints on Python 3.12.
        why: what Python does there.
        remedy: the program with the contract that finds the mistake, or with the class that can be trusted.
        remedied: what the remedy prints on Python 3.12.
        fails: when the program as it stands fails; never, if it goes on with a wrong answer.
        caught: when the remedy tells.
    """

    name: str
    title: str
    program: str
    question: str
    choices: tuple[str, ...]
    answer: str
    expected: str
    why: str
    remedy: str
    remedied: str
    fails: Moment
    caught: Moment
