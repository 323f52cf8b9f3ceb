"""What an export costs, per model and exporter, and whether a page that someone uses has to wait for one."""

import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from playwright.sync_api import Page

from bench import export_netron
from bench.browsing import Place, arrive, browsing, change, new_context, serve_blank, serve_ours
from bench.measure import Ratio, percentile, ratio, shuffled
from bench.pages import SLIDER
from bench.registry import Cell, Table, Target
from core import zoo
from core.export.child import EXPORT_SECONDS, Answer, read_answer, read_stage, start_export
from core.export.plan import Exporter, ExportPlan
from core.process import Process

CHANGE_RATIO: Final = 1.5
ALONE: Final = "alone"
BESIDE: Final = "beside an export"
DECIDES: Final = frozenset({"early_exit"})
"""Models that decide by their numbers: no exporter of PyTorch's gets them right."""

_LONG: Final = ExportPlan("transformer")
_MIB: Final = 2**20

Samples = Mapping[tuple[str, str], Sequence[float]]
"""Page, and what it was beside -> milliseconds of a change, one per round."""


def run(
    models: Sequence[str] | None = None,
    exporters: Sequence[Exporter] = tuple(Exporter),
    rounds: int = 20,
    changes: int = 4,
    path: str = "/autograd",
    netron_rounds: int = 10,
) -> list[Table]:
    """Measure.

    Args:
        models: of the zoo; None for all.
        exporters: which of PyTorch's.
        rounds: how often a page is measured, alone and beside an export.
        changes: of the page's number in each of them.
        path: of the page; it must have the input `w` and show the worked example's gradient.
        netron_rounds: how often a large model is shown, by either server.
    """
    page = Place(path.strip("/"), ours=True, path=path)
    return [
        exports(models or zoo.names(), exporters),
        waiting(measured(page, rounds, changes), page.name),
        export_netron.seen(netron_rounds),
    ]


def exports(models: Sequence[str], exporters: Sequence[Exporter]) -> Table:
    """Every model with every exporter, one after the other, each in a process of its own."""
    rows: list[tuple[Cell, ...]] = []
    wrong = []
    for model in models:
        for exporter in exporters:
            start = time.perf_counter()
            found = _answer(start_export(ExportPlan(model, exporter=exporter)))
            seconds = time.perf_counter() - start
            rows.append((model, exporter.value, seconds, *_cells(found)))
            agree = found.exported is not None and all(case.parity.agree for case in found.cases)
            if not agree and model not in DECIDES:
                wrong.append(f"{model} ({exporter})")
    return Table(
        title="Zoo sweep: seconds and peak memory of the worker per model and exporter",
        columns=(
            "model",
            "exporter",
            "seconds to answer",
            "export seconds",
            "import seconds",
            "peak MiB",
            "bytes",
            "nodes",
            "opset",
            "parity",
        ),
        rows=tuple(rows),
        notes=(
            "seconds to answer: a new process with imports, export, checker, comparison with PyTorch.",
            "import seconds: of the exporter's libraries, after PyTorch. One thread, niceness 10, opset 15.",
            "peak MiB: resident, up to the end of the export.",
            "parity: comparisons within the tolerance, over batches, seeds, kinds of input, both runtimes.",
            _load(),
        ),
        targets=(
            Target(
                f"all agree, but {', '.join(sorted(DECIDES))}, which decides by its numbers: "
                f"{', '.join(wrong) or 'so it is'}",
                met=not wrong,
            ),
        ),
    )


