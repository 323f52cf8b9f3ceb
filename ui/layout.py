"""Where the nodes and edges of a graph go: columns and rows, from left to right.

A node's column is its longest path from an input; an input stands directly before its first consumer. The
longest chain to the loss runs straight along one row; every side chain gets the nearest row that is free over
its columns. A value that is used again far away travels along a free row, so that no edge passes a node.
Units: one column, one row. How wide they are is the drawing's matter. All loops are iterative.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

Point = tuple[int, int]


@dataclass(frozen=True)
class Place:
    """A node's cell."""

    id: int
    column: int
    row: int


@dataclass(frozen=True)
class Route:
    """An edge's way.

    Attributes:
        source, target: ids of its ends.
        points: cells (column, row) from the source's to the target's. Cells between are empty; the edge runs
            straight through them and bends, as a cubic with level ends, in the space between two columns.
        entry: where it meets the target's left side, from -1 (top) over 0 (middle) to 1 (bottom).
    """

    source: int
    target: int
    points: tuple[Point, ...]
    entry: float


@dataclass(frozen=True)
class Layout:
    """A placed graph: `columns` times `rows` cells."""

    places: tuple[Place, ...]
    routes: tuple[Route, ...]
    columns: int
    rows: int


def place(nodes: Sequence[int], edges: Sequence[tuple[int, int]]) -> Layout:
    """Places a directed graph without cycles.

    Args:
        nodes: ids, every node after the nodes that it reads from; the last one is the loss.
        edges: pairs (source, target) of such ids.
    """
    before: dict[int, list[int]] = {node: [] for node in nodes}
    after: dict[int, list[int]] = {node: [] for node in nodes}
    for source, target in dict.fromkeys(edges):
        before[target].append(source)
        after[source].append(target)
    column = _columns(nodes, before, after)
    lanes = _lanes(nodes, before, column)
    row, buses = _rows(nodes, lanes, after, column)
    top = min((*row.values(), *buses.values()), default=0)
    bottom = max((*row.values(), *buses.values()), default=-1)
    routes = _routes(before, column, row, buses, top)
    places = tuple(Place(node, column[node], row[node] - top) for node in nodes)
    return Layout(places, routes, max(column.values(), default=-1) + 1, bottom - top + 1)


def _columns(
    nodes: Sequence[int], before: dict[int, list[int]], after: dict[int, list[int]]
) -> dict[int, int]:
    """Longest path from an input; then each input directly before its first consumer."""
    column: dict[int, int] = {}
    for node in nodes:
        column[node] = max((column[source] + 1 for source in before[node]), default=0)
    for node in nodes:
        if not before[node] and after[node]:
            column[node] = min(column[target] for target in after[node]) - 1
    return column


@dataclass
class _Lane:
    """A chain through neighboring columns that stays on one row; `start` is its first column."""

    nodes: list[int]
    start: int


def _lanes(nodes: Sequence[int], before: dict[int, list[int]], column: dict[int, int]) -> list[_Lane]:
    """Splits the nodes into chains, the longest first claimed, from the loss backwards."""
    claimed: set[int] = set()
    lanes = []
    for end in reversed(nodes):
        if end in claimed:
            continue
        chain = [end]
        claimed.add(end)
        while True:
            neighbors = [
                source
                for source in before[chain[-1]]
                if source not in claimed and column[source] == column[chain[-1]] - 1
            ]
            if not neighbors:
                break
            # An operation before an input: what is computed runs straight, what is given joins it.
            chosen = min(neighbors, key=lambda source: (not before[source], source))
            chain.append(chosen)
            claimed.add(chosen)
        chain.reverse()
        lanes.append(_Lane(chain, column[chain[0]]))
    return lanes


