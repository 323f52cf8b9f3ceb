"""The contracts lab: the pair run for real, a visitor's class read and run, and nothing run unasked."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import contracts, sandbox
from core.contracts.article import PAIR
from core.contracts.cases import CASES
from core.contracts.layer import LESSONS, PROGRAM
from core.contracts.own import OWN
from core.contracts.swap import ASSEMBLIES
from core.contracts.verdict import Moment
from core.sandbox import Readiness, ReadyState, Run, SandboxError
from tests.pages.visit import Visit, open_page
from ui.contracts import own_class
from ui.contracts.inputs import (
    ARTICLE,
    ASSEMBLY_TITLES,
    CASE_TITLES,
    COMPACT,
    OWN_CLASS,
    OWN_KEY,
    STARTING,
    TABS,
    WHAT_IF_VIEWS,
    WHY_VIEWS,
)
from ui.contracts.shared_code import pack
from ui.contracts.what_if import LAYER_KEY, part_key

PAGE = "pages/contracts.py"
OWN_QUERY = {"show": OWN_CLASS}
COMPLETE = f"{STARTING}\n    def get_model_metadata(self) -> dict[str, str]:\n        return {{}}\n"
PRINTS = '\nprint("<b>bold</b> **stars** :red[no]")\n'


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with the interpreter, compiled once."""
    folder = tmp_path_factory.mktemp("sandbox")
    sandbox.configure(folder=folder, at_once=2)
    sandbox.prepare()
    until = time.monotonic() + 300
    while sandbox.readiness().state is ReadyState.PREPARING and time.monotonic() < until:
        time.sleep(0.1)
    assert sandbox.readiness().state is ReadyState.READY
    yield folder
    # The sandbox that was used ends with its workers.
    sandbox.configure(folder=folder / "none", at_once=1)


@pytest.fixture
def ready(compiled: Path) -> None:
    """The sandbox can be used."""


