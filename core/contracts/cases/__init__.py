"""What `abc` does not catch: short programs, each run for real, each with a remedy that is run as well."""

from typing import Final

from core.contracts.cases.case import Case
from core.contracts.cases.doors import DOORS
from core.contracts.cases.marks import MARKS
from core.contracts.cases.names import NAMES
from core.contracts.cases.objects import OBJECTS
from core.contracts.cases.promises import PROMISES
from core.contracts.cases.protocols import PROTOCOLS

__all__ = ["CASES", "Case"]

CASES: Final[tuple[Case, ...]] = (*NAMES, *MARKS, *DOORS, *PROTOCOLS, *OBJECTS, *PROMISES)
"""All of them, each under a name of its own: the best known first."""
