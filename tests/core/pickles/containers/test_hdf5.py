"""HDF5 is recognized, never called data-only, and looked through for code."""

import numpy as np
import pytest

from core.pickles.formats import Format
from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from tests.core.pickles.samples import array

MAGIC = b"\x89HDF\r\n\x1a\n"


def test_it_is_recognized_and_not_read() -> None:
    report = scan(MAGIC + bytes(1000), "model.h5")
    assert (report.format, report.verdict) == (Format.HDF5, Verdict.COULD_NOT_READ)


def test_a_lambda_layer_is_told_of_across_the_seam_of_two_pieces() -> None:
    config = b'{"class_name": "Lambda", "config": {"function": ["4wEAAAAA"]}}'
    for place in (100, 2**20 - 10):
        report = scan(MAGIC + bytes(place) + config + bytes(2**20))
        assert [finding.subject for finding in report.findings] == ["Lambda"]
        assert report.findings[0].offset == len(MAGIC) + place + 1


def test_it_is_found_behind_a_block_of_others() -> None:
    assert scan(bytes(range(1, 128)) * 4 + bytes(4) + MAGIC).format is Format.HDF5


@pytest.mark.parametrize("place", [2**power for power in range(9, 22)])
def test_it_is_found_within_the_numbers_of_an_array(place: int) -> None:
    numbers = np.frombuffer(bytes(place - 128) + MAGIC + bytes(100), np.uint8)
    assert array(numbers)[place:].startswith(MAGIC)
    assert scan(array(numbers)).verdict is Verdict.DANGEROUS
