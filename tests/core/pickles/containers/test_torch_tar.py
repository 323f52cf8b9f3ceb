"""torch's oldest format, put together as its loader reads it."""

import io
import pickle
import struct

import pytest
import torch

from core.pickles.formats import Format
from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from tests.core.pickles.samples import planted, tarred


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: object) -> object:
        return "1" if isinstance(value, torch.Tensor) else None


def members(extra: bytes = b"") -> dict[str, bytes]:
    """A file with one tensor of two numbers."""
    dump = pickle.dumps
    storages = dump(1, 2) + dump((1, "cpu", torch.FloatStorage), 2) + struct.pack("<q2f", 2, 1.0, 2.0)
    storages += dump([], 2) + extra
    described = dump((1, 1, torch.FloatTensor), 2) + struct.pack("<ii3q", 1, 0, 2, 1, 0)
    file = io.BytesIO()
    _Pickler(file, 2).dump({"weight": torch.zeros(2)})
    return {"storages": storages, "tensors": dump(1, 2) + described, "pickle": file.getvalue()}


def test_torch_itself_reads_the_file_of_these_tests(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "old.pt"
    path.write_bytes(tarred(members()))
    with path.open("rb") as file:
        assert torch.load(file, weights_only=False)["weight"].tolist() == [1.0, 2.0]


def test_numbers_between_the_pickles_are_numbers() -> None:
    report = scan(tarred(members()), "old.pt")
    assert (report.format, report.verdict) == (Format.TORCH_TAR, Verdict.DATA_ONLY)
    assert report.ledger.complete


@pytest.mark.parametrize("name", ["pickle", "storages", "tensors"])
def test_a_call_is_found_in_each_member(name: str) -> None:
    assert scan(tarred(members() | {name: planted()})).verdict is Verdict.DANGEROUS


def test_a_call_behind_the_storages_is_found() -> None:
    assert scan(tarred(members(planted()))).verdict is Verdict.DANGEROUS


@pytest.mark.parametrize("name", ["storages", "tensors"])
def test_a_member_that_is_cut_off_could_not_be_read(name: str) -> None:
    every = members()
    assert scan(tarred(every | {name: every[name][:-20]})).verdict is Verdict.COULD_NOT_READ
