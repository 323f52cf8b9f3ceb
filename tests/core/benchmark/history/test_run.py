"""A run is recorded with everything that it takes to compare it with another."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from core import machine, zoo
from core.benchmark.fingerprint import machine_fingerprint, versions_fingerprint
from core.benchmark.history import HistoryError, model_id, new_id, record, weight_bytes
from core.benchmark.plan import BenchmarkPlan
from core.benchmark.report import Report
from core.zoo import ZooError
from tests.core.benchmark.history import made

REPORT = Report((), 60.0, complete=False)


def test_a_recorded_run_says_where_when_and_of_what() -> None:
    before = datetime.now(UTC)
    run = record(BenchmarkPlan(models=("mlp", "cnn"), seed=3), REPORT, owner="me", note="a note")
    here = machine.describe()
    assert before - timedelta(seconds=61) < run.started <= datetime.now(UTC) - timedelta(seconds=60)
    assert run.machine_id == machine_fingerprint(here)
    assert run.versions_id == versions_fingerprint(here.versions)
    assert run.model_ids == {"mlp": model_id("mlp", 3), "cnn": model_id("cnn", 3)}
    assert (run.owner, run.shared, run.imported, run.note, run.report) == (
        "me",
        False,
        False,
        "a note",
        REPORT,
    )


def test_a_run_of_another_machine_says_so() -> None:
    there = replace(made.MACHINE, cpu="Far away")
    zone = timezone(timedelta(hours=5))
    run = record(BenchmarkPlan(), REPORT, owner="", machine=there, started=made.STARTED.astimezone(zone))
    assert (run.machine, run.started, run.started.tzinfo) == (there, made.STARTED, UTC)


def test_no_two_runs_have_a_number() -> None:
    numbers = {new_id() for _ in range(1_000)}
    assert len(numbers) == 1_000
    assert min(map(len, numbers)) >= 22


def test_weights_decide_a_model_s_fingerprint() -> None:
    same, other = zoo.build("mlp", 1), zoo.build("mlp", 1)
    assert weight_bytes(same) == weight_bytes(zoo.build("mlp", 1))
    weights = dict(other.module.named_parameters())
    name = next(iter(weights))
    weights[name].data.view(-1)[0] += 1e-7
    assert weight_bytes(other) != weight_bytes(same)
    assert len({model_id(name, seed) for name in ("mlp", "inplace_relu") for seed in (0, 1)}) == 4


@pytest.mark.parametrize("name", zoo.names())
def test_every_model_has_a_fingerprint_with_all_its_numbers(name: str) -> None:
    model = zoo.build(name)
    numbers = sum(each.numel() * each.element_size() for each in model.module.state_dict().values())
    assert len(weight_bytes(model)) > numbers
    assert len(model_id(name, 0)) == 32


def test_another_process_computes_the_same_fingerprint() -> None:
    code = "from core.benchmark.history import model_id; print(model_id('cnn', 7))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == model_id("cnn", 7)


def test_a_model_that_there_is_not_has_none() -> None:
    with pytest.raises(ZooError, match="There is no model"):
        model_id("gpt", 0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"note": "x" * 201}, "note of a run has 201 characters: expected at most 200"),
        ({"note": "two\nlines"}, "all printable and on one line"),
        ({"note": "\u202eback"}, "all printable"),
        ({"owner": "x" * 201}, "owner of a run has 201 characters"),
        ({"id": "../../etc/passwd_______"}, "letters, digits, - and _"),
        ({"id": "short"}, "16 to 64"),
        ({"started": datetime(2026, 1, 1)}, "give the time in UTC"),
        ({"started": made.STARTED.astimezone(timezone(timedelta(hours=1)))}, "give the time in UTC"),
    ],
)
def test_a_run_that_could_not_be_kept_is_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(HistoryError, match=why) as caught:
        made.run(**change)
    assert "\n" not in str(caught.value)


def test_an_owner_is_not_printed() -> None:
    assert "t0ken" not in repr(made.run(owner="t0ken"))