@pytest.fixture
def started(ready: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The programs that are run from now on."""
    programs: list[str] = []
    start = sandbox.start

    def remembered(code: str | bytes, **asked: object) -> Run:
        programs.append(code if isinstance(code, str) else code.decode())
        return start(code, **asked)  # type: ignore[arg-type]

    monkeypatch.setattr(sandbox, "start", remembered)
    return programs


def not_ready(monkeypatch: pytest.MonkeyPatch, state: ReadyState, problem: str = "") -> None:
    """Has the sandbox be in a state in which it cannot be used."""
    monkeypatch.setattr(sandbox, "readiness", lambda: Readiness(state, 3.0, 10.0, problem))
    monkeypatch.setattr(sandbox, "prepare", lambda: None)

    def never(*_: object, **__: object) -> Run:
        raise AssertionError("a program was run")

    monkeypatch.setattr(sandbox, "start", never)


def press(visit: Visit, key: str) -> Visit:
    """Press a button."""
    visit.app.button(key=key).click()
    return settle(visit.run())


def settle(visit: Visit) -> Visit:
    """Look again until nothing is waited for any more, as the page does by itself."""
    until = time.monotonic() + 60
    while any("hourglass" in text.value for text in visit.app.markdown) and time.monotonic() < until:
        time.sleep(0.1)
        visit.run()
    return visit


def write(visit: Visit, code: str) -> Visit:
    """Put code into the visitor's editor."""
    visit.app.text_area(key=OWN_KEY).set_value(code)
    return settle(visit.run())


def codes(visit: Visit) -> list[str]:
    """What stands in the blocks of code."""
    return [block.value for block in visit.app.code]


def stops(visit: Visit) -> dict[str, list[str]]:
    """What stands on the line of moments, by the class."""
    import re
    from html import unescape

    html = "".join(element.value for element in visit.app.html if "class='uth-moments'" in element.value)
    found = {}
    for row in html.split("<div class='row lane'")[1:]:
        name = re.search(r"<div class='name'>([^<]*)", row)
        assert name is not None
        found[unescape(name[1])] = [
            unescape(re.sub(r"<[^>]*>", " ", stop)).strip()
            for stop in re.split(r"<div class='stop[^>]*>", row)[1:]
        ]
    return found


# The article's pair.


def test_the_first_view_is_the_article_s_pair_run_for_real(started: list[str]) -> None:
    visit = settle(open_page(PAGE))
    assert started == [PAIR.late, PAIR.early]
    assert visit.troubles() == []
    assert stops(visit) == {
        "IncompletePredictor": ["✓", "✓", "✓", "✗ fails here", "·"],
        "RobustPredictor": ["✓", "✓", "✗ fails here", "·", "·"],
    }
    said = visit.said()
    assert said[0] == "Runtime Crash: Subclasses must implement this method!"
    assert said[1].startswith("Instantiation blocked: Can't instantiate abstract class RobustPredictor")
    assert said[1].endswith("'get_model_metadata'")
    assert visit.verdict() == "✓ the contract is found broken before a user calls"
    assert codes(visit)[:2] == [PAIR.late.strip(), PAIR.early.strip()]


def test_a_second_look_does_not_run_the_pair_again_unless_it_is_asked_for(started: list[str]) -> None:
    visit = settle(open_page(PAGE))
    visit.set(tab=TABS[0])
    assert len(started) == 2
    press(visit, "contracts:pair:again")
    assert started[2:] == [PAIR.late, PAIR.early]


def test_the_pair_can_be_opened_in_the_editor_and_is_not_run_there(started: list[str]) -> None:
    visit = press(settle(open_page(PAGE)), "contracts:pair:edit")
    assert visit.get("show") == OWN_CLASS
    assert visit.app.text_area(key=OWN_KEY).value == PAIR.both
    assert {"IncompletePredictor", "RobustPredictor"} <= set(stops(visit))
    assert len(started) == 2


def test_what_the_visitor_wrote_is_not_lost_to_a_program_that_is_opened(ready: None) -> None:
    visit = write(settle(open_page(PAGE, OWN_QUERY)), COMPLETE)
    visit.set(show=ARTICLE)
    press(visit, "contracts:pair:edit")
    assert visit.app.text_area(key=OWN_KEY).value == PAIR.both
    press(visit, f"contracts:undo:{OWN_KEY}")
    assert visit.app.text_area(key=OWN_KEY).value == COMPLETE
    assert f"contracts:undo:{OWN_KEY}" not in [button.key for button in visit.app.button]


def test_while_the_sandbox_is_prepared_the_pair_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    not_ready(monkeypatch, ReadyState.PREPARING)
    visit = open_page(PAGE)
    assert "Preparing the sandbox, once: 3 s, usually 10 to 60 s" in visit.text()
    assert stops(visit) == {
        "IncompletePredictor": ["", "", "", "✗ would fail here", ""],
        "RobustPredictor": ["", "", "✗ would fail here", "", ""],
    }
    assert "Neither has run yet" in visit.captions()


def test_without_the_sandbox_one_line_says_so_and_the_rest_works(monkeypatch: pytest.MonkeyPatch) -> None:
    not_ready(monkeypatch, ReadyState.UNAVAILABLE, "The sandbox cannot be had on this machine.")
    visit = open_page(PAGE, OWN_QUERY)
    assert visit.troubles() == ["The sandbox cannot be had on this machine."]
    assert visit.verdict() == "✓ Doubler is refused at instantiation"
    assert visit.app.button(key="contracts:own:run").disabled
    for tab in TABS:
        visit.set(tab=tab)
        assert visit.troubles() == ["The sandbox cannot be had on this machine."]
    visit.set(tab=TABS[3])
    assert visit.verdicts()[-1] == "✓ refused at instantiation"


# A visitor's own class.


def test_an_edited_class_is_read_at_once_and_not_run(started: list[str]) -> None:
    visit = settle(open_page(PAGE, OWN_QUERY))
    assert visit.numbers() == {"refused by abc": "1 of 1", "methods still missing": "1"}
    assert "✗ ABC" in stops(visit)["Doubler"][2]
    write(visit, COMPLETE)
    assert visit.numbers() == {"refused by abc": "0 of 1", "methods still missing": "0"}
    assert visit.verdict() == "✓ every class keeps its contract"
    assert started == []
    assert "Read, not run" in visit.text()


def test_run_tries_each_class_for_real(started: list[str]) -> None:
    visit = press(settle(open_page(PAGE, OWN_QUERY)), "contracts:own:run")
    assert len(started) == 1
    assert visit.troubles() == []
    rows = {row[0]: row[1:] for row in visit.board()}
    assert set(rows) == {"ABC", "Protocol", "signature check", "duck typing"}
    for read, ran, why in rows.values():
        assert ran == read
        assert why
    assert "Run just now by Python 3.12" in visit.text()


def test_results_of_other_code_are_not_shown(started: list[str]) -> None:
    visit = press(settle(open_page(PAGE, OWN_QUERY)), "contracts:own:run")
    write(visit, COMPLETE)
    assert "The code has changed since the last run" in visit.text()
    assert {row[2] for row in visit.board()} == {""}
    assert len(started) == 1


def test_what_a_visitor_s_program_prints_is_text(started: list[str]) -> None:
    visit = write(settle(open_page(PAGE, OWN_QUERY)), COMPLETE + PRINTS)
    press(visit, "contracts:own:run")
    visit.app.session_state["contracts:printed"] = True
    settle(visit.run())
    assert any("<b>bold</b> **stars** :red[no]" in code for code in codes(visit))
    assert not any("<b>bold" in html.value for html in visit.app.html)
    assert not any("**stars**" in text.value for text in visit.app.markdown)


def test_what_a_visitor_s_program_writes_to_stderr_is_shown_as_well(ready: None) -> None:
    visit = write(
        settle(open_page(PAGE, OWN_QUERY)), f"{COMPLETE}\nimport sys\nprint('careful', file=sys.stderr)\n"
    )
    press(visit, "contracts:own:run")
    visit.app.session_state["contracts:printed"] = True
    settle(visit.run())
    assert "careful" in [code.strip() for code in codes(visit)]


def test_a_stub_of_what_is_missing_makes_the_class_complete(ready: None) -> None:
    visit = settle(open_page(PAGE, {**OWN_QUERY, "tab": TABS[0], "view": WHY_VIEWS[1]}))
    (stub,) = [code for code in codes(visit) if "def get_model_metadata" in code]
    indented = "\n".join(
        f"    {line}" if line and not stub.startswith(" ") else line for line in stub.split("\n")
    )
    write(visit, f"{STARTING}\n{indented}\n")
    assert visit.numbers()["methods still missing"] == "0"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("class A(:\n    pass\n", "line 1"),
        ("x = 1\0", "a null byte"),
        ("x = 1\n" * 170_000, "characters"),
        ("x = " + "(" * 5_000 + ")" * 5_000, "nested"),
    ],
)
def test_code_that_cannot_be_read_is_one_line(code: str, said: str, ready: None) -> None:
    visit = write(settle(open_page(PAGE, OWN_QUERY)), code)
    (line,) = visit.troubles()
    assert "\n" not in line
    assert said in line
    assert stops(visit) == {}


