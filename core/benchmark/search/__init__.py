"""Best here: the fastest configuration of a model on this machine, found in a given time."""

from core.benchmark.search.findings import Finalist, SearchReport, Tried
from core.benchmark.search.measurement import search
from core.benchmark.search.space import Excluded, SearchPlan

__all__ = ["Excluded", "Finalist", "SearchPlan", "SearchReport", "Tried", "search"]
