"""The builder's arithmetic agrees with PyTorch, and its errors say what to write."""

import pickle
import re
from collections.abc import Callable

import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import nn

from core.builder import LAYERS, BuilderError, Chain, fitting, parse_chain
from core.zoo import ZooError

Shape = tuple[int, ...]
DIGITS = "9" * 1_900


def refused(text: str) -> BuilderError:
    with pytest.raises(BuilderError) as caught:
        parse_chain(text)
    return caught.value


def input_line(shape: Shape) -> str:
    return f"Input({', '.join(map(str, shape))})"


# What a chain is.


def test_a_chain_says_the_shape_and_the_parameters_of_every_layer() -> None:
    chain = parse_chain("Input(8)\nLinear(8, 16)\nReLU()\nLinear(16, 4)")
    assert chain.input_shape == (8,)
    assert [(s.line, s.text, s.input_shape, s.output_shape, s.parameters) for s in chain.steps] == [
        (2, "Linear(8, 16)", (8,), (16,), 144),
        (3, "ReLU()", (16,), (16,), 0),
        (4, "Linear(16, 4)", (16,), (4,), 68),
    ]
    assert (chain.parameters, chain.parameter_bytes, chain.output_shape) == (212, 848, (4,))
    assert [(s.parameter_bytes, s.activation_bytes) for s in chain.steps] == [(576, 64), (0, 64), (272, 16)]


def test_spelling_is_free_and_normalised() -> None:
    chain = parse_chain(
        "# a small network; really\r\nnn.Input(3,16,16)\n\n"
        " torch.nn.Conv2d( 3, 8,kernel_size=3 , stride=1, bias = False) # no bias; ;\n"
        "MaxPool2d(2,2,);;Flatten ( )\rLinear(out_features=+10, in_features=392, bias=True); Dropout(.25)\n"
        "LeakyReLU(1e-3, True); Softmax(1); Dropout(); ReLU(False)"
    )
    assert chain.text == (
        "Input(3, 16, 16)\nConv2d(3, 8, 3, bias=False)\nMaxPool2d(2, stride=2)\nFlatten()\nLinear(392, 10)\n"
        "Dropout(p=0.25)\nLeakyReLU(negative_slope=0.001, inplace=True)\nSoftmax(dim=1)\nDropout(p=0.5)"
        "\nReLU()"
    )
    assert [step.line for step in chain.steps] == [4, 5, 5, 6, 6, 7, 7, 7, 7]
    assert parse_chain(chain.text) == chain
    assert parse_chain(chain.text.replace("\n", ";")) == chain


