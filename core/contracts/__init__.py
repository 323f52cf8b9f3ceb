"""The contracts lab: what holds a class to an interface, and when a broken one fails.

`examine` reads a program's text and runs nothing of it. `trial_program` gives what tries the same classes for
real, in `core.sandbox`, and `read_trial` reads what comes back.
"""

from core.contracts.examination import Examination, InterfaceSummary
from core.contracts.examine import examination, examine, stub_for
from core.contracts.trial import Place, Trial, TriedClass, read_trial, trial_program
from core.contracts.verdict import MAX_CHARACTERS, MAX_CLASSES, Check, ContractError, Moment, Verdict
from core.contracts.wording import wordings

__all__ = [
    "MAX_CHARACTERS",
    "MAX_CLASSES",
    "Check",
    "ContractError",
    "Examination",
    "InterfaceSummary",
    "Moment",
    "Place",
    "Trial",
    "TriedClass",
    "Verdict",
    "examination",
    "examine",
    "read_trial",
    "stub_for",
    "trial_program",
    "wordings",
]