@dataclass
class _Grid:
    """Which cells are taken."""

    taken: set[Point] = field(default_factory=set)
    top: int = 0
    bottom: int = 0

    def nearest(self, wanted: int, first: int, last: int) -> int:
        """The best row that is free in the columns `first` to `last`, near the row `wanted`; takes it."""
        best, lowest = self.bottom + 1, float("inf")
        for row in range(self.top - 1, self.bottom + 2):
            if any((position, row) in self.taken for position in range(first, last + 1)):
                continue
            step = 1 if row > wanted else -1
            between = sum((last, passed) in self.taken for passed in range(wanted + step, row, step))
            # Below is a little better than above: inputs hang under the chain that they feed.
            cost = abs(row - wanted) + 1.5 * between + (0.25 if row < wanted else 0.0)
            if cost < lowest:
                best, lowest = row, cost
        self.take(best, first, last)
        return best

    def take(self, row: int, first: int, last: int) -> None:
        self.taken.update((position, row) for position in range(first, last + 1))
        self.top, self.bottom = min(self.top, row), max(self.bottom, row)


def _rows(
    nodes: Sequence[int], lanes: list[_Lane], after: dict[int, list[int]], column: dict[int, int]
) -> tuple[dict[int, int], dict[int, int]]:
    """Each node's row, and for each node whose value travels far, the row it travels on."""
    row: dict[int, int] = {}
    buses: dict[int, int] = {}
    grid = _Grid()
    # A lane is placed next to its consumer, once that has a row. Those that join further left go first, so
    # that short ones nest inside long ones.
    order = {node: index for index, node in enumerate(nodes)}
    pending = lanes[1:]
    for main in lanes[:1]:
        grid.take(0, main.start, main.start + len(main.nodes) - 1)
        row.update(dict.fromkeys(main.nodes, 0))
    while pending:
        ready = [
            lane for lane in pending if not after[lane.nodes[-1]] or _consumer(lane, after, row) is not None
        ]
        ready.sort(key=lambda lane: (column[lane.nodes[-1]], len(lane.nodes), order[lane.nodes[-1]]))
        for lane in ready:
            consumer = _consumer(lane, after, row)
            wanted = grid.bottom + 1 if consumer is None else row[consumer]
            last = lane.nodes[-1]
            end = column[last]
            far = _reach(last, after, column)
            chosen = grid.nearest(wanted, lane.start, max(end, far))
            row.update(dict.fromkeys(lane.nodes, chosen))
            if far > end:
                buses[last] = chosen
        placed = {id(lane) for lane in ready}
        pending = [lane for lane in pending if id(lane) not in placed]
    for node in nodes:
        far = _reach(node, after, column)
        if far > column[node] and node not in buses:
            buses[node] = grid.nearest(row[node], column[node] + 1, far)
    return row, buses


def _consumer(lane: _Lane, after: dict[int, list[int]], row: dict[int, int]) -> int | None:
    return next((target for target in after[lane.nodes[-1]] if target in row), None)


def _reach(node: int, after: dict[int, list[int]], column: dict[int, int]) -> int:
    """The last column that the node's value travels through before its furthest consumer."""
    return max((column[target] - 1 for target in after[node]), default=column[node])


def _routes(
    before: dict[int, list[int]], column: dict[int, int], row: dict[int, int], buses: dict[int, int], top: int
) -> tuple[Route, ...]:
    routes = []
    for target, sources in before.items():
        arrivals: list[tuple[int, int, tuple[Point, ...]]] = []
        for source in sources:
            points = [(column[source], row[source] - top)]
            if column[target] - column[source] > 1:
                bus = buses[source] - top
                points += dict.fromkeys([(column[source] + 1, bus), (column[target] - 1, bus)])
            last = points[-1][1]
            arrivals.append((last, source, (*points, (column[target], row[target] - top))))
        entries = _entries([last for last, _, _ in arrivals], row[target] - top)
        routes += [
            Route(source, target, way, entry)
            for (_, source, way), entry in zip(arrivals, entries, strict=True)
        ]
    return tuple(routes)


def _entries(rows: Sequence[int], target: int) -> list[float]:
    """Where edges that come from these rows meet their target: level ones in the middle, the rest spread."""
    above = sorted({row for row in rows if row < target})
    below = sorted({row for row in rows if row > target}, reverse=True)
    entry = {target: 0.0}
    for side, sign in ((above, -1), (below, 1)):
        for position, row in enumerate(side):
            entry[row] = sign * 0.75 * (len(side) - position) / len(side)
    if len(set(rows)) == 1:
        entry[rows[0]] = 0.0
    return [entry[row] for row in rows]
