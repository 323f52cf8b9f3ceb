"""One run of a stranger's model: the wheel's own models give what ONNX says they give, or one clear line."""

import json
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from core import wire
from core.export import child, trial
from core.export.child import read_stage, read_trial, read_upload, start_upload
from core.export.finding import SHOWN
from core.export.graph import LISTED, Value
from core.export.parity import Session
from core.export.trial import (
    DTYPES,
    MAX_NUMBERS,
    OPEN_SIZE,
    PREVIEW,
    Trial,
    TrialError,
    lacks_memory,
    make_inputs,
    try_out,
)
from core.export.upload import Upload, examine
from core.process import Process, memory_error

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
LIGHT = sorted((DATA / "light").glob("*.onnx"))
LARGE = {"light_vgg19.onnx", "light_zfnet512.onnx"}  # One layer's weights are 392 and 288 MiB.
FLOAT = TensorProto.FLOAT

Array = NDArray[Any]
Keep = Callable[[Process], Process]


@pytest.fixture
def stopped() -> Iterator[Keep]:
    """Stops the processes that it is given, when the test is over."""
    given_: list[Process] = []

    def keep(process: Process) -> Process:
        given_.append(process)
        return process

    yield keep
    for process in given_:
        process.stop()


def value(name: str, shape: Sequence[Any] | None, element: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element, shape)


def model_of(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto] = (value("x", [2, 4]),),
    outputs: Sequence[onnx.ValueInfoProto] = (value("y", None),),
    initializers: Sequence[onnx.TensorProto] = (),
) -> bytes:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())


def accepted(data: bytes) -> Upload:
    found = examine(data, "model.onnx")
    assert not found.refused, found.findings
    return found


def tried(data: bytes) -> Trial:
    found = accepted(data)
    assert found.graph is not None
    return try_out(found.data, found.graph)


def is_one_line(text: str) -> bool:
    return bool(text) and len(text.splitlines()) == 1 and len(text) <= 300 and "Traceback" not in text


def read_tensor(path: Path) -> Array:
    return numpy_helper.to_array(TensorProto.FromString(path.read_bytes()))


# The wheel's own models.


def close(found: Sequence[Array], expected: Sequence[Array], rtol: float = 1e-3, atol: float = 1e-7) -> bool:
    """As ONNX's own backend test compares."""
    return len(found) == len(expected) and all(
        one.shape == other.shape
        and one.dtype == other.dtype
        and np.allclose(one, other, rtol, atol, equal_nan=True)
        for one, other in zip(found, expected, strict=True)
    )


def test_the_wheel_s_models_give_what_the_wheel_says_or_one_line() -> None:
    outcomes: dict[str, list[str]] = {"refused": [], "not implemented": [], "expected": [], "not tensors": []}
    for path in sorted(DATA.rglob("model.onnx")):
        name = path.parent.name
        upload = examine(path.read_bytes(), name)
        if upload.refused:
            assert is_one_line(upload.findings[0].what)
            outcomes["refused"].append(name)
            continue
        assert upload.graph is not None
        ours = try_out(upload.data, upload.graph)
        assert bool(ours.outputs) is not bool(ours.problem)
        assert not ours.problem or is_one_line(ours.problem), name
        outcomes[against_the_wheel(path.parent / "test_data_set_0", upload, ours)].append(name)
    counts = {outcome: len(names) for outcome, names in outcomes.items()}
    # Opsets 1 and 6 of some operators are in no ONNX Runtime of today.
    assert (counts["refused"], counts["not implemented"]) == (8, 34), outcomes
    assert counts["expected"] >= 95, outcomes


def against_the_wheel(folder: Path, upload: Upload, ours: Trial) -> str:
    """What the file that was written anew gives on the wheel's inputs."""
    try:
        session = Session(upload.data)
    except ValueError as error:
        return "not implemented" if "NOT_IMPLEMENTED" in ours.problem and ours.problem == str(error) else "no"
    inputs = [read_tensor(folder / f"input_{place}.pb") for place in range(len(session.inputs))]
    found = session.run(dict(zip(session.inputs, inputs, strict=True)))
    if not all(isinstance(each, np.ndarray) for each in found):
        return "not tensors"
    expected = [read_tensor(folder / f"output_{place}.pb") for place in range(len(session.outputs))]
    assert close(found, expected), folder.parent.name
    if not ours.problem:
        # On inputs of our own it is the same computation, so of the same kind.
        assert [given.dtype for given in ours.outputs] == [str(each.dtype) for each in expected]
    return "expected"


