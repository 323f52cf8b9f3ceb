"""The script put together: what a visitor takes away of a benchmark."""

from __future__ import annotations

import ast
import itertools
import textwrap
from importlib import metadata
from typing import Final

from core import zoo, zoo_source
from core.benchmark.method import WARM_BLOCK_SECONDS
from core.benchmark.plan import BenchmarkPlan, needs_export
from core.benchmark.program import engines, judgement, measurement, model, process
from core.benchmark.rounds import RESOLUTIONS, BenchmarkError
from core.benchmark.statistics import RESAMPLES, SEED
from core.benchmark.verdict import LEAST_CLAIM, LEAST_ROUNDS, Verdict
from core.engines.engine import EngineKind
from core.engines.ort import OPSET
from core.export.parity import ABSOLUTE, RELATIVE
from core.export.snippets.quoting import fill

_TORCH: Final = ("torch", "numpy")
_ONNX: Final = ("onnx", "onnxscript", "onnxruntime")
_MOST_WARM_SECONDS: Final = 10.0
_WIDTH: Final = 100
_HOW: Final = (
    "Each engine has a process of its own, and all but one stand still. Every round times each engine once, "
    "in random order; the ratio of two engines is taken within each round. The first engine runs twice, "
    "which shows how far an engine differs from itself on this machine: less than that is no difference."
)


def program(plan: BenchmarkPlan) -> str:
    """A Python script that repeats a plan's measurement with PyTorch, NumPy and ONNX Runtime alone.

    It takes `--rounds`, `--seconds`, `--block-seconds`, `--warm-seconds`, `--most-foreign` and `--json`, and
    prints a table or, with `--json`, every number. Engines that it cannot repeat are named in its head and in
    what it prints; the first that it can is the baseline.

    Raises:
        BenchmarkError: if the plan is empty, or no engine of it can be repeated.
        ZooError: if there is no such model or batch.
    """
    kinds = [kind for kind in plan.engines if kind in engines.REPEATED]
    if not (plan.models and plan.batches and plan.threads and plan.engines):
        raise BenchmarkError(
            "The plan is empty: choose at least one model, engine, batch and number of threads."
        )
    if not kinds:
        raise BenchmarkError(
            f"A script cannot repeat {', '.join(plan.engines)}: choose an engine that runs on the processor."
        )
    made = [zoo.build(name, plan.seed) for name in dict.fromkeys(plan.models)]
    for each, batch in itertools.product(made, plan.batches):
        each.example_inputs(batch)
    exports = any(map(needs_export, kinds))
    body = _spaced([
        *dict.fromkeys(source for each in made for source in zoo_source.sources(each)),
        *(model.builder(each, plan.seed) for each in made),
        _tables(plan, made, exports=exports),
        process.TOOLS,
        *([engines.session(plan.options)] if exports else []),
        *(engines.REPEATED[kind] for kind in kinds),
        _engine_table(plan, kinds),
        process.PROCESS,
        judgement.METER,
        judgement.STATISTICS,
        measurement.EXPORT if exports else measurement.NO_EXPORT,
        measurement.MEASURE,
    ])  # fmt: skip
    return f"{_head(plan, kinds, exports=exports)}\n\n{_imports(body)}\n\n\n{fill(body, _numbers(plan))}\n"


def _head(plan: BenchmarkPlan, kinds: list[EngineKind], *, exports: bool) -> str:
    packages = [*_TORCH, *(_ONNX if exports else ())]
    pinned = " ".join(f"{name}=={metadata.version(name).partition('+')[0]}" for name in packages)
    others = [kind for kind in plan.engines if kind not in kinds]
    parts = [
        f'"""Who is faster, measured side by side: {", ".join(plan.models)} on {", ".join(kinds)}.',
        _HOW,
        f"pip install {pinned}",
        *(
            [f"Not repeated here, as this script measures the processor: {', '.join(others)}."]
            if others
            else []
        ),
    ]
    return "\n\n".join(textwrap.fill(each, _WIDTH, break_on_hyphens=False) for each in parts) + '\n"""'


