"""The process in which a scan runs: `python -m core.pickles.child`. Its parent is `core.pickles.worker`."""

from __future__ import annotations

from core import wire
from core.pickles.bounds import Bounds
from core.pickles.report import ScanReport
from core.pickles.scan import scan_file
from core.process import Child


def main() -> None:
    """Scans the file that the parent names, and answers with the report."""
    child = Child()
    request = child.request
    report = scan_file(request["path"], request["name"], Bounds(**request["bounds"]))
    child.emit({"report": wire.write(ScanReport, report)})


if __name__ == "__main__":
    main()
