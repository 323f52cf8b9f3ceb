"""Mere numbers that are read as opcodes: code among them is found, and chance is not taken for it."""

import pickle
import random

import pytest
import torch

from core.pickles.evidence import code_in
from core.pickles.machine import run
from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from tests.core.pickles.samples import planted, saved


def is_danger(data: bytes) -> bool:
    return any(finding.verdict is Verdict.DANGEROUS for finding in code_in(run(data, several=False)))


@pytest.mark.parametrize(
    "data",
    [
        *(planted(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
        b"cos\nsystem\n",
        b"cposixpath\nos.system\n",
        b"cunheard\nthing.more\n.",
        b"cunheard\nthing.more\n)R",
        b"\x80\x04\x8c\x08builtins\x8c\x03str\x93\x8c\x02os\x85R\x8c\x06system\x93.",
        b"cbuiltins\nstr\n)R)R.",
    ],
)
def test_code_is_found_in_numbers(data: bytes) -> None:
    assert is_danger(data)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps([1, 2.5, "a"], 4),
        b"c\0\n\0.\0\n\0",
        b"c\n.\n",
        b"c\xc3\x97 \n5.1\n.",
        b"cat.jpg\ndog.jpg\nbird.jpg\n",
        b"\x82\x05\x82\x06.",
        b")]R.",
        b"\x80\x04\x95\x02\0\0\0\0\0\0\0X\x03\0\0\0abc.",
    ],
)
def test_chance_is_no_code(data: bytes) -> None:
    assert not is_danger(data)


def test_only_what_lies_behind_the_offset_counts() -> None:
    found = run(b"cos\nsystem\n0N.", several=False)
    assert code_in(found)
    assert not code_in(found, 5)


def test_a_name_that_is_merely_named_counts_where_it_is_asked_for() -> None:
    found = run(b"cunheard\nthing\n\xff", several=False)
    assert not code_in(found)
    assert [finding.subject for finding in code_in(found, named_alone=True)] == ["unheard.thing"]


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    "numbers",
    [
        torch.tensor([99, 10, 46, 10]),
        torch.tensor([99, 5, 10, 7, 46, 3, 10, 1]),
        torch.frombuffer(bytearray(b"cat.jpg\ndog.jpg\n"), dtype=torch.uint8),
    ],
    ids=["the code points of c, a line break and a dot", "the same with others between", "names of files"],
)
def test_a_plain_tensor_is_data_only(numbers: torch.Tensor, legacy: bool) -> None:
    assert scan(saved({"ids": numbers}, legacy=legacy)).verdict is Verdict.DATA_ONLY


def test_random_bytes_behind_a_c_are_no_code() -> None:
    source = random.Random(0)  # noqa: S311 - the same bytes each time
    for _ in range(100):
        data = b"c" + bytes(source.randrange(128) for _ in range(3_000))
        assert not is_danger(data)
