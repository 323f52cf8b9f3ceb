import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.pickles import Verdict, scan
from core.pickles.formats import Format
from core.pickles.lab import safetensors_file

DTYPES = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
    torch.int8, torch.uint8, torch.bool,
)  # fmt: skip
SHAPES = st.lists(st.integers(0, 4), max_size=3)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters='"\\'), min_size=1, max_size=12)


@st.composite
def tensors(draw: st.DrawFn) -> dict[str, torch.Tensor]:
    found = {}
    for name in draw(st.sets(NAMES.filter(lambda name: name != "__metadata__"), max_size=4)):
        shape = draw(SHAPES)
        generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
        found[name] = torch.randint(-9, 9, shape, generator=generator).to(draw(st.sampled_from(DTYPES)))
    return found


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and one[name].shape == other[name].shape
        and torch.equal(one[name], other[name])
        for name in one
    )  # fmt: skip


@given(tensors())
def test_the_package_reads_what_we_write(value: dict[str, torch.Tensor]) -> None:
    assert same(safetensors.torch.load(safetensors_file.write(value)), value)


@given(tensors())
def test_we_read_what_the_package_writes(value: dict[str, torch.Tensor]) -> None:
    assert same(safetensors_file.read(safetensors.torch.save(value)), value)


def test_a_tensor_that_is_not_contiguous_is_written_as_it_looks() -> None:
    value = {"t": torch.arange(6.0).reshape(2, 3).T, "every_other": torch.arange(6.0)[::2]}
    assert same(safetensors.torch.load(safetensors_file.write(value)), value)


def test_our_scanner_calls_the_file_data_only() -> None:
    report = scan(safetensors_file.write({"t": torch.ones(3)}), "model.safetensors")
    assert (report.format, report.verdict) == (Format.SAFETENSORS, Verdict.DATA_ONLY)


def test_a_type_that_the_format_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^c is of torch\.complex64, which a safetensors file cannot hold"):
        safetensors_file.write({"c": torch.ones(1, dtype=torch.complex64)})


def test_what_is_no_file_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 8 bytes"):
        safetensors_file.read(b"abc")
