"""Whether a part could be plugged in: what a run of the whole program says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from core.contracts.place import Piece, place_of
from core.contracts.swap import Assembly, Part
from core.sandbox.result import GuestError, SandboxResult
from core.secrets.leaks.redact import redact
from ui.contracts.outcome import error_words
from ui.contracts.stderr import SYNTAX_ERRORS

_REFUSED: Final = re.compile(r"Can't instantiate abstract class (\w+)\b")
_PLUGGED_IN: Final = "PART()"


@dataclass(frozen=True)
class Fit:
    """The verdict on a part.

    Attributes:
        sign: ✓, or ✗ for trouble.
        words: the verdict.
        why: a sentence on it.
        told: whether it says how the program ended, so that nothing else has to.
    """

    sign: str
    words: str
    why: str
    told: bool = False


def where_in(assembly: Assembly, part: Part, line: int) -> str:
    """A line of the assembled program as its visitor sees it: in the part, or in what stands beside it."""
    return str(place_of(assembly, part, line))


def fit_of(result: SandboxResult, assembly: Assembly, part: Part, *, ours: bool) -> Fit:
    """What a run says of a part.

    Args:
        result: of the assembled program.
        assembly: what the part was plugged into.
        part: as it was plugged in.
        ours: whether a visitor has left it as it was.
    """
    name = part.name if ours else "Your part"
    error = result.error
    if result.ok and result.stdout.strip():
        return Fit(
            "✓", f"{name} fits, and the pipeline is untouched",
            "The same lines ran it as run the other parts.",
        )  # fmt: skip
    if result.ok:
        return Fit(
            "✗", f"{name} does not fit: the pipeline has printed nothing",
            "The program ended before the pipeline came to its first result.",
        )  # fmt: skip
    if result.limit is not None or result.crash:
        return Fit("✗", f"{name} does not fit: the program was stopped", "")
    if error is None:
        return Fit("✗", f"{name} does not fit: it ends the program itself", "")
    refused = _refused(error, assembly, part)
    if refused:
        said = redact(error_words(error, lambda line: where_in(assembly, part, line)))
        return Fit(
            "✓", f"{refused} is refused before the pipeline begins",
            f"{said}. So there is no object to give to the pipeline.", told=True,
        )  # fmt: skip
    return Fit("✗", f"{name} does not fit: {redact(error.kind)}", _why(error, assembly, part))


def _refused(error: GuestError, assembly: Assembly, part: Part) -> str:
    """The class that `abc` refused where the pipeline creates the part; empty if it refused none there."""
    found = _REFUSED.match(error.message) if error.kind == "TypeError" else None
    if found is None or error.line is None:
        return ""
    place = place_of(assembly, part, error.line)
    if place.piece is not Piece.PIPELINE:
        return ""
    return found[1] if _PLUGGED_IN in assembly.pipeline.split("\n")[place.line - 1] else ""


def _why(error: GuestError, assembly: Assembly, part: Part) -> str:
    if error.kind in SYNTAX_ERRORS:
        return "Python cannot read the program with it."
    if error.line is None:
        return ""
    if place_of(assembly, part, error.line).piece is Piece.PIPELINE:
        return "The pipeline, which is as it was, relies on something that the part does not give."
    return "The pipeline is as it was: the error came up beside it."
