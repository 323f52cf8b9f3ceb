"""What a hook saw reads the same whether it was counted at once, later, or on another device."""

import copy
import gc
import pickle
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import nn

from core.hooks import HookRecorder, HookSpec, Observed
from core.hooks.events import _Copied, _Room, _Summarized
from core.hooks.statistics import settle, summarize


def pickled(seen: Observed) -> Observed:
    again: Observed = pickle.loads(pickle.dumps(seen))  # noqa: S301 - made here
    return again


def seen_later() -> dict[str, Observed]:
    x = torch.arange(-3.0, 5.0)
    summary = summarize(x)
    assert summary is not None
    return {
        "copied": _Copied("output", x.clone(), kept=True, room=_Room(0)),
        "summarized": _Summarized("output", x, summary),
    }


@pytest.mark.parametrize("how", seen_later())
def test_statistics_are_counted_when_they_are_asked_for_and_once(how: str) -> None:
    seen = seen_later()[how]
    assert "statistics" not in vars(seen)
    found = seen.statistics
    assert found is not None
    assert (found.count, found.mean, found.minimum, found.maximum) == (8, 0.5, -3.0, 4.0)
    assert seen.statistics is found
    assert (seen.shape, seen.dtype) == ((8,), "float32")
    with pytest.raises(AttributeError, match=r"^statistic$"):
        _ = seen.statistic  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", seen_later())
@pytest.mark.parametrize("again", [copy.deepcopy, pickled])
def test_what_was_seen_can_be_copied_and_sent_elsewhere(
    how: str, again: Callable[[Observed], Observed]
) -> None:
    seen = seen_later()[how]
    other = again(seen)
    assert type(other) is Observed
    assert (other.role, other.shape, other.dtype, other.statistics) == (
        seen.role, seen.shape, seen.dtype, seen.statistics,
    )  # fmt: skip
    assert (other.value is None) == (how == "summarized")


@pytest.mark.parametrize("size", [16_384, 16_385])
def test_from_where_on_a_hook_counts_itself_changes_nothing_but_the_rounding(size: int) -> None:
    x = torch.randn(size, generator=torch.Generator().manual_seed(0))
    with HookRecorder(nn.Identity(), [HookSpec("", "forward")]) as recorder:
        recorder.model(x)
    (event,) = recorder.events
    assert isinstance(event.observed[0], _Copied) is (size == 16_384)
    found = event.observed[0].statistics
    (expected,) = settle([x.double()])
    assert found is not None
    assert (found.count, found.minimum, found.maximum, found.zeros) == (
        size, expected.minimum, expected.maximum, expected.zeros,
    )  # fmt: skip
    assert found.mean == pytest.approx(expected.mean, abs=1e-5)
    assert (found.std, found.norm) == pytest.approx((expected.std, expected.norm), rel=1e-4)
    assert found.histogram == expected.histogram


@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("action", ["observe", "capture"])
def test_all_memory_is_free_as_soon_as_nobody_holds_the_recorder(action: str, read: bool) -> None:
    gc.collect()
    gc.disable()
    try:
        model = nn.Sequential(nn.Linear(100, 50), nn.ReLU(), nn.Identity())
        specs = [HookSpec(layer, "forward", action) for layer in ("", "0", "1", "2")]
        recorder = HookRecorder(model, specs)
        with recorder:
            model(torch.randn(60, 100)).sum().backward()
            copies = [weakref.ref(taken) for entry in recorder._log._entries for _, taken in entry[3]]
        assert len(copies) == 4
        if read:
            assert all(event.observed[0].statistics is not None for event in recorder.events)
        del recorder
        assert [copied() for copied in copies] == [None] * 4
    finally:
        gc.enable()