def node_cases() -> list[Any]:
    """A sample of ONNX's own node tests: models that it makes, with inputs and outputs."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It makes them all, some with numbers that overflow.
        found = collect_testcases(None)
    return found[::12]


def test_a_sample_of_onnx_s_node_tests_gives_what_onnx_says() -> None:
    compared = 0
    different = []
    for case in node_cases():
        upload = examine(case.model.SerializeToString(), case.name)
        if upload.refused:
            assert is_one_line(upload.findings[0].what)
            continue
        assert upload.graph is not None
        ours = try_out(upload.data, upload.graph)
        assert not ours.problem or is_one_line(ours.problem), case.name
        try:
            session = Session(upload.data)
        except ValueError as error:
            if "NOT_IMPLEMENTED" in str(error) and is_one_line(str(error)):
                continue
            raise
        for inputs, expected in case.data_sets:
            try:
                found = session.run(dict(zip(session.inputs, map(array, inputs), strict=True)))
            except ValueError as error:  # Types that NumPy has not.
                assert re.search("MLDataType|Numpy type", str(error)), case.name  # noqa: PT017 - either way
                continue
            compared += 1
            if not close(found, [array(each) for each in expected], max(case.rtol, 1e-3), 1e-5):
                different.append(case.name)
                # It is the runtime's own: the file as it came gives the same.
                again = Session(case.model.SerializeToString())
                same = again.run(dict(zip(again.inputs, map(array, inputs), strict=True)))
                assert all(np.array_equal(*pair, equal_nan=True) for pair in zip(found, same, strict=True))
    assert compared > 100
    assert set(different) <= {"test_dft_irfft"}


def array(given_: Any) -> Any:  # noqa: ANN401 - sequences and optional values come too
    if isinstance(given_, TensorProto):
        return numpy_helper.to_array(given_)
    return given_ if isinstance(given_, list | dict) else np.asarray(given_)


def light_input(shape: Sequence[int]) -> Array:
    """The numbers that ONNX's backend test gives the light models."""
    count = int(np.prod(shape))
    return (np.arange(count).reshape(shape) / count).astype(np.float32)


@pytest.mark.parametrize("path", LIGHT, ids=lambda path: path.name)
def test_a_light_model_gives_the_output_beside_it(path: Path) -> None:
    upload = examine(path.read_bytes(), path.name)
    if path.name in LARGE:
        assert upload.refused
        assert is_one_line(upload.findings[0].what)
        return
    session = Session(upload.data)
    assert upload.graph is not None
    (info,) = upload.graph.inputs
    shape = [size for size in info.shape or () if isinstance(size, int)]
    found = session.run({info.name: light_input(shape)})
    assert close(found, [read_tensor(path.with_name(f"{path.stem}_output_0.pb"))], atol=1e-5)


ENDS = [LIGHT[-3], LIGHT[3], LIGHT[-2]]  # One with the reference evaluator, one large, one refused.
"""Those that go through a process here; the rest would take the same way."""


@pytest.mark.parametrize("path", ENDS, ids=lambda path: path.name)
def test_a_light_model_runs_in_its_process(path: Path, stopped: Keep) -> None:
    process = stopped(start_upload(path.read_bytes(), path.name, seconds=60))
    lines = process.wait(90)
    assert process.error == ""
    (upload,) = filter(None, map(read_upload, lines))
    assert upload == examine(path.read_bytes(), path.name)
    found = list(filter(None, map(read_trial, lines)))
    if path.name in LARGE:
        assert upload.refused
        assert found == []
        return
    assert list(filter(None, map(read_stage, lines))) == ["checking", "running"]
    ((checker, ran),) = found
    assert (checker, ran.problem) == ("", "")
    # The numbers are those of the file as it came, on the inputs that are made for it.
    assert upload.graph is not None
    (expected,) = Session(path.read_bytes()).run(make_inputs(upload.graph.inputs))
    (output,) = ran.outputs
    assert output.shape == expected.shape
    assert output.first == tuple(f"{number:.6g}" for number in expected.flat[:PREVIEW])


