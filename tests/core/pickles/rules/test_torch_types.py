"""torch's types: what torch saves is data only; what its functions would call for the file is not."""

from __future__ import annotations

import io
import pickle
import pickletools
import warnings
import zipfile
from collections import OrderedDict

import pytest
import torch

from core.pickles.machine import run
from core.pickles.rules.torch_types import is_storage_id
from core.pickles.value import Global, Value
from core.pickles.verdict import Verdict
from tests.core.pickles.unpicklers import call, name, program, text


def tensors() -> dict[str, object]:
    """What people save, by name."""
    plain = torch.arange(6.0).reshape(2, 3)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.Adam(model.parameters())
    model(plain).sum().backward()
    optimizer.step()
    tagged = torch.nn.Parameter(plain.clone())
    tagged.tag = "a"  # type: ignore[attr-defined]  # what is tested: attributes are saved
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "a tensor": plain,
            "a view": plain[1:],
            "bfloat16": plain.bfloat16(),
            "bools": plain > 0,
            "complex": plain.to(torch.complex64).conj(),
            "a parameter": torch.nn.Parameter(plain),
            "a parameter with an attribute": tagged,
            "sparse": plain.to_sparse(),
            "sparse rows": plain.to_sparse_csr(),
            "quantized": torch.quantize_per_tensor(plain, 0.1, 0, torch.qint8),
            "meta": torch.empty(2, device="meta"),
            "uint16": torch.zeros(2, dtype=torch.uint16),
            "float8": torch.zeros(2).to(torch.float8_e4m3fn),
            "a state dict": model.state_dict(),
            "an optimizer's": optimizer.state_dict(),
            "a size, a dtype, a device": [plain.shape, plain.dtype, plain.device],
            "torch's version": torch.__version__,
            "per channel": torch.quantize_per_channel(plain, torch.ones(2), torch.zeros(2), 0, torch.qint8),
            "compressed columns and blocks": [plain.to_sparse_csc(), torch.eye(4).to_sparse_bsr((2, 2))],
            "nested": torch.nested.nested_tensor([plain, plain[:1]]),
            "a negated view": torch._neg_view(plain),
            "one value in many places": torch.ones(1).expand(5),
            "layouts": [torch.strided, torch.sparse_coo, torch.jagged],
            "parameters without a shape": torch.nn.LazyLinear(3).state_dict(),
            "a buffer without a shape": torch.nn.parameter.UninitializedBuffer(),
        }


TENSORS = tensors()


