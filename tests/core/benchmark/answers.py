"""Made-up answers to the questions beside "Who is faster?": known numbers, put together by the real code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from core.benchmark.breakeven import calls
from core.benchmark.configuration import Configuration
from core.benchmark.fairness import FairnessPlan, FairnessReport, FairnessRow
from core.benchmark.fairness import conclude as conclude_fairness
from core.benchmark.fairness.setting import Duel, Setting
from core.benchmark.operators import (
    Clock,
    EagerSide,
    GraphNode,
    Kernel,
    ModuleTime,
    NodeState,
    OnnxSide,
    Operator,
    OperatorProfile,
    OperatorsPlan,
    Part,
)
from core.benchmark.report import Error
from core.benchmark.roofline import Copy, Gemm, OperatorWork, Peak, Roofline, RooflinePlan, Work, roofline_of
from core.benchmark.search.findings import Finalist, SearchReport, Tried
from core.benchmark.search.findings import conclude as conclude_search
from core.benchmark.search.space import Excluded, SearchPlan
from core.benchmark.statistics import Ratio
from core.benchmark.verdict import Floor, Judgement, Verdict, judge
from core.engines import EngineKind, EngineOptions, title
from tests.core.benchmark.known import Known
from tests.core.benchmark.reports import case

FAIRNESS: Final[Mapping[Setting, float]] = MappingProxyType({
    Setting.FAIR: 2.0, Setting.FAIR_THREADS: 2.5, Setting.SPIN: 5.0, Setting.FIRST_THREADS: 0.8,
    Setting.SECOND_THREADS: 3.0, Setting.FIRST_COPIES: 2.4, Setting.SECOND_COPIES: 1.6,
    Setting.GRADIENTS: 2.2, Setting.OPTIMIZATION: 1.5, Setting.COLD: 0.5, Setting.NEIGHBOR: 2.0,
    Setting.SMALL_BATCH: 4.0, Setting.LARGE_BATCH: 1.25,
})  # fmt: skip
"""How many times as fast ONNX Runtime is as eager under each setting; eager takes 2 ms."""
UNKNOWN: Final = frozenset({Setting.NEIGHBOR})
"""Settings under which no round counts."""


def ratio_of(value: float, spread: float = 0.05) -> Ratio:
    """A ratio with an interval of so large a share to either side."""
    return Ratio("ort", "eager", value, value / (1 + spread), value * (1 + spread), 40)


def judged(value: float) -> Judgement:
    """Its verdict, by a floor of one percent."""
    return judge(ratio_of(value), Floor((Ratio("eager, again", "eager", 1.0, 0.99, 1.01, 40),)))


def rows_of(plan: FairnessPlan) -> tuple[FairnessRow, ...]:
    """The pair of a plan under every setting, with the known ratios."""
    one, two = (
        Configuration(kind, EngineOptions(threads=plan.threads), plan.batch)
        for kind in (plan.first, plan.second)
    )
    duel = Duel(one, two, lambda each: Known(each.name), plan.cold_calls, plan.method.block_seconds)
    rows = []
    for setting, value in FAIRNESS.items():
        row = FairnessRow(setting, duel.title(setting), duel.about(setting), duel.reference(setting))
        if setting in UNKNOWN:
            rows.append(replace(row, problem="All 40 rounds were rejected."))
            continue
        rows.append(replace(row, judgement=judged(value), case=case({"eager": 2e-3, "ort": 2e-3 / value})))
        if row.reference is not None:
            fair = FAIRNESS[row.reference]
            moved = value / fair
            gains = "ort" if moved > 1.2 else "eager" if moved < 0.9 else ""
            rows[-1] = replace(rows[-1], moved=moved, flips=(value > 1) is not (fair > 1), gains=gains)
    return tuple(rows)


def fairness_of(plan: FairnessPlan) -> FairnessReport:
    """What a plan's measurement would find."""
    rows = rows_of(plan)
    conclusion = conclude_fairness(rows, title(plan.first), title(plan.second))
    return FairnessReport(plan, rows, conclusion, 90.0, complete=True)


def tried_of(plan: SearchPlan) -> tuple[Tried, ...]:
    """Eager as the baseline, ONNX Runtime 2 and (with other settings) 2.5 times as fast, int8 off by 4%."""
    batch, one = plan.batches[0], EngineOptions(threads=1)
    quick = Configuration(EngineKind.ORT, one, batch)
    return (
        Tried(plan.baseline, True, ratio_of(1.0), Error(0.0, 0.0, True), 0.0, True, 1e-3, 2e-3),
        Tried(
            Configuration(EngineKind.ORT, plan.baseline.options, batch),
            True, ratio_of(2.0), Error(1e-7, 1e-6, True), 1e-7, True, 0.02, 3e-3,
        ),
        Tried(quick, False, ratio_of(2.5), Error(1e-7, 1e-6, True), 1e-7, True, 0.02, 3e-3),
        Tried(
            Configuration(EngineKind.ORT_INT8_DYNAMIC, one, batch),
            True, ratio_of(3.0), Error(0.04, 0.1, False), 0.04, False, 0.05, 4e-3,
            "Its outputs are off by 0.04 of the largest.",
        ),
        Tried(Configuration(EngineKind.TORCHSCRIPT, one, batch), True, problem="It could not be loaded."),
    )  # fmt: skip


