"""What loading a model file would do, without loading it: formats, a symbolic pickle machine, verdicts."""

from core.pickles.bounds import Bounds
from core.pickles.report import ScanReport
from core.pickles.scan import scan, scan_file
from core.pickles.verdict import Finding, Verdict
from core.pickles.worker import scan_in_worker

__all__ = ["Bounds", "Finding", "ScanReport", "Verdict", "scan", "scan_file", "scan_in_worker"]
