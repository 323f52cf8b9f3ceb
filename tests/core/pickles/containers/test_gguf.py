"""GGUF files put together by hand from the specification."""

import struct

import pytest

from core.pickles.formats import Format
from core.pickles.scan import scan
from core.pickles.verdict import Verdict


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def entry(key: str, value: str) -> bytes:
    return text(key) + struct.pack("<I", 8) + text(value)


def gguf(entries: list[bytes], tensors: int = 1, version: int = 3) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, tensors, len(entries))
    listed = b"".join(text(f"t{index}") + struct.pack("<IQQIQ", 2, 2, 2, 0, 0) for index in range(tensors))
    return head + b"".join(entries) + listed + bytes(64)


LIST = text("tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b")
NUMBERS = text("scores") + struct.pack("<IIQ", 9, 6, 3) + bytes(12)


def test_metadata_and_tensors_are_data_only() -> None:
    report = scan(gguf([entry("general.name", "tiny"), LIST, NUMBERS]), "model.gguf")
    assert (report.format, report.verdict) == (Format.GGUF, Verdict.DATA_ONLY)
    assert report.ledger.complete


def test_a_chat_template_is_a_program() -> None:
    report = scan(gguf([entry("tokenizer.chat_template", "{{ messages }}")]))
    assert report.verdict is Verdict.NEEDS_TRUST
    assert "Jinja" in report.findings[0].reason


@pytest.mark.parametrize(("kind", "size"), [(0, 16), (1, 8), (8, 34), (12, 144), (99, 0)])
@pytest.mark.parametrize("alignment", [8, 32, 64])
def test_tensors_whose_numbers_are_not_there_could_not_be_read(kind: int, size: int, alignment: int) -> None:
    head = (
        b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + text("general.alignment") + struct.pack("<II", 4, alignment)
    )
    head += text("t") + struct.pack("<IQQIQ", 2, 2, 2, kind, alignment)
    head += bytes(-len(head) % alignment) + bytes(alignment)
    assert scan(head + bytes(size)).verdict is Verdict.DATA_ONLY
    assert scan((head + bytes(size))[:-1]).verdict is Verdict.COULD_NOT_READ


@pytest.mark.parametrize(
    "data",
    [
        b"GGUF",
        gguf([LIST], version=1),
        gguf([LIST])[:40],
        gguf([text("a") + struct.pack("<I", 99)]),
        gguf([text("a") + struct.pack("<IIQ", 9, 8, 2**60)]),
        gguf([text("a") + struct.pack("<IIQ", 9, 9, 2**60) * 3]),
    ],
)
def test_what_breaks_the_layout_could_not_be_read(data: bytes) -> None:
    assert scan(data).verdict is Verdict.COULD_NOT_READ