def search_of(plan: SearchPlan) -> SearchReport:
    """What a plan's search would find: the quick ONNX Runtime, which the plain one ties."""
    tried = tried_of(plan)
    eager, plain, quick = tried[:3]
    tie = Judgement(Verdict.CANNOT_TELL, ratio_of(0.99), judged(1.0).floor)
    finalists = (
        Finalist(quick, judged(2.5), None, 4e-4),
        Finalist(plain, judged(2.45), tie, 4.1e-4),
        Finalist(eager, None, judged(0.4), 1e-3),
    )
    breakeven = calls(1e-3, 1e-3, 0.521, 4e-4, interval=(2.4, 2.6), names=(eager.name, quick.name))
    report = SearchReport(
        plan,
        finalists[0],
        finalists,
        tried,
        (Excluded("cuda", "PyTorch sees no GPU here."),),
        ("ort, 2 threads, spin off, batch 1",),
        breakeven,
        0.5,
        case({eager.name: 1e-3, quick.name: 4e-4}),
        "",
        100.0,
        complete=False,
    )
    return replace(report, conclusion=conclude_search(report))


def roofline_for(plan: RooflinePlan) -> Roofline:
    """100 GFLOP/s, 10 GB/s of memory, 50 GB/s of a cache; the model does 2 million operations on 1 MB.

    Eager takes 2 ms, 1 GFLOP/s: 5% of the 20 that the memory lets through; ONNX Runtime half as long.
    """
    peak = Peak(
        plan.threads, (Gemm(256, 60e9), Gemm(512, 100e9)), Copy(2**29, 10e9), Copy(2**18, 50e9), 2**25
    )
    work = Work(
        (OperatorWork("addmm", 3, 1_900_000, 0), OperatorWork("relu", 2, 0, 100_000)),
        parameters=900_000,
        buffers=0,
        inputs=60_000,
        outputs=40_000,
    )
    measured = case({"eager": 2e-3, "ort": 1e-3}, model=plan.model, batch=plan.batch, threads=plan.threads)
    return roofline_of(peak, work, measured)


def profile_of(plan: OperatorsPlan) -> OperatorProfile:
    """A linear layer and a ReLU: ONNX Runtime has made one kernel of them."""
    eager = EagerSide(
        Clock(50, 20e-6, 16e-6, "Its clock counts nanoseconds."),
        (
            Operator(
                "aten::linear", "fc1", 1, 12e-6, 0.6, (Part("aten::addmm", 9e-6), Part("aten::t", 3e-6))
            ),
            Operator("aten::relu", "relu", 1, 5e-6, 0.25, (Part("aten::relu", 5e-6),)),
            Operator("(Python)", "", 1, 3e-6, 0.15, (Part("(Python)", 3e-6),)),
        ),
        {"": "MLP", "fc1": "Linear", "relu": "ReLU"},
    )
    onnx = OnnxSide(
        Clock(50, 8e-6, 5e-6, "Its clock counts whole microseconds."),
        (
            Kernel("fused", "FusedGemm", ("node_linear", "node_relu"), "fc1", 6e-6, 0.75),
            Kernel("(between kernels)", "", (), None, 2e-6, 0.25),
        ),
    )
    fused = "ONNX Runtime computes it with its neighbors in `fused` (FusedGemm)."
    nodes = (
        GraphNode("node_linear", "Gemm", "fc1", NodeState.REWRITTEN, ("fused",), 6e-6, fused),
        GraphNode("node_relu", "Relu", "relu", NodeState.FUSED, ("fused",), None, fused, ("node_linear",)),
        GraphNode("node_gone", "Identity", None, NodeState.REMOVED, (), None, "It was removed.", ()),
    )
    modules = (
        ModuleTime("", "MLP", 3e-6, None, 20e-6, 6e-6),
        ModuleTime("fc1", "Linear", 12e-6, 6e-6, 12e-6, 6e-6),
        ModuleTime("relu", "ReLU", 5e-6, None, 5e-6, None, "ONNX Runtime computes it with fc1."),
    )
    caveats = (f"PyTorch: {eager.clock}", f"ONNX Runtime: {onnx.clock}")
    return OperatorProfile(
        plan.model, plan.batch, plan.threads, eager, onnx, nodes, modules, 2e-6, caveats, complete=True
    )
