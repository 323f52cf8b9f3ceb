import io

import numpy as np
import onnxruntime
import pytest
import safetensors.torch
import torch

from core import zoo
from core.pickles import Verdict, scan
from core.pickles.formats import Format
from core.pickles.lab import samples

EXPECTED = {
    "simple_mlp": (Format.TORCH_ZIP, Verdict.NEEDS_TRUST),
    "simple_mlp_bare": (Format.PICKLE, Verdict.NEEDS_TRUST),
    "state_dict": (Format.TORCH_ZIP, Verdict.DATA_ONLY),
    "ordered_dict": (Format.PICKLE, Verdict.DATA_ONLY),
    "array": (Format.PICKLE, Verdict.DATA_ONLY),
    "joblib": (Format.ZLIB, Verdict.DATA_ONLY),
    "planted": (Format.PICKLE, Verdict.DANGEROUS),
    "truncated": (Format.PICKLE, Verdict.COULD_NOT_READ),
    "polyglot": (Format.PICKLE, Verdict.DANGEROUS),
    "renamed": (Format.PICKLE, Verdict.DANGEROUS),
    "nested_zip": (Format.ZIP, Verdict.DANGEROUS),
    "safetensors": (Format.SAFETENSORS, Verdict.DATA_ONLY),
    "onnx": (Format.ONNX, Verdict.DATA_ONLY),
}


def weights() -> dict[str, torch.Tensor]:
    return dict(zoo.build("simple_mlp").module.state_dict())


@pytest.mark.parametrize("name", samples.names())
def test_each_sample_is_what_it_says(name: str) -> None:
    sample = samples.sample(name)
    report = scan(sample.data, sample.file_name)
    assert (report.format, report.verdict) == EXPECTED[name]
    assert sample.title == samples.titles()[name]
    assert sample.says


def test_the_samples_are_those_that_are_expected() -> None:
    assert samples.names() == list(EXPECTED)


def test_the_module_is_pickled_by_the_names_of_its_classes() -> None:
    report = scan(samples.sample("simple_mlp").data)
    names = {f"{each.use.module}.{each.use.name}" for each in report.globals}
    assert {"core.zoo_modules.SimpleMLP", "torch.nn.modules.linear.Linear"} <= names


def test_the_state_dict_is_loaded_by_torch_as_it_is() -> None:
    loaded = torch.load(io.BytesIO(samples.sample("state_dict").data), weights_only=True)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in weights().items())


def test_the_safetensors_file_has_the_same_weights() -> None:
    loaded = safetensors.torch.load(samples.sample("safetensors").data)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in weights().items())


def test_the_onnx_file_computes_what_the_module_does() -> None:
    made = zoo.build("simple_mlp")
    (x,) = made.example_inputs(3)
    session = onnxruntime.InferenceSession(samples.sample("onnx").data, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": x.numpy()})
    np.testing.assert_allclose(found, made.module(x).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_the_planted_call_is_the_command_that_the_text_names() -> None:
    sample = samples.sample("planted")
    (found,) = scan(sample.data).calls
    assert (found.call.function, found.call.opcode) == ("os.system", "REDUCE")
    assert found.call.arguments == f"({samples.COMMAND!r},)"
    assert samples.COMMAND in sample.says
    assert sample.says.startswith(f"{len(sample.data)} bytes ")


# torch numbers the tensors of a bare pickle by where they lie in memory.
@pytest.mark.parametrize("name", [name for name in samples.names() if name != "simple_mlp_bare"])
def test_a_sample_is_the_same_each_time(name: str) -> None:
    assert samples.sample.__wrapped__(name) == samples.sample(name)


def test_a_sample_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(samples.SampleError, match=r"^There is no such sample: choose one of simple_mlp, "):
        samples.sample("<b>")