def measured(page: Place, rounds: int, changes: int) -> Samples:
    """Changes of a page and of a blank one, alone and while an export runs, in interleaved rounds."""
    places = {place.name: place for place in (page, SLIDER)}
    samples: dict[tuple[str, str], list[float]] = {
        (name, beside): [] for name in places for beside in (ALONE, BESIDE)
    }
    with browsing() as browser, ExitStack() as stack:
        servers = {True: stack.enter_context(serve_ours()), False: stack.enter_context(serve_blank())}
        pages: dict[str, Page] = {}
        for name, place in places.items():
            context = new_context(browser)
            stack.callback(context.close)
            pages[name] = arrive(context, servers[place.ours], place)
            _median_change(pages[name], place, 2)
        keys = {" ".join(key): key for key in samples}
        for order in shuffled(list(keys), rounds):
            for name, beside in map(keys.__getitem__, order):
                with _exporting() if beside == BESIDE else ExitStack():
                    samples[name, beside].append(_median_change(pages[name], places[name], changes))
    return samples


def waiting(samples: Samples, page: str) -> Table:
    """The table of what `measured` gave."""
    rows: list[tuple[Cell, ...]] = []
    for (name, beside), times in samples.items():
        alone, blank = ratio(times, samples[name, ALONE]), ratio(times, samples[SLIDER.name, beside])
        rows.append((name, beside, statistics.median(times), percentile(times, 90), str(alone), str(blank)))
    alone = ratio(samples[page, BESIDE], samples[page, ALONE])
    blank = ratio(samples[page, BESIDE], samples[SLIDER.name, BESIDE])
    return Table(
        title="Page interaction beside an export: from the key press to the frame with the number, ms",
        columns=("page", "when", "median", "p90", "times alone (95%)", "times blank (95%)"),
        rows=tuple(rows),
        notes=(
            f"{len(samples[page, ALONE])} interleaved rounds; of each the median of a few changes.",
            f"The export: {_LONG.model}, {_LONG.exporter}, in a process of its own, a new one each time.",
            "times blank: the blank page with slider and metric in the same rounds, beside an export too.",
            _load(),
        ),
        targets=(
            _target(f"{page}, beside an export: at most {CHANGE_RATIO:g} times alone", alone),
            _target(f"{page}, beside an export: at most {CHANGE_RATIO:g} times a blank page", blank),
        ),
    )


def _target(text: str, found: Ratio) -> Target:
    return Target(f"{text}: {found}", met=found.value <= CHANGE_RATIO)


def _median_change(page: Page, place: Place, changes: int) -> float:
    """Milliseconds of a change, up and down in turns: an even number of them ends where it began."""
    return statistics.median(change(page, place, up=turn % 2 == 0)["seen"] for turn in range(changes))


@contextmanager
def _exporting() -> Iterator[None]:
    """An export that is under way from the beginning of the block to its end.

    Raises:
        RuntimeError: if it was over before the block was: what was measured was not beside it.
    """
    process = start_export(_LONG)
    try:
        while not any(map(read_stage, process.lines())) and not process.finished:
            time.sleep(0.05)
        yield
        if process.finished:
            raise RuntimeError(f"The export was over too early; measure fewer changes. {process.error}")
    finally:
        process.stop()


def _answer(process: Process) -> Answer:
    """What an export answers; waits without asking again and again, which would take its time.

    Raises:
        RuntimeError: if it does not.
    """
    answers = [found for line in process.wait(2 * EXPORT_SECONDS) if (found := read_answer(line))]
    if not answers:
        raise RuntimeError(f"An export gave no answer: {process.error or process.last_words}")
    return answers[0]


def _cells(found: Answer) -> tuple[Cell, ...]:
    """From the export's seconds on."""
    peak = found.peak_bytes / _MIB
    made = found.exported
    if made is None:
        return (None, found.import_seconds, peak, None, None, None, f"refused: {found.refusal[:80]}")
    agree = sum(case.parity.agree for case in found.cases)
    parity = f"{agree} of {len(found.cases)} agree"
    return (made.seconds, found.import_seconds, peak, len(made.data), made.graph.nodes, made.opset, parity)


def _load() -> str:
    """Whether something else was running: a busy neighbour makes every time longer."""
    return f"Load of this machine afterwards: {os.getloadavg()[0]:.1f}, on {os.cpu_count()} cores."
