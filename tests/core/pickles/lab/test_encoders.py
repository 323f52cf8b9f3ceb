import pytest
import torch

from core import zoo
from core.pickles.lab.encoders import EncodingError, brief, decode, encode, flat, subject
from core.pickles.lab.formats import FileFormat

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_the_pickled_module_computes_the_same() -> None:
    made = subject(zoo.build("mlp"))
    loaded = decode(encode(made, FileFormat.PICKLE), FileFormat.PICKLE)
    assert isinstance(loaded, torch.nn.Module)
    with torch.no_grad():
        (found,) = flat(loaded(*made.args, **made.kwargs))
    assert torch.equal(found, made.outputs[0])


@pytest.mark.parametrize("kind", [FileFormat.STATE_DICT, FileFormat.SAFETENSORS])
@pytest.mark.parametrize("name", ["mlp", "cnn", "reused"])
def test_weights_come_back_as_they_were(kind: FileFormat, name: str) -> None:
    made = subject(zoo.build(name))
    loaded = decode(encode(made, kind), kind)
    assert isinstance(loaded, dict)
    expected = made.module.state_dict()
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in expected.items())


def test_torchscript_comes_back_with_its_program() -> None:
    made = subject(zoo.build("simple_mlp"))
    loaded = decode(encode(made, FileFormat.TORCHSCRIPT), FileFormat.TORCHSCRIPT)
    assert callable(loaded)
    with torch.no_grad():
        assert torch.equal(loaded(*made.args), made.outputs[0])


def test_a_model_that_a_format_does_not_take_says_why_in_one_line() -> None:
    made = subject(zoo.build("early_exit"))
    with pytest.raises(EncodingError) as error:
        encode(made, FileFormat.TORCHSCRIPT)
    assert "threshold" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) <= 300


def test_the_subject_is_in_evaluation_mode() -> None:
    assert not subject(zoo.build("dropout")).module.training


def test_the_outputs_are_flat_whatever_holds_them() -> None:
    one, two = torch.ones(1), torch.zeros(1)
    assert flat({"class": one, "value": [two]}) == (one, two)
    assert flat("text") == ()


def test_an_error_is_told_by_its_first_line_that_says_something() -> None:
    assert brief(ValueError("\n\n  too   many\nwords")) == "ValueError: too many"
    assert brief(ValueError()) == "ValueError: "
