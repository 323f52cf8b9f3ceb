"""The tables of checks: what each cell says, in words beside the colour, and nothing while it is hidden."""

from __future__ import annotations

import re
from html import unescape

from streamlit.testing.v1 import AppTest

from core.contracts.verdict import Check, Moment, Verdict
from ui.contracts.own_class import OwnClass

RIGHT = Verdict("A", "I", 3, Check.ABC, True, Moment.NEVER, "All is there.")
LATE = Verdict("A", "I", 3, Check.PROTOCOL, True, Moment.FIRST_CALL, "Names only.")
WRONG = Verdict("A", "I", 3, Check.SIGNATURE, False, Moment.IMPORT, "`f` has <no> x.")
UNKNOWN = Verdict("A", "I", 3, Check.DUCK, None, Moment.NEVER, "Its base is not here.")
ALL = (RIGHT, LATE, WRONG, UNKNOWN)


def shown(classes: list[OwnClass], *, hidden: bool = False, projector: bool = False) -> str:
    """The stage's HTML."""

    def page(classes, hidden, projector):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - run without this file
        from ui.contracts.board import show_classes

        show_classes(classes, hidden=hidden, guessed=hidden, projector=projector)

    app = AppTest.from_function(page, args=(classes, hidden, projector)).run()
    assert [error.value for error in app.exception] == []
    return "".join(element.value for element in app.html) + "".join(
        each.value + each.proto.help for each in app.caption
    )


def rows(html: str) -> list[list[str]]:
    """The cells of the table."""
    return [
        [unescape(re.sub(r"<br>", " | ", cell)) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        for row in re.findall(r"<tr><td>.*?</tr>", html)
    ]


def test_one_class_has_a_row_for_each_check_with_the_reason() -> None:
    html = shown([OwnClass("A", "I", 3, ALL, (WRONG,), "")])
    assert rows(html) == [
        ["ABC", "✓ passes", "", "All is there."],
        ["Protocol", "✗ lets it pass: first call", "", "Names only."],
        ["signature check", "✗ import", "✗ import", "<code>f</code> has <no> x."],
        ["duck typing", "? cannot be told", "", "Its base is not here."],
    ]
    assert "has &lt;no&gt; x" in html
    assert "cannot be told: duck" in html


def test_several_classes_have_a_row_each_and_say_where_run_and_reading_differ() -> None:
    ran = Verdict("A", "I", 3, Check.DUCK, False, Moment.FIRST_CALL, "It raised.")
    read = Verdict("B", "I", 9, Check.ABC, True, Moment.NEVER, "")
    differs = Verdict("B", "I", 9, Check.ABC, False, Moment.INSTANTIATION, "")
    html = shown(
        [OwnClass("A", "I", 3, ALL, (ran,), ""), OwnClass("B", "I", 9, (read,), (differs,), "")],
    )
    assert rows(html) == [
        [
            "A",
            "✓ passes",
            "✗ first call",
            "✗ import",
            "run: ✗ first call | read: ? cannot be told",
        ],
        ["B", "run: ✗ instantiation | read: ✓ passes", "", "", ""],
    ]


def test_what_fails_early_looks_in_the_table_as_it_does_on_the_line() -> None:
    late = Verdict("A", "I", 3, Check.DUCK, False, Moment.FIRST_CALL, "")
    html = shown([OwnClass("A", "I", 3, (WRONG, late), (), "")])
    assert "<td class='said-fired' data-what='by reading it'>✗ import" in html
    assert "<td class='said-silent' data-what='by reading it'>✗ first call" in html
    assert "<span class='chip early'>✗ signature" in html
    assert "<span class='chip late'>✗ duck" in html


def test_the_projector_has_the_reasons_besides_the_verdict_in_place_of_the_table() -> None:
    html = shown([OwnClass("A", "I", 3, ALL, (), "")], projector=True)
    assert rows(html) == []
    reasons = re.findall(r"<div><b>(\w+)</b> ", html)
    assert reasons == ["ABC", "Protocol", "duck"]


def test_hidden_the_tables_tell_nothing() -> None:
    for classes in (
        [OwnClass("A", "I", 3, ALL, (), "")],
        [OwnClass(name, "I", 3, ALL, (), "") for name in "AB"],
    ):
        html = shown(classes, hidden=True)
        assert {cell for row in rows(html) for cell in row[1:]} == {"?"}
        assert "passes" not in html
        assert "Names only" not in html


def test_more_classes_than_there_is_room_for_are_counted() -> None:
    many = [OwnClass(f"A{number}", "I", 3, ALL, (), "") for number in range(7)]
    assert "And 3 more classes: under Why?" in shown(many)
    assert "And 5 more classes: under Why?" in shown(many, projector=True)
    assert "more class" not in shown(many[:2])


def test_the_verdict_is_what_abc_says_first() -> None:
    refused = Verdict("A", "I", 3, Check.ABC, False, Moment.INSTANTIATION, "f is missing.", ("f",))
    assert "✓ A is refused at instantiation" in shown([OwnClass("A", "I", 3, (refused,), (), "")])
    assert "✗ abc lets A pass, and it is broken" in shown([OwnClass("A", "I", 3, (RIGHT, WRONG), (), "")])
    assert "✓ every class keeps its contract" in shown([OwnClass("A", "I", 3, (RIGHT,), (), "")])
    assert "✓ nothing wrong that reading can tell" in shown([OwnClass("A", "I", 3, (RIGHT, UNKNOWN), (), "")])


def test_what_the_checks_suppose_is_said_below_either_table() -> None:
    for classes in (
        [OwnClass("A", "I", 3, ALL, (), "")],
        [OwnClass(name, "I", 3, ALL, (), "") for name in "AB"],
    ):
        assert "suppose that the class does not inherit from its interface" in shown(classes)
