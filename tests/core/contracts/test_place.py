"""A line of an assembled program is found again in the piece that a visitor sees."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.place import Piece, part_begins, place_of
from core.contracts.swap import ASSEMBLIES, Assembly, Part, assemble

assemblies = pytest.mark.parametrize("assembly", ASSEMBLIES, ids=lambda assembly: assembly.name)


def shown(assembly: Assembly, part: Part) -> dict[Piece, list[str]]:
    """The lines of the pieces as the page shows them."""
    texts = (assembly.interface, part.source, assembly.pipeline)
    return {
        piece: re.split(r"\r\n|\r|\n", text.rstrip("\n")) for piece, text in zip(Piece, texts, strict=True)
    }


def lines(program: str) -> list[str]:
    """The lines of a program as Python counts them."""
    return re.split(r"\r\n|\r|\n", program)


@assemblies
def test_each_line_of_the_program_is_the_line_that_is_shown(assembly: Assembly) -> None:
    for part in assembly.parts:
        pieces = shown(assembly, part)
        found = {piece: set[int]() for piece in Piece}
        for number, text in enumerate(lines(assemble(assembly, part)), 1):
            place = place_of(assembly, part, number)
            if text and not text.startswith("# The "):
                assert pieces[place.piece][place.line - 1] == text
                found[place.piece].add(place.line)
        for piece, texts in pieces.items():
            assert found[piece] == {number for number, text in enumerate(texts, 1) if text}


@given(
    st.lists(st.sampled_from(["", "x = 1", "  y", "\r", "\x0c", "é\u2028"]), max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(ASSEMBLIES),
)
def test_whatever_a_visitor_writes_its_lines_are_counted_as_python_does(
    written: list[str], end: str, assembly: Assembly
) -> None:
    part = Part("Mine", end.join([*written, "marked = 1", ""]), complete=True)
    program = lines(assemble(assembly, part))
    number = program.index("marked = 1") + 1
    place = place_of(assembly, part, number)
    assert place.piece is Piece.PART
    assert lines(part.source)[place.line - 1] == "marked = 1"
    last = place_of(assembly, part, len(program) - 1)
    assert (last.piece, last.line) == (Piece.PIPELINE, assembly.pipeline.count("\n"))


@given(st.integers(-5, 10**9), st.sampled_from(ASSEMBLIES), st.text(alphabet="a\n\r", max_size=6))
def test_no_line_is_outside_of_its_piece(number: int, assembly: Assembly, source: str) -> None:
    part = replace(assembly.parts[0], source=source)
    place = place_of(assembly, part, number)
    assert 1 <= place.line <= len(shown(assembly, part)[place.piece])


@assemblies
def test_lines_go_up_through_the_pieces_in_their_order(assembly: Assembly) -> None:
    part = assembly.parts[0]
    order = list(Piece)
    places = [place_of(assembly, part, number) for number in range(1, 120)]
    ranks = [(order.index(place.piece), place.line) for place in places]
    assert ranks == sorted(ranks)


@assemblies
def test_the_part_begins_where_its_first_line_is(assembly: Assembly) -> None:
    for part in assembly.parts:
        first = lines(assemble(assembly, part))[part_begins(assembly, part) - 1]
        assert first == part.source.split("\n")[0]


def test_a_place_is_worded_by_its_piece() -> None:
    assembly = ASSEMBLIES[0]
    part = assembly.parts[0]
    assert str(place_of(assembly, part, part_begins(assembly, part) + 2)) == "line 3 of the part"
