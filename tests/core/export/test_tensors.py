import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from core.export.tensors import BITS, FEW, numbers, problem

ELEMENTS = sorted(set(BITS) - {TensorProto.STRING})


def test_every_type_of_onnx_has_its_bits() -> None:
    assert set(BITS) == set(TensorProto.DataType.values()) - {TensorProto.UNDEFINED}


@given(st.sampled_from(ELEMENTS), st.integers(0, 9))
def test_tensors_as_onnx_makes_them_have_no_problem(element: int, count: int) -> None:
    tensor = helper.make_tensor("t", element, [count], np.ones(count))
    assert problem(tensor) is None
    tensor.dims[0] = count + 8
    assert problem(tensor) is not None


def test_texts_are_counted_too() -> None:
    tensor = TensorProto(data_type=TensorProto.STRING, dims=[2], string_data=[b"a", b"b"])
    assert problem(tensor) is None
    tensor.string_data.append(b"c")
    assert problem(tensor) == "a tensor's dimensions need 2 entries, and it holds 3."


@given(st.sampled_from(ELEMENTS), st.integers(0, 9))
def test_raw_tensors_as_onnx_makes_them_have_no_problem(element: int, count: int) -> None:
    array = np.ones(count).astype(helper.tensor_dtype_to_np_dtype(element))
    tensor = numpy_helper.from_array(array, "t")
    assert tensor.data_type == element
    assert problem(tensor) is None
    tensor.raw_data += b"\0"
    size = len(tensor.raw_data)
    assert problem(tensor) == f"a tensor's dimensions need {size - 1:,} bytes, and it holds {size:,}."


def test_a_segment_is_a_problem() -> None:
    tensor = helper.make_tensor("t", TensorProto.FLOAT, [1], [1.0])
    tensor.segment.begin = 0
    assert problem(tensor) == "a tensor is only a segment of one, which no runtime puts together."


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32, np.float64, np.bool_])
@pytest.mark.parametrize("raw", [True, False])
def test_small_constants_are_read_as_numpy_reads_them(dtype: type[np.generic], raw: bool) -> None:
    array = np.array([1, 0, 3], dtype)
    tensor = numpy_helper.from_array(array, "t")
    if not raw:
        tensor = helper.make_tensor("t", tensor.data_type, [3], array.tolist())
    assert numbers(tensor) == tuple(array.tolist())


def test_large_constants_and_those_that_are_not_finite_are_not_read() -> None:
    assert numbers(numpy_helper.from_array(np.zeros(FEW + 1, np.int64), "t")) is None
    assert numbers(numpy_helper.from_array(np.array([np.nan], np.float32), "t")) is None
    assert numbers(numpy_helper.from_array(np.zeros(1, np.int8), "t")) is None
