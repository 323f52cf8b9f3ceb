"""How near engines come to what this machine can do: the roofline model."""

from core.benchmark.roofline.measurement import RooflinePlan, roofline
from core.benchmark.roofline.peak import Copy, Gemm, Peak, PeakPlan, measure_peak
from core.benchmark.roofline.point import Bound, Point, Roof, Roofline, place, roofline_of
from core.benchmark.roofline.work import OperatorWork, Work, WorkPlan, count_work, work_of

__all__ = [
    "Bound",
    "Copy",
    "Gemm",
    "OperatorWork",
    "Peak",
    "PeakPlan",
    "Point",
    "Roof",
    "Roofline",
    "RooflinePlan",
    "Work",
    "WorkPlan",
    "count_work",
    "measure_peak",
    "place",
    "roofline",
    "roofline_of",
    "work_of",
]
