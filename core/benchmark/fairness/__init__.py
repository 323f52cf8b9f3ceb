"""Is it fair? Two engines measured fairly, and then as careless benchmarks measure them."""

from core.benchmark.fairness.measurement import FairnessPlan, FairnessReport, FairnessRow, conclude, fairness
from core.benchmark.fairness.setting import Setting

__all__ = ["FairnessPlan", "FairnessReport", "FairnessRow", "Setting", "conclude", "fairness"]