def test_a_chain_builds_a_model_of_the_zoo() -> None:
    chain = parse_chain("Input(5, 8); Linear(8, 16); Dropout(0.5)")
    state = torch.random.get_rng_state()
    model = chain.build(seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (model.name, model.title, model.input_names) == ("chain", "Your own chain", ("x",))
    assert type(model.module) is nn.Sequential
    assert [name for name, _ in model.module.named_parameters()] == ["0.weight", "0.bias"]
    assert model.module(*model.example_inputs(3)).shape == (3, 5, 16)
    weights = [chain.build(seed).module.get_parameter("0.weight") for seed in (1, 1, 2)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    with pytest.raises(ZooError, match=r"^The seed is -1: "):
        chain.build(-1)


def test_parsing_makes_no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.Module, "__init__", lambda *_: pytest.fail("made a module"))
    parse_chain("Input(8); Linear(8, 100000); ReLU()")
    refused(f"Input(8); Linear(8, {10**9})")


@pytest.mark.parametrize(
    ("layer", "flat", "steps", "image"),
    [
        ("Linear", "Linear(8, 16)", "Linear(8, 16)", "Linear(16, 16)"),
        ("Conv2d", None, None, "Conv2d(3, 8, 3, padding=1)"),
        ("ReLU", "ReLU()", "ReLU()", "ReLU()"),
        ("Softmax", "Softmax(dim=-1)", "Softmax(dim=-1)", "Softmax(dim=-1)"),
        ("BatchNorm1d", "BatchNorm1d(8)", "BatchNorm1d(5)", None),
        ("BatchNorm2d", None, None, "BatchNorm2d(3)"),
        ("LayerNorm", "LayerNorm(8)", "LayerNorm(8)", "LayerNorm(16)"),
        ("GroupNorm", "GroupNorm(4, 8)", "GroupNorm(1, 5)", "GroupNorm(1, 3)"),
        ("Dropout", "Dropout(p=0.5)", "Dropout(p=0.5)", "Dropout(p=0.5)"),
        ("MaxPool2d", None, None, "MaxPool2d(2)"),
        ("AvgPool2d", None, None, "AvgPool2d(2)"),
        ("AdaptiveAvgPool2d", None, None, "AdaptiveAvgPool2d(1)"),
        ("Bilinear", None, None, None),
    ],
)
def test_fitting_writes_a_layer_for_the_shape(
    layer: str, flat: str | None, steps: str | None, image: str | None
) -> None:
    assert [fitting(layer, shape) for shape in ((8,), (5, 8), (3, 16, 16))] == [flat, steps, image]


def test_fitting_stays_small_where_the_shape_is_large() -> None:
    assert fitting("Linear", (2**20 - 1,)) == f"Linear({2**20 - 1}, 4)"
    assert fitting("Conv2d", (1, 1024, 1024)) == "Conv2d(1, 1, 1)"
    assert fitting("MaxPool2d", (3, 1, 1)) == "MaxPool2d(1)"
    assert fitting("GroupNorm", (1,)) is None


# What is refused, word for word.

ERRORS = [
    ("", ("There is no Input line. Start with the shape of one example, such as Input(8), Input(5, 8)"
     " or Input(3, 16, 16).")),
    ("Linear(8, 16)", ("Line 1, Linear(8, 16): the shape of one example must come first."
     " Write a line such as Input(8) above it.")),
    ("Input(8)", "Line 1, Input(8): no layer follows. Write Linear(8, 16) below it."),
    ("Input()", "Line 1, Input(): it takes 1 to 3 sizes. Write Input(8), Input(5, 8) or Input(3, 16, 16)."),
    ("Input(1, 2, 3, 4)", ("Line 1, Input(1, 2, 3, 4): it takes 1 to 3 sizes."
     " Write Input(8), Input(5, 8) or Input(3, 16, 16).")),
    ("Input(0)", "Line 1, Input(0): 0 is no size. Write whole numbers of at least 1."),
    ("Input(8, -2)", "Line 1, Input(8, -2): -2 is no size. Write whole numbers of at least 1."),
    ("Input(8.0)", "Line 1, Input(8.0): 8.0 is no size. Write whole numbers of at least 1."),
    ("Input(True)", "Line 1, Input(True): True is no size. Write whole numbers of at least 1."),
    ("Input(size=8)", "Line 1, Input(size=8): size=8 is no size. Write whole numbers of at least 1."),
    ("Input(8)\nInput(8)", "Line 2, Input(8): Input comes once, at the top. Remove this line."),
    # text that is no layer
    ("Input(8)\nhello world", "Line 2: 'hello world' is no layer. Write one such as Linear(8, 16)."),
    ("Input(8)\nLinear(8, 4", "Line 2: 'Linear(8, 4' ends before its closing bracket. Write one."),
    ("Input(8)\nLinear", ("Line 2, Linear: its brackets are missing."
     " Write Linear(in_features, out_features, bias=True).")),
    ("Input(8)\nnn.GELU", "Line 2, GELU: its brackets are missing. Write GELU()."),
    ("Input(8)\nLinear(8, 'a')", "Line 2, Linear: \"'a'\" is no number, True or False."),
    ("Input(8)\nLinear(8,,4)", "Line 2, Linear: '' is no number, True or False."),
    ("Input(8)\nLinear(8, 1_0)", "Line 2, Linear: '1_0' is no number, True or False."),
    ("Input(8)\nLinear(8, ٣)", r"Line 2, Linear: '\u0663' is no number, True or False."),
    ("Input(8)\nLinear(8, 2*2)", "Line 2, Linear: '2*2' is no number, True or False."),
    ("Input(8)\nLinear(8, print(4))", "Line 2, Linear: 'print(4)' is no number, True or False."),
    # names
    ("Input(8)\nLinaer(8, 16)", "Line 2, Linaer(8, 16): there is no such layer here. Did you mean Linear?"),
    ("Input(8)\nrelu()", "Line 2, relu(): there is no such layer here. Did you mean ReLU?"),
    ("Input(8)\nFoo()", f"Line 2, Foo(): there is no such layer here. Choose one of {', '.join(LAYERS)}."),
    # arguments
    ("Input(8)\nLinear()", "Line 2, Linear(): its in_features is missing. Write Linear(8, 16)."),
    ("Input(8)\nLinear(8)", "Line 2, Linear(8): its out_features is missing. Write Linear(8, 16)."),
    ("Input(8)\nConv2d(8)", ("Line 2, Conv2d(8): its out_channels is missing."
     " Write Conv2d(in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True).")),
    ("Input(8)\nLinear(8, 4, True, 4)", ("Line 2, Linear(8, 4, True, 4): it takes at most 3 without a name:"
     " Linear(in_features, out_features, bias=True).")),
    ("Input(3, 8, 8)\nConv2d(3, 8, 3, 1, 0, False)", ("Line 2, Conv2d(3, 8, 3, 1, 0, False): it takes at most"
     " 5 without a name: Conv2d(in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True).")),
    ("Input(8)\nTanh(1)", "Line 2, Tanh(1): it takes nothing in the brackets. Write Tanh()."),
    ("Input(8)\nLinear(8, 4, device=3)", ("Line 2, Linear(8, 4, device=3): it takes no device."
     " Write Linear(in_features, out_features, bias=True).")),
    ("Input(8)\nLinear(8, 4, in_features=8)", ("Line 2, Linear(8, 4, in_features=8):"
     " it gets in_features twice. Write it once.")),
    ("Input(8)\nLinear(in_features=8, 4)", ("Line 2, Linear(in_features=8, 4):"
     " a number without a name comes after one with a name.")),
    ("Input(8)\nLinear(8, 0)", ("Line 2, Linear(8, 0): its out_features is 0."
     " Write a whole number of at least 1.")),
    ("Input(8)\nLinear(8, 4.0)", ("Line 2, Linear(8, 4.0): its out_features is 4.0."
     " Write a whole number of at least 1.")),
    ("Input(8)\nLinear(8, True)", ("Line 2, Linear(8, True): its out_features is True."
     " Write a whole number of at least 1.")),
    ("Input(8)\nReLU(1)", "Line 2, ReLU(1): its inplace is 1. Write True or False."),
    ("Input(8)\nDropout(1.5)", "Line 2, Dropout(1.5): its p is 1.5. Write a number from 0 to 1."),
    ("Input(8)\nDropout(-1)", "Line 2, Dropout(-1): its p is -1. Write a number from 0 to 1."),
    ("Input(8)\nELU(1e999)", "Line 2, ELU(inf): its alpha is inf. Write a number."),
    ("Input(3, 8, 8)\nConv2d(3, 8, 3, 0)", ("Line 2, Conv2d(3, 8, 3, 0): its stride is 0."
     " Write a whole number from 1 to 1,000,000.")),
    ("Input(3, 8, 8)\nConv2d(3, 8, 3, padding=-1)", ("Line 2, Conv2d(3, 8, 3, padding=-1): its padding is -1."
     " Write a whole number of at least 0.")),
    # shapes
    ("Input(8)\nLinear(8, 16)\nLinear(12, 4)", ("Line 3, Linear(12, 4): it gets (N, 16) and wants (N, 12)."
     " Write Linear(16, 4).")),
    ("Input(8)\nLinear(8, 16)\nLinear(12, 4, False)", ("Line 3, Linear(12, 4, False): it gets (N, 16)"
     " and wants (N, 12). Write Linear(16, 4, bias=False).")),
    ("Input(5, 8)\nLinear(5, 4)", ("Line 2, Linear(5, 4): it gets (N, 5, 8) and wants (N, 5, 5)."
     " Write Linear(8, 4).")),
    ("Input(3, 4, 4)\nLinear(48, 2)", ("Line 2, Linear(48, 2): it gets (N, 3, 4, 4) and wants (N, 3, 4, 48)."
     " Write Flatten() above it.")),
    ("Input(3, 4, 4)\nLinear(40, 2)", ("Line 2, Linear(40, 2): it gets (N, 3, 4, 4) and wants (N, 3, 4, 40)."
     " Write Flatten() above it and Linear(48, 2).")),
    ("Input(8)\nConv2d(3, 8, 3)", ("Line 2, Conv2d(3, 8, 3): it gets (N, 8) and wants (N, 3, H, W)."
     " Start from an image, such as Input(3, 16, 16).")),
    ("Input(5, 8)\nMaxPool2d(2)", ("Line 2, MaxPool2d(2): it gets (N, 5, 8) and wants (N, C, H, W)."
     " Start from an image, such as Input(3, 16, 16).")),
    ("Input(3, 8, 8)\nConv2d(4, 8, 3, padding=1)", ("Line 2, Conv2d(4, 8, 3, padding=1): it gets (N, 3, 8, 8)"
     " and wants (N, 4, H, W). Write Conv2d(3, 8, 3, padding=1).")),
    ("Input(3, 4, 4)\nConv2d(3, 8, 7, padding=1)", ("Line 2, Conv2d(3, 8, 7, padding=1): its kernel of 7 is"
     " larger than the image with its padding, 6 × 6. Write Conv2d(3, 8, 6, padding=1).")),
    ("Input(3, 4, 5)\nAvgPool2d(6)", ("Line 2, AvgPool2d(6): its kernel of 6 is larger than the image"
     " with its padding, 4 × 5. Write AvgPool2d(4).")),
    ("Input(3, 8, 8)\nMaxPool2d(3, padding=2)", ("Line 2, MaxPool2d(3, padding=2): its padding of 2 is more"
     " than half its kernel of 3. Write MaxPool2d(3, padding=1).")),
    ("Input(8)\nBatchNorm2d(8)", ("Line 2, BatchNorm2d(8): it gets (N, 8) and wants (N, 8, H, W)."
     " Write BatchNorm1d(8).")),
    ("Input(3, 8, 8)\nBatchNorm1d(3)", ("Line 2, BatchNorm1d(3): it gets (N, 3, 8, 8) and wants (N, 3, L)."
     " Write BatchNorm2d(3).")),
    ("Input(5, 8)\nBatchNorm1d(8)", ("Line 2, BatchNorm1d(8): it gets (N, 5, 8) and wants (N, 8, 8)."
     " Write BatchNorm1d(5).")),
    ("Input(5, 8)\nLayerNorm(5)", ("Line 2, LayerNorm(5): it gets (N, 5, 8) and wants (N, 5, 5)."
     " Write LayerNorm(8).")),
    ("Input(8, 4, 4)\nGroupNorm(3, 8)", ("Line 2, GroupNorm(3, 8): its 8 channels do not split into 3 groups."
     " Write GroupNorm(2, 8).")),
    ("Input(6, 4, 4)\nGroupNorm(4, 8)", ("Line 2, GroupNorm(4, 8): it gets (N, 6, 4, 4) and wants"
     " (N, 8, 4, 4). Write GroupNorm(3, 6).")),
    ("Input(8)\nGroupNorm(8, 8)", ("Line 2, GroupNorm(8, 8): each group holds one number, and that minus its"
     " mean is 0. Write GroupNorm(4, 8).")),
    ("Input(1)\nGroupNorm(1, 1)", ("Line 2, GroupNorm(1, 1): each group holds one number, and that minus its"
     " mean is 0. Remove it.")),
    ("Input(8)\nSoftmax(2)", ("Line 2, Softmax(2): its dim is 2 and it gets 2 axes, (N, 8)."
     " Write Softmax(dim=-1).")),
    ("Input(8)\nSoftmax(0)", ("Line 2, Softmax(0): its dim 0 is the batch: examples would mix."
     " Write Softmax(dim=-1).")),
    # memory
    ("Input(8)\nLinear(8, 1000000000)", ("Line 2, Linear(8, 1000000000): its parameters would take 33.5 GiB;"
     " the limit here is 16.0 MiB. Use fewer units.")),
    (f"Input(8)\nLinear(8, {10**18})", ("Line 2, Linear(8, 1000000000000000000): its parameters would take"
     " 31.2 EiB; the limit here is 16.0 MiB. Use fewer units.")),
    (f"Input(8)\nLinear(8, {10**30})", ("Line 2, Linear(8, 1000000000000000000…): its parameters would take"
     " more than 1024 YiB; the limit here is 16.0 MiB. Use fewer units.")),
    (f"Input(8)\nLinear(8, {DIGITS})", (f"Line 2, Linear(8, {'9' * 19}…): its parameters would take"
     " more than 1024 YiB; the limit here is 16.0 MiB. Use fewer units.")),
    (f"Input({DIGITS})", (f"Line 1, Input({'9' * 19}…): one example would take more than 1024 YiB;"
     " the limit here is 4.0 MiB. Use smaller sizes.")),
    (f"Input(3, 8, 8)\nMaxPool2d({DIGITS})", (f"Line 2, MaxPool2d({'9' * 19}…): its kernel of {'9' * 19}…"
     " is larger than the image with its padding, 8 × 8. Write MaxPool2d(8).")),
    (f"Input(8)\nELU({DIGITS})", f"Line 2, ELU({'9' * 19}…): its alpha is {'9' * 19}…. Write a number."),
    ("Input(8)\nLinear(8, 4" + "0" * 3_000 + ")", ("The text has 3,021 characters; the limit here is 2,000."
     " Use fewer layers.")),
    ("Input(8)" + ";LeakyReLU(-1.2345678901234567e-300, True)" * 40, ("The chain, spelled out, has 2,608"
     " characters; the limit here is 2,000. Use fewer layers.")),
    ("Input(1, 1024, 1025)", ("Line 1, Input(1, 1024, 1025): one example would take slightly more than"
     " 4.0 MiB; the limit here is 4.0 MiB. Use smaller sizes.")),
    ("Input(3, 512, 512)\nConv2d(3, 64, 3)", ("Line 2, Conv2d(3, 64, 3): one example's output would take"
     " 63.5 MiB; the limit here is 4.0 MiB. Use fewer channels.")),
    ("Input(3, 8, 8)\nAdaptiveAvgPool2d(1000)", ("Line 2, AdaptiveAvgPool2d(1000): one example's output would"
     " take 11.4 MiB; the limit here is 4.0 MiB. Use smaller sizes.")),
    ("Input(3, 8, 8)\nConv2d(3, 8, 1, 9, 9000)", ("Line 2, Conv2d(3, 8, 1, 9, 9000): one padded example would"
     " take 3.6 GiB; the limit here is 4.0 MiB. Use a smaller padding.")),
    ("Input(2048)\nLinear(2048, 1024, False)\nLinear(1024, 2048)", ("Line 3, Linear(1024, 2048): all"
     " parameters up to here would take slightly more than 16.0 MiB; the limit here is 16.0 MiB."
     " Use fewer units or layers.")),
    ("Input(8)" + "\nReLU()" * 41, ("Line 42, ReLU(): this is layer 41; the limit here is 40."
     " Use fewer layers.")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), ERRORS, ids=[text[:40] for text, _ in ERRORS])
def test_what_is_wrong_is_said_in_one_line(text: str, message: str) -> None:
    error = refused(text)
    assert error.message == message
    assert str(error) == message


def test_the_limits_themselves_are_accepted() -> None:
    assert len(parse_chain("Input(8)" + "\nReLU()" * 40).steps) == 40
    assert parse_chain("Input(2048); Linear(2048, 2048, bias=False)").parameter_bytes == 16 * 2**20
    assert parse_chain("Input(1, 1024, 1024); ReLU()").steps[0].activation_bytes == 4 * 2**20
    text = "Input(8); ReLU() #"
    assert parse_chain(text + "x" * (2_000 - len(text))).text == "Input(8)\nReLU()"


@pytest.mark.parametrize(
    ("text", "line", "excerpt"),
    [
        ("", 0, ""),
        ("x" * 3_000, 0, ""),
        ("Input(8)\n  Linear(12,4)  # why", 2, "  Linear(12,4)  # why\n  ^"),
        ("Input(8)\n\nLinear(8, 0)", 3, "Linear(8, 0)\n          ^"),
        ("Input(8); nn.Linear(8, x=1)", 1, "Input(8); nn.Linear(8, x=1)\n                       ^"),
        ("Input(8);\tReLU(1)", 1, "Input(8); ReLU(1)\n               ^"),
        (
            "Input(8);" + "ReLU();" * 20 + "Tanh(1)",
            1,
            "eLU();" + "ReLU();" * 7 + "Tanh(1)\n" + " " * 60 + "^",
        ),
    ],
)
def test_an_excerpt_points_at_the_offence(text: str, line: int, excerpt: str) -> None:
    error = refused(text)
    assert error.line == line
    assert error.excerpt() == excerpt


def test_an_error_survives_a_cache() -> None:
    error = refused("Input(8)\nLinear(8, 0)")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  (this test's own bytes)
    assert (copy.message, copy.line, copy.excerpt()) == (error.message, error.line, error.excerpt())


# Any text.


def check_text(text: str) -> None:
    """Whatever is written is a chain or a BuilderError of one line."""
    try:
        chain = parse_chain(text)
    except BuilderError as caught:
        error = caught
    else:
        assert parse_chain(chain.text) == chain
        return
    assert error.message.isprintable()
    assert len(error.message) < 400
    lines = error.excerpt().split("\n")
    assert lines == [""] if error.line == 0 else len(lines) == 2
    assert all(len(line) <= 100 for line in lines)


@settings(max_examples=300)
@example("Input(8)\n\x00\ud800(")
@example("Input(8)\u2028ReLU()")
@example("Input(8);" + "(" * 1_900)
@example("Input(8);ReLU(" + "," * 1_900 + ")")
@example("Input(8);ReLU(" + "a" * 1_900)
@given(st.text(max_size=200))
def test_any_text_is_a_chain_or_an_error_of_one_line(text: str) -> None:
    check_text(text)


@settings(max_examples=500)
@given(
    st.lists(
        st.sampled_from([*LAYERS, "Input", "(", ")", ",", "=", ";", "\n", "#", " ", "in_features", "dim"])
        | st.sampled_from(
            ["True", "1", "8", "-1", "0.5", "1e400", DIGITS, "nn.", "..", "Input(8);", "Input(3,8,8)\n"]
        )
        | st.integers().map(str)
        | st.floats().map(str)
        | st.characters(),
        max_size=20,
    ).map("".join)
)
def test_pieces_of_chains_in_any_order_are_a_chain_or_an_error_of_one_line(text: str) -> None:
    check_text(text)


# The same arithmetic as PyTorch.

SIZES = st.integers(1, 6)
SHAPES = st.one_of(st.tuples(SIZES), st.tuples(SIZES, SIZES), st.tuples(SIZES, SIZES, SIZES))


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    """A valid chain, grown by `fitting` one layer at a time."""
    lines = [input_line(draw(SHAPES))]
    shape = parse_chain(f"{lines[0]}; Identity()").input_shape
    for layer in draw(st.lists(st.sampled_from(LAYERS), min_size=1, max_size=8)):
        line = fitting(layer, shape)
        if line is not None:
            lines.append(line)
            shape = parse_chain("\n".join(lines)).output_shape
    assume(len(lines) > 1)
    return parse_chain("\n".join(lines))


@settings(max_examples=150)
@given(chains(), st.integers(1, 3))
def test_declared_shapes_and_parameters_are_those_of_the_module(chain: Chain, batch: int) -> None:
    model = chain.build()
    (x,) = model.example_inputs(batch)
    assert isinstance(model.module, nn.Sequential)
    assert len(model.module) == len(chain.steps)
    model.module.eval()
    for step, layer in zip(chain.steps, model.module, strict=True):
        assert x.shape == (batch, *step.input_shape)
        x = layer(x)
        assert x.shape == (batch, *step.output_shape)
        assert type(layer).__name__ == step.layer
        assert sum(p.numel() for p in layer.parameters()) == step.parameters
    assert sum(p.numel() for p in model.module.parameters()) == chain.parameters
    assert parse_chain(chain.text) == chain


Options = dict[str, st.SearchStrategy[int | float | bool]]

SMALL = st.integers(1, 6)
FLAG: Options = {"inplace": st.booleans()}
POOL: Options = {"stride": SMALL, "padding": st.integers(0, 3)}
# Per layer: how many whole numbers it must have, and what it may have.
ARGUMENTS: dict[str, tuple[int, Options]] = {
    "Linear": (2, {"bias": st.booleans()}),
    "Conv2d": (3, {**POOL, "bias": st.booleans()}),
    "ReLU": (0, FLAG),
    "LeakyReLU": (0, {"negative_slope": st.floats(-2, 2), **FLAG}),
    "ELU": (0, {"alpha": st.floats(-2, 2), **FLAG}),
    "GELU": (0, {}),
    "SiLU": (0, FLAG),
    "Tanh": (0, {}),
    "Sigmoid": (0, {}),
    "Softmax": (0, {"dim": st.integers(-5, 4)}),
    "BatchNorm1d": (1, {}),
    "BatchNorm2d": (1, {}),
    "LayerNorm": (1, {}),
    "GroupNorm": (2, {}),
    "Dropout": (0, {"p": st.floats(-0.5, 1.5), **FLAG}),
    "Flatten": (0, {}),
    "MaxPool2d": (1, POOL),
    "AvgPool2d": (1, POOL),
    "AdaptiveAvgPool2d": (1, {}),
    "Identity": (0, {}),
}
IMAGES = {"Conv2d", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d"}


@st.composite
def layers(draw: st.DrawFn, name: str) -> tuple[Shape, list[int], dict[str, int | float | bool]]:
    """A shape with arguments that may or may not suit it; sizes are drawn from it half of the time."""
    shape = draw(SHAPES)
    count, options = ARGUMENTS[name]
    positional = [draw(SMALL | st.sampled_from(shape)) for _ in range(count)]
    return shape, positional, draw(st.fixed_dictionaries({}, optional=options))


def refused_on_purpose(name: str, shape: Shape, text: str) -> bool:
    """What PyTorch accepts at this batch, and the builder does not because it is a mistake."""
    if name in IMAGES:
        return len(shape) < 3  # PyTorch takes the batch for channels, or for the height if its output is 1
    if name == "Softmax":
        return "is the batch" in refused(text).message  # examples would mix
    if name == "GroupNorm":
        return "holds one number" in refused(text).message  # PyTorch refuses it for a batch of one
    return False


@settings(max_examples=80)
@pytest.mark.parametrize("name", LAYERS)
@given(data=st.data())
def test_a_layer_is_refused_exactly_where_pytorch_refuses_it(name: str, data: st.DataObject) -> None:
    shape, positional, keywords = data.draw(layers(name))
    arguments = [*map(str, positional), *(f"{key}={value}" for key, value in keywords.items())]
    text = f"{input_line(shape)}\n{name}({', '.join(arguments)})"
    make: Callable[..., nn.Module] = getattr(nn, name)
    try:
        if name == "Softmax":  # nn.Softmax() guesses its dim and warns
            keywords = {"dim": -1, **keywords}
        y = make(*positional, **keywords).eval()(torch.zeros(2, *shape))
    except (RuntimeError, ValueError, IndexError):
        refused(text)
        return
    try:
        step = parse_chain(text).steps[0]
    except BuilderError:
        assert refused_on_purpose(name, shape, text)
    else:
        assert y.shape == (2, *step.output_shape)


@settings(max_examples=40)
@pytest.mark.parametrize("name", LAYERS)
@given(data=st.data())
def test_what_an_error_says_to_write_is_accepted(name: str, data: st.DataObject) -> None:
    shape, positional, keywords = data.draw(layers(name))
    line = f"{name}({', '.join([*map(str, positional), *(f'{k}={v}' for k, v in keywords.items())])})"
    for _ in range(3):  # a fixed size can bring to light that the kernel does not fit either
        try:
            parse_chain(f"{input_line(shape)}\n{line}")
        except BuilderError as error:
            found = re.search(r"Write (\w+\([^()]*\))\.$", error.message)
            if found is None:  # a sentence, such as: a number from 0 to 1
                return
            assert found[1] != line
            line = found[1]
        else:
            return
    pytest.fail(f"{line} is refused too")
