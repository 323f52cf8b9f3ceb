"""The verdict on a part says what its run did, and names lines as the visitor counts them."""

from dataclasses import replace

import pytest

from core import sandbox
from core.contracts.swap import ASSEMBLIES, Part, assemble
from core.sandbox.result import Limit, SandboxResult
from ui.contracts.fit import Fit, fit_of, where_in
from ui.contracts.outcome import error_words

CLIENT, SOURCE = ASSEMBLIES
NAMELESS = CLIENT.parts[2]
PLUG = "\nPART = X\n"
BLOCK = "IndentationError: expected an indented block after class definition on"
ABSTRACT = (
    "TypeError: Can't instantiate abstract class LLMClient without an implementation for abstract methods "
    "'complete', 'model_name'"
)
CLASS = "class X(LLMClient):\n    def model_name(self): return 'x'\n    def complete(self, prompt): "


def tried(source: str | None = None, part: Part = NAMELESS) -> tuple[Fit, str]:
    """The verdict on a part, as it is or with other code, and how its error is worded."""
    changed = part if source is None else replace(part, source=source)
    result = sandbox.run(assemble(CLIENT, changed))
    said = ""
    if result.error is not None:
        said = error_words(result.error, lambda line: where_in(CLIENT, changed, line))
    return fit_of(result, CLIENT, changed, ours=source is None), said


def test_a_part_of_ours_that_runs_fits() -> None:
    fit, _ = tried(part=CLIENT.parts[0])
    assert (fit.sign, fit.words) == ("✓", "HostedClient fits, and the pipeline is untouched")


def test_an_incomplete_part_of_ours_is_refused_and_the_verdict_tells_all() -> None:
    fit, _ = tried()
    assert (fit.sign, fit.words) == ("✓", "NamelessClient is refused before the pipeline begins")
    assert fit.told
    last = CLIENT.pipeline.count("\n")
    assert fit.why.startswith(f"Line {last} of the pipeline: TypeError: Can't instantiate abstract class")


def test_a_repaired_part_is_the_visitor_s_and_not_called_incomplete() -> None:
    fit, _ = tried(CLASS + "return 'sales'" + PLUG)
    assert (fit.sign, fit.words) == ("✓", "Your part fits, and the pipeline is untouched")


def test_the_class_that_is_refused_is_named_not_the_part_that_was_chosen() -> None:
    fit, _ = tried("class X(LLMClient):\n    pass" + PLUG)
    assert fit.words == "X is refused before the pipeline begins"


@pytest.mark.parametrize(
    ("source", "words", "said"),
    [
        (
            CLASS + "return sales" + PLUG,
            "Your part does not fit: NameError",
            "Line 3 of the part: NameError: name 'sales' is not defined",
        ),
        (
            "\n\nx = 1\nx = 1 / 0\n",
            "Your part does not fit: ZeroDivisionError",
            "Line 4 of the part: ZeroDivisionError: division by zero",
        ),
        (
            "def f(:\n",
            "Your part does not fit: SyntaxError",
            "Line 1 of the part: SyntaxError: invalid syntax",
        ),
        (
            "class X:",
            "Your part does not fit: IndentationError",
            f"Line 1 of the pipeline: {BLOCK} line 1 of the part",
        ),
        (
            "",
            "Your part does not fit: NameError",
            f"Line {CLIENT.pipeline.count(chr(10))} of the pipeline: NameError: name 'PART' is not defined",
        ),
        (
            "class X: pass" + PLUG,
            "Your part does not fit: AttributeError",
            "Line 5 of the pipeline: AttributeError: 'X' object has no attribute 'model_name'",
        ),
        (
            CLASS + "return LLMClient()" + PLUG,
            "Your part does not fit: TypeError",
            f"Line 3 of the part: {ABSTRACT}",
        ),
    ],
    ids=["name", "import", "syntax", "block", "empty", "attribute", "refused later"],
)
def test_any_other_failure_has_a_verdict_and_the_visitor_s_line(source: str, words: str, said: str) -> None:
    fit, worded = tried(source)
    assert (fit.sign, fit.words, fit.told) == ("✗", words, False)
    assert worded == said
    assert fit.why


def test_a_part_that_ends_the_program_does_not_fit() -> None:
    assert tried("raise SystemExit(0)\n")[0].words.startswith("Your part does not fit")
    assert tried("raise SystemExit(3)\n")[0].words == "Your part does not fit: it ends the program itself"


def test_a_part_that_is_stopped_does_not_fit() -> None:
    result = SandboxResult("", "", None, Limit.FUEL, 1, 0.1)
    fit = fit_of(result, CLIENT, NAMELESS, ours=False)
    assert (fit.sign, fit.words) == ("✗", "Your part does not fit: the program was stopped")


def test_the_other_assembly_s_refusal_is_found_as_well() -> None:
    part = SOURCE.parts[2]
    fit = fit_of(sandbox.run(assemble(SOURCE, part), files=SOURCE.files), SOURCE, part, ours=True)
    assert fit.words == "OpenEndedSource is refused before the pipeline begins"