def _tables(plan: BenchmarkPlan, made: list[zoo.ZooModel], *, exports: bool) -> str:
    opened = ["DYNAMIC = {", *map(model.dynamic, made), "}"] if exports else []
    return "\n".join([
        "MODELS = {",
        *map(model.entry, made),
        "}",
        *opened,
        f"BATCHES = {list(plan.batches)}",
        f"THREADS = {list(plan.threads)}",
    ])  # fmt: skip


def _engine_table(plan: BenchmarkPlan, kinds: list[EngineKind]) -> str:
    others = [kind for kind in plan.engines if kind not in kinds]
    return "\n".join([
        "ENGINES = {",
        *(f'    "{kind}": {engines.function(kind)},' for kind in kinds),
        "}",
        f'TWIN = "{kinds[0]}, again"',
        "NOT_REPEATED = {",
        *(f'    "{kind}": "{engines.NOT_REPEATED}",' for kind in others),
        "}",
    ])  # fmt: skip


def _numbers(plan: BenchmarkPlan) -> dict[str, str]:
    """What the blanks of the text are filled with: the very numbers that this app measures by."""
    method = plan.method
    return {
        "LOAD_SECONDS": f"{method.load_seconds:g}",
        "STATISTICS_SEED": str(SEED),
        "RESAMPLES": str(RESAMPLES),
        "LOW": "0.025",
        "HIGH": "0.975",
        "CLAIM": f"{LEAST_CLAIM:.0%}",
        "LEAST_CLAIM": repr(LEAST_CLAIM),
        "LEAST_ROUNDS": str(LEAST_ROUNDS),
        "FASTER": Verdict.FASTER.value,
        "SLOWER": Verdict.SLOWER.value,
        "CANNOT_TELL": Verdict.CANNOT_TELL.value,
        "ORDER_SEED": str(method.seed),
        "ABSOLUTE": repr(ABSOLUTE),
        "RELATIVE": repr(RELATIVE),
        "MOST_WARM": f"{_MOST_WARM_SECONDS:g}",
        "WARM_BLOCK": repr(WARM_BLOCK_SECONDS),
        "RESOLUTIONS": str(RESOLUTIONS),
        "MOST_ROUNDS": str(method.most_rounds),
        "LEAST_ROUNDS_ASKED": str(method.least_rounds),
        "LEAST_SECONDS": repr(method.least_seconds),
        "BLOCK_SECONDS": repr(method.block_seconds),
        "WARM_SECONDS": repr(method.warm_seconds),
        "MOST_FOREIGN": repr(method.most_foreign),
        "OPSET": str(OPSET),
    }


def _imports(body: str) -> str:
    """The lines that import what a text uses."""
    used = {node.id for node in ast.walk(ast.parse(fill(body, _Anything()))) if isinstance(node, ast.Name)}
    kept = []
    for line in process.IMPORTS.splitlines():
        node = ast.parse(line).body
        names = [each.asname or each.name for one in node for each in getattr(one, "names", ())]
        needed = [name for name in names if name in used]
        if not names or len(needed) == len(names):
            kept.append(line)
        elif needed:
            kept.append(f"{line.partition(' import ')[0]} import {', '.join(needed)}")
    return "\n".join(kept)


class _Anything(dict[str, str]):
    """A number for every blank."""

    def __missing__(self, _: str) -> str:
        return "0"


def _spaced(blocks: list[str]) -> str:
    """The blocks with two empty lines around classes and functions, one between others."""
    found = blocks[0]
    for before, block in itertools.pairwise(blocks):
        wide = any(each.startswith(("class ", "def ")) for each in (before, block))
        found += ("\n\n\n" if wide else "\n\n") + block
    return found
