"""A key pasted into a text field of any lab: in no address, in no message, and in no other visitor's page."""

import secrets

import pytest

from core.gradients.gallery import EXAMPLES
from tests.pages.visit import Visit, open_page
from ui.autograd.inputs import TABS as AUTOGRAD_TABS
from ui.autograd.inputs import WHY_VIEWS as AUTOGRAD_VIEWS
from ui.autograd.inputs import WORKED
from ui.benchmark.inputs import WORKED_BATCHES
from ui.hooks.inputs import STARTING_CHAIN
from ui.hooks.inputs import TABS as HOOKS_TABS
from ui.links import is_secret
from ui.onnx.inputs import BENCH_VIEWS
from ui.onnx.inputs import TABS as ONNX_TABS

FIELDS = [
    ("pages/autograd.py", {}, "loss", "w*x"),
    ("pages/autograd.py", {"tab": AUTOGRAD_TABS[0], "view": AUTOGRAD_VIEWS[3]}, "own", "2*w"),
    ("pages/autograd.py", {"lists": ["x"]}, "x[]", "1, 2"),
    (
        "pages/hooks.py",
        {"model": "Your own chain of layers", "tab": HOOKS_TABS[4]},
        "chain",
        "Input(8)\nReLU()",
    ),
    ("pages/onnx.py", {}, "axes", "none"),
    ("pages/onnx.py", {}, "inputs", "input_1"),
    ("pages/onnx.py", {}, "outputs", "output_1"),
    ("pages/onnx.py", {"tab": ONNX_TABS[4]}, "batches", "1, 2"),
    ("pages/onnx.py", {"tab": ONNX_TABS[4]}, "threads", "1, 2"),
    ("pages/onnx.py", {"tab": ONNX_TABS[4], "bench": BENCH_VIEWS[2]}, "sizes", "1, 2"),
]


def in_address(visit: Visit, key: str) -> str:
    """What the address says; a list where the link did, a text where the page did."""
    found = visit.app.query_params[key]
    return found if isinstance(found, str) else found[0]


@pytest.mark.parametrize(
    ("page", "query", "key", "text"), FIELDS, ids=[f"{f[0][6:-3]}-{f[2]}" for f in FIELDS]
)
def test_a_key_is_kept_out_of_the_address_and_of_every_message(
    page: str, query: dict[str, str | list[str]], key: str, text: str
) -> None:
    canary = "sk-" + "proj-" + secrets.token_hex(24)
    visit = open_page(page, query)
    visit.put({key: text})
    assert in_address(visit, key) == text
    assert not [each for each in visit.notices() if "looks like a key" in each]
    visit.put({key: f"{text} {canary}"})
    assert key not in visit.app.query_params
    assert canary not in repr(dict(visit.app.query_params))
    assert [each for each in visit.notices() if "looks like a key" in each and key in each]
    said = [
        *visit.troubles(),
        *visit.notices(),
        visit.captions(),
        *(each.value for each in visit.app.markdown),
    ]
    assert canary not in repr(said)
    visit.put({key: text})
    assert in_address(visit, key) == text


def test_a_link_with_a_key_in_it_loses_it() -> None:
    canary = "sk-" + "ant-" + secrets.token_hex(24)
    visit = open_page("pages/autograd.py", {"loss": f"w*x + {canary}", "own": canary, "w": canary})
    assert canary not in repr(dict(visit.app.query_params))
    assert canary not in repr(visit.notices())


def test_going_back_in_the_browser_brings_the_text_of_that_address() -> None:
    visit = open_page("pages/onnx.py").put({"batches": "1, 2"}).put({"batches": "1, 4"})
    assert in_address(visit, "batches") == "1, 4"
    visit.app.query_params["batches"] = "1, 2"
    assert visit.run().get("batches") == "1, 2"
    del visit.app.query_params["batches"]
    assert visit.run().get("batches") == WORKED_BATCHES


@pytest.mark.parametrize(
    "text",
    [
        "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYzzzzzzKEYq",
        "AWS_SECRET_ACCESS_KEY=" + "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYzzzzzzKEYq",
        "password=Tr0ub4dor3xyz",
        "0b5b2f5e-3c1d-4e2a-9f7b-1a2b3c4d5e6f",
        "Bearer " + "abcDEF123456" * 2,
    ],
)
def test_a_key_without_a_form_of_its_own_is_kept_out_too(text: str) -> None:
    assert is_secret(text)


@pytest.mark.parametrize(
    "text",
    [
        WORKED.loss,
        *(example.loss for example in EXAMPLES),
        STARTING_CHAIN,
        "Input(3, 32, 32)\nAdaptiveAvgPool2d(4)\nFlatten()\nTransformerEncoderLayer(64, 4)",
        "1, 8, 64",
        "input_ids, attention_mask, encoder_hidden_states_0",
        "batch, sequence_length",
        "1.0, -2.5e-3, 3.25, 4.125, 5.0625, 6.03125",
    ],
)
def test_what_the_labs_are_for_is_no_key(text: str) -> None:
    assert not is_secret(text)
