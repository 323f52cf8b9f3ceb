"""torch's stacked pickles: real files, and one of the five exchanged."""

import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.pickles.formats import Format
from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from tests.core.pickles.samples import benign, planted, saved, tensors
from tests.core.pickles.tripwire import torch_would_run

MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
PROTOCOL = pickle.dumps(1001, 2)
FACTS = pickle.dumps({"little_endian": True}, 2)
KEYS = pickle.dumps([], 2)


def test_a_state_dict_is_data_only() -> None:
    report = scan(saved(tensors(), legacy=True), "model.pth")
    assert (report.format, report.verdict) == (Format.TORCH_LEGACY, Verdict.DATA_ONLY)
    assert report.ledger.complete


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_call_is_found_in_each_of_the_five(place: int, protocol: int) -> None:
    five = [MAGIC, PROTOCOL, FACTS, benign(), KEYS]
    five[place] = planted(protocol)
    assert scan(b"".join(five)).verdict is Verdict.DANGEROUS


def test_a_file_without_storages_is_data_only() -> None:
    assert scan(MAGIC + PROTOCOL + FACTS + benign() + KEYS).verdict is Verdict.DATA_ONLY


def test_a_pickle_where_the_storages_should_be_is_found() -> None:
    assert scan(MAGIC + PROTOCOL + FACTS + benign() + KEYS + planted()).verdict is Verdict.DANGEROUS


SECOND = {
    "another file": (saved({"w": torch.zeros(3)}, legacy=True), Verdict.DATA_ONLY),
    "a call": (planted(), Verdict.DANGEROUS),
    "a file with a call": (MAGIC + PROTOCOL + FACTS + planted() + KEYS, Verdict.DANGEROUS),
    "an unknown name": (b"\x80\x02cevilmod\nthing\n)R.", Verdict.DANGEROUS),
    "other bytes": (b"\xff\xfe\xfd", Verdict.COULD_NOT_READ),
}


@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("value", [{}, {"w": torch.arange(5), "v": torch.ones(2, 2, dtype=torch.float64)}])
def test_what_follows_the_storages_is_looked_at(value: dict[str, torch.Tensor], second: str) -> None:
    data, verdict = SECOND[second]
    assert scan(saved(value, legacy=True)).verdict is Verdict.DATA_ONLY
    assert scan(saved(value, legacy=True) + data).verdict is verdict


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int8, torch.int64, torch.bool, torch.cfloat]
)
def test_storages_of_all_types_end_where_the_file_does(dtype: torch.dtype) -> None:
    shared = torch.zeros(10, dtype=dtype)
    report = scan(saved([shared[2:5], shared.view(2, 5), torch.zeros(0, dtype=dtype)], legacy=True))
    assert report.verdict is Verdict.DATA_ONLY
    assert report.ledger.complete


def test_storages_that_are_cut_off_or_of_another_size_could_not_be_read() -> None:
    data = saved({"w": torch.arange(5), "v": torch.ones(3)}, legacy=True)
    for cut in (1, 8, 20, 30, 60):
        assert scan(data[:-cut]).verdict is Verdict.COULD_NOT_READ
    # Which of the two comes last, torch decides by their addresses.
    ones = torch.ones(3).numpy().tobytes()
    changed = data.replace((3).to_bytes(8, "little") + ones, (4).to_bytes(8, "little") + ones)
    assert changed != data
    assert scan(changed).verdict is Verdict.COULD_NOT_READ


@pytest.mark.parametrize("kept", [20, 60, 150])
def test_a_file_that_is_cut_off_is_not_data_only(kept: int) -> None:
    assert scan(saved(tensors(), legacy=True)[:kept]).verdict is Verdict.COULD_NOT_READ


def test_the_magic_number_of_other_protocols_is_known() -> None:
    for protocol in (0, 1, 3, 4):
        data = pickle.dumps(0x1950A86A20F9469CFC6C, protocol) + PROTOCOL + FACTS + benign() + KEYS
        assert scan(data).format is Format.TORCH_LEGACY


@settings(max_examples=100)
@given(st.data())
def test_where_torch_would_run_a_call_of_a_changed_file_it_is_not_data_only(data: st.DataObject) -> None:
    five = [MAGIC, PROTOCOL, FACTS, benign(), KEYS]
    five[data.draw(st.integers(1, 4))] = planted(data.draw(st.integers(0, 4)))
    raw = bytearray(b"".join(five))
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    if torch_would_run(bytes(raw)):
        assert scan(bytes(raw)).verdict is Verdict.DANGEROUS


def test_torch_would_run_what_is_planted_in_the_object() -> None:
    assert torch_would_run(MAGIC + PROTOCOL + FACTS + planted() + KEYS)
    assert not torch_would_run(MAGIC + PROTOCOL + FACTS + benign() + KEYS)


# Once: the keys in it are addresses, of different lengths each time.
LEGACY = saved(torch.zeros(2), legacy=True)


@settings(max_examples=40)
@given(st.data())
def test_changed_bytes_never_make_an_exception(data: st.DataObject) -> None:
    raw = bytearray(LEGACY)
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert scan(bytes(raw)).verdict in Verdict