def test_a_syntax_error_has_a_caret(ready: None) -> None:
    visit = write(settle(open_page(PAGE, OWN_QUERY)), "class A:\n    def f(:\n        pass\n")
    line, mark = visit.excerpt().split("\n")
    assert line == "    def f(:"
    assert mark == "          ^"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("", "Nothing here yet"),
        ("print('hello')", "No interface here"),
        (STARTING.split("class Doubler")[0], "No implementation here"),
    ],
)
@pytest.mark.parametrize("view", WHY_VIEWS)
def test_why_there_is_no_class_is_said_on_the_stage_and_below(
    code: str, said: str, view: str, ready: None
) -> None:
    visit = write(settle(open_page(PAGE, {**OWN_QUERY, "tab": TABS[0], "view": view})), code)
    assert visit.troubles() == []
    assert said in visit.captions()
    assert any(text.value.startswith(said) for text in visit.app.markdown)
    assert "refuses none of the classes" not in visit.text()


def test_the_example_comes_back_and_what_was_written_can_too(ready: None) -> None:
    visit = settle(open_page(PAGE, OWN_QUERY))
    assert visit.app.button(key=f"contracts:back:{OWN_KEY}").disabled
    write(visit, "x = 1")
    press(visit, f"contracts:back:{OWN_KEY}")
    assert visit.app.text_area(key=OWN_KEY).value == STARTING
    press(visit, f"contracts:undo:{OWN_KEY}")
    assert visit.app.text_area(key=OWN_KEY).value == "x = 1"


