"""Where nodes and edges go. The promises hold for any graph, the pictures for those that a class sees."""

import timeit
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.gradients.tape import Tape, record
from ui.layout import Layout, place

Edges = list[tuple[int, int]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[int], Edges]:
    """Graphs without cycles: every node reads from earlier ones."""
    count = draw(st.integers(1, 30))
    edges = [
        (source, target)
        for target in range(1, count)
        for source in draw(st.lists(st.integers(0, target - 1), max_size=3))
    ]
    return list(range(count)), edges


def placed(tape: Tape) -> Layout:
    return place([node.id for node in tape.nodes], [(edge.source, edge.target) for edge in tape.edges])


def picture(tape: Tape) -> list[str]:
    """The layout as text: labels in their cells, `-` where an edge passes."""
    layout = placed(tape)
    rows = [["." for _ in range(layout.columns)] for _ in range(layout.rows)]
    for route in layout.routes:
        for column in range(route.points[0][0] + 1, route.points[-1][0]):
            rows[route.points[1][1]][column] = "-"
    for cell in layout.places:
        rows[cell.row][cell.column] = tape.nodes[cell.id].label
    return [" ".join(row) for row in rows]


@given(graphs())
def test_every_node_has_a_cell_of_its_own_inside_the_frame(graph: tuple[list[int], Edges]) -> None:
    layout = place(*graph)
    cells = [(cell.column, cell.row) for cell in layout.places]
    assert [cell.id for cell in layout.places] == graph[0]
    assert len(set(cells)) == len(cells)
    assert all(0 <= column < layout.columns and 0 <= row < layout.rows for column, row in cells)


@given(graphs())
def test_edges_run_to_the_right_and_pass_no_node(graph: tuple[list[int], Edges]) -> None:
    nodes, edges = graph
    layout = place(nodes, edges)
    cells = {cell.id: (cell.column, cell.row) for cell in layout.places}
    assert Counter((route.source, route.target) for route in layout.routes) == Counter(set(edges))
    for route in layout.routes:
        assert route.points[0] == cells[route.source]
        assert route.points[-1] == cells[route.target]
        assert -1 < route.entry < 1
        between = route.points[1:-1]
        assert len({row for _, row in between}) <= 1
        first, last = route.points[0][0], route.points[-1][0]
        assert first < last
        passed = {(column, between[0][1]) for column in range(first + 1, last)} if between else set()
        assert bool(passed) == (last - first > 1)
        assert not passed & set(cells.values())


@given(graphs())
def test_no_two_values_travel_on_one_way(graph: tuple[list[int], Edges]) -> None:
    carried: dict[tuple[int, int], int] = {}
    for route in place(*graph).routes:
        for column in range(route.points[0][0] + 1, route.points[-1][0]):
            assert carried.setdefault((column, route.points[1][1]), route.source) == route.source


@given(graphs())
def test_an_input_stands_directly_before_its_first_consumer(graph: tuple[list[int], Edges]) -> None:
    nodes, edges = graph
    column = {cell.id: cell.column for cell in place(nodes, edges).places}
    for node in nodes:
        consumers = [column[target] for source, target in edges if source == node]
        if consumers and all(target != node for _, target in edges):
            assert column[node] == min(consumers) - 1


def test_worked_example() -> None:
    tape = record("(w*x + b - y)**2", {"w": 0.5, "x": 2.0, "b": 0.1, "y": 5.0}, ["w", "b"])
    assert picture(tape) == ["w × + − ( )^2", "x b y . ."]


@pytest.mark.parametrize(
    ("loss", "rows"),
    [
        ("exp(sin(cos(x)))", ["x cos sin exp"]),
        ("x", ["x"]),
        ("x*x", ["x ×"]),
        ("sin(x)*cos(x)", [". cos .", "x sin ×"]),
        ("tanh(w*tanh(w*x))", ["w × tanh × tanh", "x - - . ."]),
    ],
)
def test_chains_diamonds_and_reused_leaves(loss: str, rows: list[str]) -> None:
    values = {name: 0.5 for name in "wx" if name in loss}
    drawn = picture(record(loss, values, list(values)))
    assert len(drawn) == len(rows)
    assert [len(row.split()) for row in drawn] == [len(row.split()) for row in rows]


def test_a_leaf_used_at_every_step_travels_on_one_row() -> None:
    loss = "x"
    for _ in range(29):
        loss = f"sin(({loss})*w)"
    assert placed(record(loss, {"w": 1.0, "x": 1.0}, ["w"])).rows == 2


def test_nothing_to_place() -> None:
    assert place([], []) == Layout((), (), 0, 0)


def test_is_fast() -> None:
    edges = [(0, 4), (1, 4), (2, 5), (4, 5), (5, 6), (3, 6), (6, 7)]
    assert min(timeit.repeat(lambda: place(range(8), edges), number=20, repeat=10)) / 20 < 0.3e-3
