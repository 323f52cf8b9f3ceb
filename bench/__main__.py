"""`python -m bench NAME`: run a benchmark, print its tables, write them as JSON with this machine's facts.

Some have options: `python -m bench NAME --help`.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.registry import BENCHMARKS, Benchmark, Cell, OptionError, Table
from core import machine

RESULTS: Final = Path(__file__).with_name("results")


def main(arguments: Sequence[str], benchmarks: Mapping[str, Benchmark] = BENCHMARKS) -> int:
    """Run what the arguments say; the exit status is 2 for a name that does not exist."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure, print, and write JSON.",
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="?", help="a benchmark; --list shows them")
    parser.add_argument("--json", type=Path, metavar="PATH", help="default: bench/results/NAME.json")
    parser.add_argument("--list", action="store_true", help="list the benchmarks")
    parser.add_argument("-h", "--help", action="store_true", help="this, or a benchmark's own options")
    options, more = parser.parse_known_args(arguments)
    if options.list:
        for name, benchmark in benchmarks.items():
            print(f"{name}: {benchmark.description}")
        return 0
    if options.help and options.name not in benchmarks:
        parser.print_help()
        return 0
    if options.name not in benchmarks:
        came = "no name" if options.name is None else repr(options.name)
        print(f"bench: got {came}, expected one of: {', '.join(benchmarks)}", file=sys.stderr)
        return 2
    try:
        tables = benchmarks[options.name].run([*more, "--help"] if options.help else more)
    except OptionError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    for table in tables:
        print(render(table), end="\n\n")
    path = options.json or RESULTS / f"{options.name}.json"
    write(path, options.name, tables)
    print(f"written to {path}")
    return 0


def render(table: Table) -> str:
    """The table as aligned text: words to the left, numbers to the right."""
    cells = [table.columns, *(tuple(_text(cell) for cell in row) for row in table.rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(table.columns))]
    numeric = [
        all(isinstance(row[column], int | float) for row in table.rows)
        for column in range(len(table.columns))
    ]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    ]
    rule = "  ".join("-" * width for width in widths)
    targets = [f"target {'met' if target.met else 'MISSED'}: {target.text}" for target in table.targets]
    return "\n".join(
        [table.title, "", lines[0], rule, *lines[1:], *(f"* {note}" for note in table.notes), *targets]
    )


def write(path: Path, name: str, tables: Sequence[Table]) -> None:
    """Write the tables, the machine with its library versions, and the date (UTC) as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "benchmark": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": asdict(machine.describe()),
        "tables": [asdict(table) for table in tables],
    }
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _text(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