def test_the_projector_s_example_is_shorter_and_only_that_is_swapped(ready: None) -> None:
    visit = settle(open_page(PAGE, {**OWN_QUERY, "projector": "true"}))
    visit.app.session_state["projector"] = True
    settle(visit.run())
    assert visit.app.text_area(key=OWN_KEY).value == COMPACT
    assert visit.verdict() == "✓ Doubler is refused at instantiation"
    write(visit, COMPLETE)
    assert visit.app.text_area(key=OWN_KEY).value == COMPLETE


class Endless:
    """A run that goes on until it is stopped."""

    result = None
    position = 0
    problem = ""

    def wait(self, _: float) -> None:
        return None

    def stop(self) -> None:
        self.problem = "It was stopped."


def test_a_run_is_told_once_while_it_goes_on_and_once_when_it_was_stopped(
    ready: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = settle(open_page(PAGE, OWN_QUERY))
    endless = Endless()
    monkeypatch.setattr(sandbox, "start", lambda *_, **__: endless)
    visit.app.button(key="contracts:own:run").click()
    visit.run()
    assert any("Running" in text.value for text in visit.app.markdown)
    assert "Read, not run" not in visit.text()
    assert visit.verdict() == "✓ Doubler is refused at instantiation"
    next(button for button in visit.app.button if button.label == "Stop").click()
    settle(visit.run())
    assert visit.troubles() == ["It was stopped."]
    assert "Read, not run" not in visit.text()
    write(visit, COMPLETE)
    assert visit.troubles() == []
    assert "The code has changed since the last run" in visit.text()


@pytest.mark.parametrize(
    ("loop", "said"),
    [
        ("while True:\n    pass\n", "instructions: a program may execute no more here."),
        ("while True:\n    print('x' * 1000)\n", "Stopped: it printed more than a program may here."),
    ],
)
def test_a_program_without_an_end_is_stopped_and_the_limit_named(loop: str, said: str, ready: None) -> None:
    visit = write(settle(open_page(PAGE, OWN_QUERY)), f"{STARTING}\n{loop}")
    press(visit, "contracts:own:run")
    (line, *_) = visit.troubles()
    assert said in line


def test_a_program_of_newer_python_is_run_though_it_cannot_be_read(ready: None) -> None:
    newer = (
        "from abc import ABC, abstractmethod\nclass Box[T](ABC):\n    @abstractmethod\n"
        "    def get(self) -> T: ...\nclass Half[T](Box[T]):\n    pass\n"
    )
    visit = write(settle(open_page(PAGE, OWN_QUERY)), newer)
    if sys.version_info < (3, 12):
        assert "Run tries 3.12." in visit.troubles()[0]
    press(visit, "contracts:own:run")
    assert visit.troubles() == []
    assert "✗ ABC" in stops(visit)["Half"][2]


def test_an_error_of_the_visitor_s_code_has_its_line_and_who_called_it(ready: None) -> None:
    visit = write(settle(open_page(PAGE, OWN_QUERY)), "def half(x):\n    return 1 / x\n\nhalf(0)\n")
    press(visit, "contracts:own:run")
    assert visit.troubles() == ["Your code stopped at line 2: ZeroDivisionError: division by zero"]
    assert visit.excerpt().split("\n") == [
        "    return 1 / x", "           ^", "called from line 4:", "half(0)", "^"
    ]  # fmt: skip


def test_the_lab_s_own_example_of_a_protocol_is_created_and_gives_none(ready: None) -> None:
    code = "from typing import Protocol\nclass P(Protocol):\n    def f(self, a): ...\nclass S(P):\n    pass\n"
    visit = write(settle(open_page(PAGE, OWN_QUERY)), code)
    for _ in range(2):
        board = {row[0]: row[1:] for row in visit.board()}
        for check in ("ABC", "Protocol"):
            assert "f gives None: the interface's empty body runs" in board[check][-1]
        for check in ("signature check", "duck typing"):
            assert "without its base, " in board[check][-1].lower()
        press(visit, "contracts:own:run")


def test_a_run_that_is_refused_is_one_line(ready: None, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = settle(open_page(PAGE, OWN_QUERY))

    def refuse(*_: object, **__: object) -> Run:
        raise SandboxError("Too many programs wait. Try again in a moment.")

    monkeypatch.setattr(sandbox, "start", refuse)
    press(visit, "contracts:own:run")
    assert visit.troubles() == ["Too many programs wait. Try again in a moment."]
    assert visit.verdict() == "✓ Doubler is refused at instantiation"


def test_what_could_not_be_read_is_read_again(ready: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_: str) -> contracts.Examination:
        raise contracts.ContractError("Too many programs are being examined.")

    monkeypatch.setattr(own_class, "RETRY_SECONDS", -1.0)
    with monkeypatch.context() as patch:
        patch.setattr(contracts, "examination", busy)
        visit = settle(open_page(PAGE, OWN_QUERY))
        assert visit.troubles() == ["Too many programs are being examined."]
    assert settle(visit.run()).troubles() == []
    assert visit.verdict() == "✓ Doubler is refused at instantiation"


# Links.


def test_the_code_of_a_link_is_shown_and_not_run(started: list[str]) -> None:
    visit = settle(open_page(PAGE, {"code": pack(COMPLETE + PRINTS)}))
    assert visit.get("show") == OWN_CLASS
    assert visit.app.text_area(key=OWN_KEY).value == COMPLETE + PRINTS
    assert "It has not run" in visit.captions()
    assert visit.verdict() == "✓ every class keeps its contract"
    assert started == []
    press(visit, "contracts:own:run")
    assert "It has not run" not in visit.captions()
    assert "A link brought this code. You have started it." in visit.captions()


def test_edited_code_leaves_the_address(ready: None) -> None:
    visit = settle(open_page(PAGE, {"code": pack(COMPLETE)}))
    assert "code" in visit.app.query_params
    write(visit, STARTING)
    assert "code" not in visit.app.query_params
    assert "It has not run" not in visit.captions()


def test_code_goes_into_the_address_only_when_its_visitor_asks(ready: None) -> None:
    visit = write(settle(open_page(PAGE, OWN_QUERY)), COMPLETE)
    assert "code" not in visit.app.query_params
    press(visit, "contracts:share")
    assert visit.app.query_params["code"] == pack(COMPLETE)
    assert any(pack(COMPLETE) in code for code in codes(visit))
    press(visit, "contracts:reset")
    assert "code" not in visit.app.query_params


def test_a_key_in_the_code_is_not_shared(ready: None) -> None:
    key = "sk-" + "proj-" + "Ab1" * 16
    visit = write(settle(open_page(PAGE, OWN_QUERY)), f'{STARTING}\nKEY = "{key}"\n')
    press(visit, "contracts:share")
    (line,) = visit.troubles()
    assert "looks like a key" in line
    assert key not in line
    assert "code" not in visit.app.query_params


def test_code_too_long_for_a_link_is_one_line(ready: None) -> None:
    noise = "".join(f"# {n * n * 7919:x}\n" for n in range(2_000))
    visit = write(settle(open_page(PAGE, OWN_QUERY)), noise)
    press(visit, "contracts:share")
    assert any("expected at most 6,144" in line for line in visit.troubles())
    write(visit, "x = 1\n" * 20_000)
    press(visit, "contracts:share")
    assert any("has 120,000 bytes, expected at most 65,536" in line for line in visit.troubles())


@pytest.mark.parametrize("letters", ["AAAA", "%00", "a" * 7_000, "<script>alert(1)</script>"])
def test_a_hostile_link_is_one_notice_and_the_worked_example(letters: str, ready: None) -> None:
    visit = settle(open_page(PAGE, {"code": letters}))
    (notice,) = visit.notices()
    assert "code=" in notice
    assert len(notice) < 300
    assert "code" not in visit.app.query_params
    assert visit.get("show") == ARTICLE


def test_a_reset_forgets_the_code_and_what_ran(started: list[str]) -> None:
    visit = write(settle(open_page(PAGE, OWN_QUERY)), COMPLETE)
    press(visit, "contracts:own:run")
    press(visit, "contracts:reset")
    assert visit.get("show") == ARTICLE
    visit.set(show=OWN_CLASS)
    assert visit.app.text_area(key=OWN_KEY).value == STARTING
    assert "Read, not run" in visit.text()


def test_the_code_of_one_visitor_is_not_another_s(ready: None) -> None:
    word = "canary0fmine"
    write(settle(open_page(PAGE, OWN_QUERY)), f"# {word}\n{COMPLETE}")
    other = settle(open_page(PAGE, OWN_QUERY))
    assert word not in other.text()


# Predict first.


def test_predict_first_hides_when_each_fails_until_both_are_guessed(ready: None) -> None:
    visit = settle(open_page(PAGE, {"predict": "true"}))
    assert stops(visit) == {"IncompletePredictor": ["?"] * 5, "RobustPredictor": ["?"] * 5}
    assert "fails here" not in visit.text()
    assert visit.said() == []
    late, early = [each for each in visit.app.text_input if str(each.key).startswith("guess:")]
    late.set_value("import")
    settle(visit.run())
    assert visit.said()[0].startswith("✗ Runtime Crash")
    assert stops(visit)["RobustPredictor"] == ["?"] * 5
    _, early = [each for each in visit.app.text_input if str(each.key).startswith("guess:")]
    early.set_value("when it breaks")
    settle(visit.run())
    assert visit.troubles() == [
        "Got no moment: type definition, import, instantiation, first call, production or never."
    ]
    _, early = [each for each in visit.app.text_input if str(each.key).startswith("guess:")]
    early.set_value("Instantiation")
    settle(visit.run())
    assert visit.said()[1].startswith("✓ Instantiation blocked")
    assert stops(visit)["RobustPredictor"][2] == "✗ fails here"


def test_predict_first_hides_what_reading_tells_of_an_own_class(ready: None) -> None:
    visit = settle(open_page(PAGE, {**OWN_QUERY, "predict": "true"}))
    assert stops(visit) == {"Doubler": ["?"] * 5}
    assert {cell for row in visit.board() for cell in row[1:]} == {"?"}
    assert "Read, not run" not in visit.text()
    for place in range(2):
        guesses = [each for each in visit.app.text_input if str(each.key).startswith("guess:")]
        guesses[place].set_value("instantiation")
        settle(visit.run())
    assert visit.said()[0].startswith("✓")
    assert "✗ ABC" in stops(visit)["Doubler"][2]


# The tabs.


def test_both_wordings_of_the_refusal_are_shown(ready: None) -> None:
    visit = settle(open_page(PAGE, {"tab": TABS[0], "view": WHY_VIEWS[0]}))
    said = [code for code in codes(visit) if code.startswith("TypeError: ")]
    begins = "TypeError: Can't instantiate abstract class RobustPredictor"
    assert said == [
        f"{begins} with abstract method get_model_metadata",
        f"{begins} without an implementation for abstract method 'get_model_metadata'",
    ]


@pytest.mark.parametrize("title", list(CASE_TITLES))
def test_a_case_runs_when_it_was_guessed_and_prints_what_it_says(title: str, started: list[str]) -> None:
    case = CASE_TITLES[title]
    visit = settle(open_page(PAGE, {"tab": TABS[2], "case": title}))
    assert visit.app.button(key="contracts:case:run").disabled
    assert case.program not in started
    visit.app.radio(key=f"contracts:guess:{case.name}").set_value(case.answer)
    settle(visit.run())
    assert case.program not in started
    press(visit, "contracts:case:run")
    assert case.program in started
    assert visit.verdicts()[-1] == f"✓ right: {case.answer}"
    assert case.expected.strip() in [code.strip() for code in codes(visit)]
    visit.app.session_state["contracts:remedy"] = True
    settle(visit.run())
    assert case.remedied.strip() in [code.strip() for code in codes(visit)]


def test_a_wrong_guess_is_said_to_be_one(ready: None) -> None:
    case = CASES[0]
    wrong = next(choice for choice in case.choices if choice != case.answer)
    visit = settle(open_page(PAGE, {"tab": TABS[2]}))
    visit.app.radio(key=f"contracts:guess:{case.name}").set_value(wrong)
    press(settle(visit.run()), "contracts:case:run")
    assert visit.verdicts()[-1] == f"✗ not quite: {case.answer}"


def test_a_remedy_in_time_is_marked_as_one_and_not_by_its_color_alone(ready: None) -> None:
    for case in CASES:
        (title,) = [title for title, each in CASE_TITLES.items() if each is case]
        visit = settle(open_page(PAGE, {"tab": TABS[2], "case": title}))
        visit.app.radio(key=f"contracts:guess:{case.name}").set_value(case.answer)
        press(settle(visit.run()), "contracts:case:run")
        lines = stops(visit)
        (remedy,) = filter(None, lines["With the remedy"])
        early = case.caught in {Moment.DEFINITION, Moment.IMPORT, Moment.INSTANTIATION}
        assert remedy == ("✓ noticed" if early else "✗ noticed late")
        (before,) = filter(None, lines["As it is"])
        if case.fails in {Moment.FIRST_CALL, Moment.PRODUCTION}:
            assert before == "✗ noticed late"


def test_a_case_that_is_opened_in_the_editor_is_said_to_be_there(ready: None) -> None:
    visit = settle(open_page(PAGE, {"tab": TABS[2]}))
    there = "It is in the editor above, under Your own class."
    assert there not in visit.captions()
    press(visit, "contracts:case:edit")
    assert there in visit.captions()
    write(visit, COMPLETE)
    assert there not in visit.captions()


@pytest.mark.parametrize("assembly", ASSEMBLIES, ids=lambda assembly: assembly.name)
def test_a_part_is_swapped_under_the_same_pipeline(assembly: object, ready: None) -> None:
    assert isinstance(assembly, type(ASSEMBLIES[0]))
    for part in assembly.parts:
        visit = settle(open_page(PAGE, {"tab": TABS[1], "assembly": assembly.title, "part": part.name}))
        assert assembly.pipeline.strip() in codes(visit)
        assert visit.troubles() == []
        fits, refused = "fits, and the pipeline is untouched", "is refused before the pipeline begins"
        assert visit.verdicts()[-1] == f"✓ {part.name} {fits if part.complete else refused}"
        assert ("of the pipeline: TypeError: Can&#x27;t instantiate abstract class" in visit.text()) is (
            not part.complete
        )
        assert any("What it prints" in text.value for text in visit.app.markdown) is part.complete


def test_a_part_its_verdict_and_its_output_stand_in_the_order_of_cause_and_effect(ready: None) -> None:
    visit = settle(open_page(PAGE, {"tab": TABS[1]}))
    text = visit.text()
    order = [
        "**The part**",
        "The part HostedClient",
        "contracts:swap:run",
        "HostedClient fits",
        "What it prints",
    ]
    places = [text.index(each) for each in order]
    assert places == sorted(places)


def test_a_changed_part_is_no_longer_called_what_ours_was(ready: None) -> None:
    assembly, part = ASSEMBLIES[0], ASSEMBLIES[0].parts[2]
    visit = settle(open_page(PAGE, {"tab": TABS[1], "assembly": assembly.title, "part": part.name}))
    assert any("which is incomplete" in text.value for text in visit.app.markdown)
    method = "    def model_name(self):\n        return 'mine'\n\n    def complete"
    visit.app.text_area(key=part_key(assembly, part)).set_value(
        part.source.replace("    def complete", method)
    )
    press(settle(visit.run()), "contracts:swap:run")
    assert visit.verdicts()[-1] == "✓ Your part fits, and the pipeline is untouched"
    assert not any("which is incomplete" in text.value for text in visit.app.markdown)


def test_a_part_that_fails_has_a_verdict_and_the_line_that_its_visitor_sees(ready: None) -> None:
    assembly, part = ASSEMBLIES[0], ASSEMBLIES[0].parts[0]
    visit = settle(open_page(PAGE, {"tab": TABS[1]}))
    said = "import sys\nprint('careful', file=sys.stderr)\nmine = yours\n"
    visit.app.text_area(key=part_key(assembly, part)).set_value(said)
    press(settle(visit.run()), "contracts:swap:run")
    assert visit.verdicts()[-1] == "✗ Your part does not fit: NameError"
    assert visit.troubles() == ["Line 3 of the part: NameError: name 'yours' is not defined"]
    assert visit.excerpt().split("\n")[0] == "mine = yours"
    assert "careful\n" in [f"{code.strip()}\n" for code in codes(visit)]
    assert not any("Traceback" in code for code in codes(visit))


def test_an_edited_part_runs_only_when_asked(started: list[str]) -> None:
    assembly = ASSEMBLIES[0]
    key = part_key(assembly, assembly.parts[0])
    visit = settle(open_page(PAGE, {"tab": TABS[1], "assembly": assembly.title}))
    before = len(started)
    visit.app.text_area(key=key).set_value('print("mine")\nPART = LLMClient\n')
    settle(visit.run())
    assert len(started) == before
    assert "Edited since the last run, and not run" in visit.captions()
    press(visit, "contracts:swap:run")
    assert len(started) == before + 1
    assert "mine" in codes(visit)
    press(visit, "contracts:swap:back")
    assert visit.app.text_area(key=key).value == assembly.parts[0].source


def test_what_a_call_does_is_changed(started: list[str]) -> None:
    query = {"tab": TABS[1], "explore": WHAT_IF_VIEWS[1]}
    visit = settle(open_page(PAGE, query))
    assert "[Telemetry] Input value passed: 2.0\nOutput: 1.1" in [code.strip() for code in codes(visit)]
    for lesson in LESSONS:
        press(visit, f"contracts:lesson:{lesson.name}")
        assert lesson.expected.strip() in [code.strip() for code in codes(visit)]
    before = len(started)
    visit.app.text_area(key=LAYER_KEY).set_value(PROGRAM.replace("2.0", "3.0"))
    settle(visit.run())
    assert len(started) == before
    press(visit, "contracts:layer:run")
    assert "[Telemetry] Input value passed: 3.0\nOutput: 1.6" in [code.strip() for code in codes(visit)]


@pytest.mark.parametrize("own", OWN, ids=lambda own: own.name)
def test_the_app_s_own_interfaces_refuse_an_incomplete_class(own: object, ready: None) -> None:
    assert isinstance(own, type(OWN[0]))
    visit = settle(open_page(PAGE, {"tab": TABS[3], "real": own.name}))
    assert own.source.strip() in codes(visit)
    assert own.incomplete.strip() in codes(visit)
    assert visit.verdicts()[-1] == "✓ refused at instantiation"
    assert "Can&#x27;t instantiate abstract class" in visit.text()


def test_what_is_taken_away(ready: None) -> None:
    visit = settle(open_page(PAGE, {"tab": TABS[4], "assembly": list(ASSEMBLY_TITLES)[1]}))
    labels = [each.proto.label for each in visit.app.get("download_button")]
    assert labels == [
        "late.py", "early.py", "both.py", "my_contract.py", "layer.py",
        f"{ASSEMBLIES[1].name}.py", *ASSEMBLIES[1].files, f"{CASES[0].name}.py", f"{CASES[0].name}_caught.py",
    ]  # fmt: skip