def saved(value: object) -> bytes:
    """The pickle in a file of torch.save."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(value, buffer)
    with zipfile.ZipFile(buffer) as archive:
        return archive.read(next(entry for entry in archive.namelist() if entry.endswith("data.pkl")))


@pytest.mark.parametrize("kind", TENSORS)
def test_what_torch_saves_is_data_only(kind: str) -> None:
    found = run(saved(TENSORS[kind]))
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    assert all(is_storage_id(pid) for pid in found.persistent_ids)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("kind", TENSORS)
def test_what_pickle_makes_of_a_tensor_is_data_only(kind: str, protocol: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = run(pickle.dumps(TENSORS[kind], protocol))
    assert found.verdict is Verdict.DATA_ONLY, found.findings


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_pickle_makes_of_a_large_tensor_is_data_only_too(protocol: int) -> None:
    stream = pickle.dumps(torch.arange(20_000.0), protocol)
    found = run(stream)
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    # Those of the file within it are counted too.
    assert found.opcodes > sum(1 for _ in pickletools.genops(stream))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_payload_in_a_large_file_within_the_stream_is_found_whatever_the_protocol(protocol: int) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return eval, ("1",)

    class Holder:
        def __reduce__(self) -> tuple[object, tuple[bytes]]:
            buffer = io.BytesIO()
            value = ["\xe9" * 20_000, Payload()]
            torch.save(value, buffer, _use_new_zipfile_serialization=False)
            return torch.storage._load_from_bytes, (buffer.getvalue(),)

    assert run(pickle.dumps(Holder(), protocol)).verdict is Verdict.DANGEROUS


def test_a_whole_module_needs_trust_and_says_which_classes() -> None:
    found = run(saved(torch.nn.Linear(2, 2)))
    assert found.verdict is Verdict.NEEDS_TRUST
    assert "torch.nn.modules.linear.Linear" in {use.full for use in found.globals}


FLOATS = Global("torch", "FloatStorage", Verdict.DATA_ONLY)


@pytest.mark.parametrize(
    ("pid", "fine"),
    [
        (("storage", FLOATS, "0", "cpu", 4), True),
        (("storage", FLOATS, "0", "cpu", 4, None), True),
        (3, True),
        ("12", True),
        (("storage", Global("os", "system"), "0", "cpu", 4), False),
        (("module", FLOATS, "0", "cpu", 4), False),
        (("storage", FLOATS, "0", "cpu"), False),
        ("key", False),
        (None, False),
    ],
)
def test_only_a_storage_may_be_asked_for(pid: Value, fine: bool) -> None:
    assert is_storage_id(pid) is fine


STORAGE = program(
    "MARK",
    text("storage"),
    name("torch", "FloatStorage"),
    text("0"),
    text("cpu"),
    "BININT1",
    4,
    "TUPLE",
    "BINPERSID",
)
SIZE = program("BININT1", 4, "TUPLE1")
ZERO = program("BININT1", 0)
OFF = program("NEWFALSE")
NO_HOOKS = call("collections", "OrderedDict")
HOOKS = NO_HOOKS + program(ZERO, name("torch._utils", "_rebuild_tensor"), "SETITEM")


def tensor(hooks: bytes = NO_HOOKS) -> bytes:
    return call("torch._utils", "_rebuild_tensor_v2", STORAGE, ZERO, SIZE, SIZE, OFF, hooks)


def same(left: torch.Tensor, right: torch.Tensor) -> bool:
    return all(torch.equal(one, other) for one, other in zip(left.unbind(), right.unbind(), strict=True))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("grad", [False, True])
def test_a_jagged_tensor_is_data_only(protocol: int, grad: bool) -> None:
    parts = [torch.ones(2, 3), torch.zeros(1, 3)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jagged = torch.nested.nested_tensor(parts, layout=torch.jagged, requires_grad=grad)
        for stream in (saved(jagged), pickle.dumps(jagged, protocol)):
            found = run(stream)
            assert found.verdict is Verdict.DATA_ONLY, found.findings
        loaded = pickle.loads(pickle.dumps(jagged, protocol))  # noqa: S301 - written here
    assert same(loaded, jagged)
    assert loaded.requires_grad is grad


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_generator_is_data_only(protocol: int) -> None:
    generator = torch.Generator().manual_seed(3)
    for stream in (saved(generator), pickle.dumps(generator, protocol)):
        found = run(stream)
        assert found.verdict is Verdict.DATA_ONLY, found.findings
    loaded = pickle.loads(pickle.dumps(generator, protocol))  # noqa: S301 - written here
    assert torch.equal(torch.rand(3, generator=loaded), torch.rand(3, generator=generator))


def jagged(*changes: tuple[str, bytes], function: str = "_rebuild_njt", kind: bytes = b"") -> bytes:
    """A jagged tensor with some of its parts changed, by name."""
    parts = {
        "values": tensor(), "offsets": tensor(), "lengths": program("NONE"), "_ragged_idx": ONE,
        "_metadata_cache": program("EMPTY_DICT"), "requires_grad": OFF, **dict(changes),
    }  # fmt: skip
    pairs = [text(part) + value for part, value in parts.items()]
    return call(
        "torch._tensor",
        "_rebuild_from_type_v2",
        name(NESTED, function),
        kind or name(NESTED, "NestedTensor"),
        program("MARK", *pairs, "DICT", "TUPLE1"),
        program("EMPTY_DICT"),
    )


NESTED = "torch.nested._internal.nested_tensor"
ONE = program("BININT1", 1)
FUNCTION = name("torch._utils", "_rebuild_tensor")
GENERATOR = call("torch._C", "Generator", call("torch", "device", text("cpu")))
RANGE = name("torch._dynamo.decorators", "_DimRange") + program("EMPTY_TUPLE", "NEWOBJ")
UNSAFE = {
    "a jagged tensor of what are no tensors": jagged(("values", FUNCTION)),
    "a jagged tensor with a part that is none": jagged(("device", FUNCTION)),
    "a jagged tensor with lengths that are a function": jagged(("lengths", FUNCTION)),
    "a jagged tensor that remembers anything": jagged(
        ("_metadata_cache", program("MARK", text("min_seqlen"), FUNCTION, "DICT"))
    ),
    "a jagged tensor of another class": jagged(kind=name("torch", "Tensor")),
    "another function of its module": jagged(function="nested_from_padded"),
    "a jagged class around a plain tensor": call(
        "torch._tensor",
        "_rebuild_from_type_v2",
        FUNCTION,
        name(NESTED, "NestedTensor"),
        program("MARK", STORAGE, ZERO, SIZE, SIZE, "TUPLE"),
        program("NONE"),
    ),
    "a jagged tensor that its class makes": call(NESTED, "NestedTensor", tensor(), tensor()),
    "a generator on a device that a package brings": call(
        "torch._C", "Generator", call("torch", "device", text("privateuseone"))
    ),
    "a generator on a function": call("torch._C", "Generator", FUNCTION),
    "a generator with a state that is none": GENERATOR + program("EMPTY_DICT", "BUILD"),
    "a generator with a state that is a function": GENERATOR
    + program(ONE, "NONE", FUNCTION, "TUPLE3", "BUILD"),
    "a generator made without its init": name("torch._C", "Generator") + program("EMPTY_TUPLE", "NEWOBJ"),
    "bounds that are a dict": RANGE + program("EMPTY_DICT", "BUILD"),
    "bounds that are functions": RANGE + program("MARK", ONE, FUNCTION, FUNCTION, "LIST", "BUILD"),
    "a parameter without a shape and with a state": call("torch.nn.parameter", "UninitializedParameter", OFF)
    + program("EMPTY_DICT", "BUILD"),
    "a parameter without a shape on a device": call(
        "torch.nn.parameter", "UninitializedParameter", OFF, FUNCTION
    ),
    "hooks for the backward pass": tensor(HOOKS),
    "hooks that are set later": tensor(NO_HOOKS + program("BINPUT", 0))
    + program("BINGET", 0, ZERO, "NONE", "SETITEM"),
    "hooks as an attribute": call(
        "torch._utils",
        "_rebuild_parameter_with_state",
        tensor(),
        OFF,
        NO_HOOKS,
        program("MARK", text("_backward_hooks"), HOOKS, "DICT"),
    ),
    "a storage that is none": call("torch._utils", "_rebuild_tensor", program("NONE"), ZERO, SIZE, SIZE),
    "a function that calls what it is given": call(
        "torch._tensor",
        "_rebuild_from_type_v2",
        name("_codecs", "encode"),
        name("torch", "Tensor"),
        program(text("a"), "TUPLE1"),
        program("NONE"),
    ),
    "a function that calls itself": call(
        "torch._tensor",
        "_rebuild_from_type_v2",
        name("torch._tensor", "_rebuild_from_type_v2"),
        name("torch", "Tensor"),
        program("EMPTY_TUPLE"),
        program("NONE"),
    ),
    "a class of tensors that nobody knows": call(
        "torch._tensor",
        "_rebuild_from_type_v2",
        name("torch._utils", "_rebuild_tensor"),
        name("m", "Tensor"),
        program("MARK", STORAGE, ZERO, SIZE, SIZE, "TUPLE"),
        program("NONE"),
    ),
    "a file within the stream that is none": call(
        "torch.storage", "_load_from_bytes", program("SHORT_BINBYTES", 4, b"PK\3\4")
    ),
    "a dtype that is called": call("torch", "float32"),
    "a state that is not a tensor's": name("torch", "Tensor")
    + program("EMPTY_TUPLE", "NEWOBJ", "EMPTY_DICT", "BUILD"),
}


@pytest.mark.parametrize("stream", UNSAFE.values(), ids=UNSAFE.keys())
def test_a_crafted_tensor_is_not_data_only(stream: bytes) -> None:
    assert run(program("PROTO", 4) + stream + program("STOP")).verdict is not Verdict.DATA_ONLY


@pytest.mark.parametrize(
    "stream",
    [
        tensor(),
        jagged(),
        RANGE + program("MARK", ONE, "NONE", "NONE", "LIST", "BUILD"),
        GENERATOR + program(ONE, "NONE", tensor(), "TUPLE3", "BUILD"),
        call(
            "torch._tensor",
            "_rebuild_from_type_v2",
            name("torch._utils", "_rebuild_tensor"),
            name("torch", "Tensor"),
            program("MARK", STORAGE, ZERO, SIZE, SIZE, "TUPLE"),
            program("MARK", text("note"), text("a"), "DICT"),
        ),
    ],
)
def test_the_same_forms_with_honest_arguments_are_data_only(stream: bytes) -> None:
    found = run(program("PROTO", 4) + stream + program("STOP"))
    assert found.verdict is Verdict.DATA_ONLY, found.findings


@pytest.mark.parametrize("padding", [0, 20_000])
def test_what_a_file_within_the_stream_would_do_counts(padding: int) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return eval, ("1",)

    buffer = io.BytesIO()
    torch.save(OrderedDict(b="x" * padding, a=Payload()), buffer, _use_new_zipfile_serialization=False)
    inner = buffer.getvalue()
    stream = name("torch.storage", "_load_from_bytes")
    stream += program("BINBYTES", len(inner).to_bytes(4, "little"), inner, "TUPLE1", "REDUCE", "STOP")
    found = run(stream)
    assert found.verdict is Verdict.DANGEROUS
    danger = next(one for one in found.findings if one.subject == "builtins.eval")
    assert danger.reason.startswith("in the torch file within the stream: ")
    assert danger.offset is not None
    # Long bytes are read where they lie; of short ones it is only known which call would load them.
    assert stream[danger.offset : danger.offset + 1] == program("GLOBAL" if padding else "REDUCE")


def test_files_within_files_end_somewhere() -> None:
    stream = program("NONE", "STOP")
    for _ in range(10):
        inner = stream
        stream = name("torch.storage", "_load_from_bytes")
        stream += program("BINBYTES", len(inner).to_bytes(4, "little"), inner, "TUPLE1", "REDUCE", "STOP")
    found = run(stream)
    assert found.verdict is Verdict.COULD_NOT_READ
    assert any("too deep" in one.reason for one in found.findings)


def test_a_version_is_made_of_one_text_and_nothing_else() -> None:
    for arguments in ([], [program("EMPTY_LIST")], [text("1"), text("2")]):
        stream = call("torch.torch_version", "TorchVersion", *arguments)
        assert run(stream + program("STOP")).verdict is Verdict.NEEDS_TRUST
    good = call("torch.torch_version", "TorchVersion", text("2.1"))
    assert run(good + program("STOP")).verdict is Verdict.DATA_ONLY
    assert run(good + program("EMPTY_DICT", "BUILD", "STOP")).verdict is Verdict.NEEDS_TRUST