# A run.


def test_a_run_is_numpy_s() -> None:
    weight = np.arange(8, dtype=np.float32).reshape(4, 2)
    data = model_of(
        [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Relu", ["h"], ["y"])],
        initializers=[numpy_helper.from_array(weight, "w")],
    )
    found = tried(data)
    x = make_inputs((Value("x", "tensor", "float", (2, 4)),))["x"]
    expected = np.maximum(x @ weight, 0)
    assert found.shapes == (("x", (2, 4)),)
    (output,) = found.outputs
    assert (output.name, output.dtype, output.shape) == ("y", "float32", (2, 2))
    assert [float(text) for text in output.first] == pytest.approx(expected.ravel().tolist(), rel=1e-5)
    assert output.parity is not None
    assert output.parity.agree


def test_open_sizes_are_two() -> None:
    data = model_of([helper.make_node("Relu", ["x"], ["y"])], [value("x", ["batch", 3, None])])
    assert tried(data).shapes == (("x", (OPEN_SIZE, 3, OPEN_SIZE)),)


def test_a_large_model_is_not_given_to_the_evaluator_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SMALL_NODES", 1)
    data = model_of([helper.make_node("Relu", ["x"], ["h"]), helper.make_node("Abs", ["h"], ["y"])])
    (output,) = tried(data).outputs
    assert output.parity is None
    assert output.first


def test_a_runtime_that_refuses_to_run_is_one_line_and_the_shapes_stay() -> None:
    shape = numpy_helper.from_array(np.array([3, 5], np.int64), "s")
    found = tried(model_of([helper.make_node("Reshape", ["x", "s"], ["y"])], [value("x", ["n", 4])],
                           initializers=[shape]))  # fmt: skip
    assert found.outputs == ()
    assert found.shapes == (("x", (2, 4)),)
    assert "Reshape" in found.problem
    assert is_one_line(found.problem)


def test_an_output_that_is_no_tensor_has_its_kind_and_no_numbers() -> None:
    outputs = [helper.make_tensor_sequence_value_info("y", FLOAT, None)]
    (output,) = tried(
        model_of([helper.make_node("SequenceConstruct", ["x"], ["y"])], outputs=outputs)
    ).outputs
    assert (output.dtype, output.shape, output.first, output.parity) == ("list", (), (), None)


KINDS = ["bfloat16", "float8e4m3fn", "float8e5m2", "int4", "uint4"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beside", [True, False])
def test_an_output_that_numpy_has_no_numbers_for_is_named_and_the_others_are_read(
    kind: str, beside: bool
) -> None:
    element = TensorProto.DataType.Value(kind.upper())
    nodes = [helper.make_node("Cast", ["x"], ["y"], to=element), helper.make_node("Relu", ["x"], ["z"])]
    outputs = [value("y", [2, 4], element), value("z", [2, 4])]
    count = 2 if beside else 1
    found = tried(model_of(nodes[:count], outputs=outputs[:count]))
    assert (found.problem, found.tried, len(found.outputs)) == ("", True, count)
    assert (found.outputs[0].name, found.outputs[0].dtype, found.outputs[0].first) == ("y", kind, ())
    assert found.outputs[0].problem == f"NumPy has no {kind}: it was computed, and not read."
    assert all(len(output.first) == PREVIEW and not output.problem for output in found.outputs[1:])


def test_a_run_that_is_not_read_can_fail_too() -> None:
    shape = numpy_helper.from_array(np.array([3, 5], np.int64), "s")
    nodes = [
        helper.make_node("Reshape", ["x", "s"], ["h"]),
        helper.make_node("Cast", ["h"], ["y"], to=TensorProto.BFLOAT16),
    ]
    outputs = [value("y", None, TensorProto.BFLOAT16)]
    found = tried(model_of(nodes, [value("x", ["n", 4])], outputs, [shape]))
    assert (found.outputs, found.tried) == ((), True)
    assert "Reshape" in found.problem


def test_of_many_inputs_and_outputs_the_first_are_listed_and_the_others_counted() -> None:
    count = LISTED + 5
    names = [f"x{place}{'n' * 90}" for place in range(count)]
    found = tried(
        model_of(
            [helper.make_node("Relu", [name], [f"y{name}"]) for name in names],
            [value(name, [2]) for name in names],
            [value(f"y{name}", [2]) for name in names],
        )
    )
    assert (len(found.shapes), found.more_shapes) == (LISTED, 5)
    assert (len(found.outputs), found.more_outputs) == (LISTED, 5)
    assert all(len(name) <= SHOWN for name, _ in found.shapes)
    assert all(len(output.name) <= SHOWN for output in found.outputs)
    assert all(output.parity is None or output.parity.agree for output in found.outputs)


def test_what_both_give_has_their_names_and_eager_is_none_of_them() -> None:
    found = trial._given("y", np.zeros((2, 3)), np.zeros(2))
    assert found.parity is not None
    assert (
        found.parity.problem == "The shape in the reference evaluator is (2,), and ONNX Runtime gives (2, 3)."
    )


def test_texts_that_come_out_are_shown_and_not_compared() -> None:
    texts = TensorProto(
        name="t", data_type=TensorProto.STRING, dims=[2], string_data=[b"<b>a</b>", b"b" * 100]
    )
    data = model_of(
        [helper.make_node("Identity", ["t"], ["y"]), helper.make_node("Relu", ["x"], ["z"])],
        outputs=[value("y", [2], TensorProto.STRING), value("z", [2, 4])],
        initializers=[texts],
    )
    output, other = tried(data).outputs
    assert output.first == ("<b>a</b>", "b" * 40)
    assert output.parity is None
    assert other.parity is not None


def test_whole_numbers_and_truths_are_compared_too() -> None:
    data = model_of(
        [helper.make_node("ArgMax", ["x"], ["y"], axis=1), helper.make_node("Greater", ["x", "x"], ["z"])],
        outputs=[value("y", None, TensorProto.INT64), value("z", None, TensorProto.BOOL)],
    )
    whole, truth = tried(data).outputs
    assert (whole.dtype, truth.dtype) == ("int64", "bool")
    assert truth.first == ("False",) * PREVIEW
    assert whole.parity is not None
    assert whole.parity.agree
    assert truth.parity is not None
    assert truth.parity.agree


def test_random_numbers_differ_and_that_is_no_failure() -> None:
    (output,) = tried(model_of([helper.make_node("RandomNormalLike", ["x"], ["y"])])).outputs
    assert output.parity is not None
    assert not output.parity.agree


def test_a_trial_survives_the_way_from_its_process() -> None:
    found = tried(model_of([helper.make_node("Relu", ["x"], ["y"])]))
    assert wire.read(Trial, wire.write(Trial, found)) == found
    assert wire.read(Trial, wire.write(Trial, Trial((), (), "no"))) == Trial((), (), "no")


def test_it_leaves_no_folder_and_stays_where_it_is() -> None:
    here = Path.cwd()
    tried(model_of([helper.make_node("Relu", ["x"], ["y"])]))
    assert Path.cwd() == here


# Its inputs.


@pytest.mark.parametrize(("name", "dtype"), DTYPES.items())
def test_every_type_of_numbers_can_be_made_and_the_runtime_takes_it(name: str, dtype: str) -> None:
    data = model_of(
        [helper.make_node("Identity", ["x"], ["y"])],
        [value("x", [3, 5], TensorProto.DataType.Value(name.upper()))],
        [value("y", [3, 5], TensorProto.DataType.Value(name.upper()))],
    )
    found = tried(data)
    assert found.problem == ""
    (output,) = found.outputs
    assert (output.dtype, output.shape) == (dtype, (3, 5))
    numbers = make_inputs((Value("x", "tensor", name, (3, 5)),))["x"]
    texts = [f"{each:.6g}" if numbers.dtype.kind == "f" else str(each) for each in numbers.flat[:PREVIEW]]
    assert output.first == tuple(texts)


@pytest.mark.parametrize(
    ("given_", "line"),
    [
        (Value("x", "tensor", "string", (2,)), "Input `x` is of type string, and no numbers can be made for"),
        (Value("x", "tensor", "bfloat16", (2,)), "Input `x` is of type bfloat16, and no numbers can be made"),
        (Value("x", "sequence", "", None), "Input `x` is of type sequence, and no numbers can be made for"),
        (
            Value("x", "tensor", "float", None),
            "Input `x` has no known rank, so no numbers can be made for it.",
        ),
        (
            Value("x", "tensor", "float", (MAX_NUMBERS + 1,)),
            "Its inputs would have more than 10,000,000 numbe",
        ),
        (Value("n" * 99, "tensor", "float", None), f"Input `{'n' * 40}` has no known rank"),
    ],
    ids=lambda each: each.dtype if isinstance(each, Value) else "",
)
def test_an_input_that_cannot_be_made_is_one_line(given_: Value, line: str) -> None:
    with pytest.raises(TrialError) as caught:
        make_inputs((given_,))
    assert str(caught.value).startswith(line)
    assert is_one_line(str(caught.value))


def test_inputs_that_are_too_large_together_are_refused_before_they_are_made() -> None:
    half = (MAX_NUMBERS // 2 + 1,)
    values = (Value("a", "tensor", "bool", half), Value("b", "tensor", "bool", half))
    with pytest.raises(TrialError, match="more than 10,000,000 numbers"):
        make_inputs(values)
    with pytest.raises(TrialError, match="more than 10,000,000 numbers"):
        make_inputs((Value("a", "tensor", "float", (2**40, 2**40)),))


def test_a_trial_of_what_cannot_be_filled_is_its_line() -> None:
    found = accepted(model_of([helper.make_node("Relu", ["x"], ["y"])], [value("x", None)]))
    assert found.graph is not None
    assert try_out(found.data, found.graph) == Trial(
        (), (), "Input `x` has no known rank, so no numbers can be made for it.", tried=False
    )


@given(st.sampled_from(sorted(DTYPES)), st.lists(st.integers(0, 5), max_size=4), st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_numbers(dtype: str, shape: list[int], seed: int) -> None:
    values = (Value("a", "tensor", dtype, tuple(shape)), Value("b", "tensor", dtype, ("n", None)))
    one, other = make_inputs(values, seed), make_inputs(values, seed)
    assert one.keys() == other.keys() == {"a", "b"}
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
        assert str(one[name].dtype) == DTYPES[dtype]
    assert one["a"].shape == tuple(shape)
    assert one["b"].shape == (OPEN_SIZE, OPEN_SIZE)


# Its limits.


def loop(condition: Sequence[onnx.NodeProto], trips: str) -> onnx.NodeProto:
    body = helper.make_graph(
        [*condition, helper.make_node("Identity", ["state"], ["next"])],
        "body",
        [value("i", [], TensorProto.INT64), value("go", [], TensorProto.BOOL), value("state", [2, 4])],
        [value("on", [], TensorProto.BOOL), value("next", [2, 4])],
    )
    return helper.make_node("Loop", [trips, "", "x"], ["y"], body=body)


def endless() -> bytes:
    """A Loop whose condition is computed, so that nobody sees that it never fails."""
    condition = [
        helper.make_node("Less", ["i", "i"], ["never"]),
        helper.make_node("Not", ["never"], ["on"]),
    ]
    return model_of([loop(condition, "")])


def asked_for() -> bytes:
    """A Loop that an input tells how often to run: a random number and 2^50 more."""
    condition = [helper.make_node("Identity", ["go"], ["on"])]
    many = helper.make_tensor("many", TensorProto.INT64, [], [2**50])
    return model_of(
        [
            helper.make_node("Add", ["n", "many"], ["trips"]),
            loop(condition, "trips"),
        ],
        [value("x", [2, 4]), value("n", [], TensorProto.INT64)],
        initializers=[many],
    )


def test_a_loop_that_nobody_can_bound_is_ended_by_its_time(stopped: Keep) -> None:
    files = [endless(), asked_for()]
    processes = [stopped(start_upload(data, "loop.onnx", seconds=10)) for data in files]
    for data, process in zip(files, processes, strict=True):
        lines = process.wait(40)
        assert process.finished
        assert process.error in {
            "It took longer than 10 s and was ended.",
            "It took more than 10 s of processor time and was ended.",
        }
        # What the examination said is there all the same.
        (upload,) = filter(None, map(read_upload, lines))
        assert upload == examine(data, "loop.onnx")
        assert any(finding.what.startswith("It has Loop") for finding in upload.findings)
        assert "running" in [read_stage(line) for line in lines]
        assert not any(map(read_trial, lines))


def bomb() -> bytes:
    """What grows with its input, so that no examination can know how far: 2 rows become 2^33 bytes."""
    nodes = [helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Gather", ["s", "zero"], ["n"])]
    nodes += [
        helper.make_node("Mul", [name, name], [result])
        for name, result in [("n", "n2"), ("n2", "n4"), ("n4", "n8"), ("n8", "n16"), ("n16", "n32")]
    ]
    nodes += [
        helper.make_node("ConstantOfShape", ["n32"], ["z"]),
        helper.make_node("ReduceSum", ["z"], ["y"]),
    ]
    return model_of(
        nodes, [value("x", ["batch", 4])], initializers=[numpy_helper.from_array(np.array([0]), "zero")]
    )


def test_a_bomb_that_survives_the_examination_meets_its_limit(stopped: Keep) -> None:
    process = stopped(start_upload(bomb(), "bomb.onnx", seconds=60))
    lines = process.wait(90)
    assert any(map(read_upload, lines))
    assert not any(map(read_trial, lines))
    assert process.error == memory_error(child.UPLOAD_BYTES)
    assert is_one_line(process.error)


@pytest.mark.parametrize(
    ("problem", "lacks"),
    [
        ("std::bad_alloc", True),
        ("MemoryError()", True),
        ("Failed to allocate memory for requested buffer of size 8589934592", True),
        ("mmap: Cannot allocate memory", True),
        ("The input tensor cannot be reshaped to the requested shape.", False),
        ("", False),
    ],
)
def test_a_lack_of_memory_is_known_by_its_words(problem: str, lacks: bool) -> None:
    assert lacks_memory(problem) is lacks


def much(inputs: Sequence[onnx.ValueInfoProto], metadata: int) -> bytes:
    """A file with so many more inputs, and so long metadata."""
    model = onnx.load_model_from_string(model_of([helper.make_node("Relu", ["x"], ["y"])]))
    model.graph.input.extend(inputs)
    model.metadata_props.add(key="m", value="\x01" * metadata)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("inputs", "metadata", "refused"),
    [
        ([value(f"x{place}", [1]) for place in range(20_000)], 10, False),
        ([onnx.ValueInfoProto(name=f"x{place}") for place in range(240_000)], 10, True),
        ([], 18 * 2**20, True),
    ],
    ids=["inputs", "inputs of no kind", "metadata"],
)
def test_of_a_large_examination_little_goes_over_the_wire(
    inputs: list[onnx.ValueInfoProto], metadata: int, refused: bool, stopped: Keep
) -> None:
    process = stopped(start_upload(much(inputs, metadata), "much.onnx", seconds=60))
    lines = process.wait(90)
    assert process.dropped == 0
    (upload,) = filter(None, map(read_upload, lines))
    (line,) = [line for line in lines if "upload" in line]
    assert len(json.dumps(line["upload"])) < 200_000
    assert upload.graph is not None
    assert len(upload.graph.inputs) + upload.graph.left_out.inputs == len(inputs) + 1
    assert upload.refused is refused
    for _, ran in filter(None, map(read_trial, lines)):
        assert (len(ran.shapes) + ran.more_shapes, ran.problem) == (len(inputs) + 1, "")
    assert refused or any(map(read_trial, lines))


def test_the_run_is_where_no_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process works in an empty folder: a relative name of a file leads nowhere."""
    seen: list[list[Path]] = []

    def look(*_: object) -> Trial:
        seen.append(list(Path().iterdir()))
        return Trial((), ())

    class Quiet:
        emit = staticmethod(look)

    (tmp_path / "secrets.toml").write_text("key = 1", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(child, "try_out", look)
    found = accepted(model_of([helper.make_node("Relu", ["x"], ["y"])]))
    child._try_upload(Quiet(), found)  # type: ignore[arg-type] # stands in for it
    assert seen[0] == [Path("secrets.toml")]
    assert seen[1:] == [[]] * 4
