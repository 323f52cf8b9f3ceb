"""The names in the lab's address, and what a link of it may hold."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_architecture import ROOT
from ui.autograd import inputs
from ui.autograd.inputs import WORKED, default_value, key_of, list_key_of

TAKEN = sorted(inputs._TAKEN)


def test_every_key_of_the_lab_is_taken() -> None:
    """A variable's name is the key of no other element, and no parameter that Streamlit keeps to itself."""
    shared = [path for path in (ROOT / "ui").rglob("*.py") if path.parent.name in {"ui", "autograd"}]
    sources = [ROOT / "dashboard.py", *shared, ROOT / "pages/autograd.py"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    keys = set(re.findall(r'key="([A-Za-z_]\w*)"', text)) | {"predict", "embed", "embed_options"}
    assert keys <= set(TAKEN)


@pytest.mark.parametrize("name", TAKEN)
def test_a_taken_name_gets_a_dot(name: str) -> None:
    assert key_of(name) == f"{name}."


@given(st.from_regex(r"[A-Za-z_]\w{0,8}", fullmatch=True), st.from_regex(r"[A-Za-z_]\w{0,8}", fullmatch=True))
def test_no_two_variables_share_a_key(one: str, other: str) -> None:
    keys = [key_of(one), list_key_of(one), key_of(other), list_key_of(other)]
    assert len(set(keys)) == (2 if one == other else 4)
    assert not set(keys) & set(TAKEN)


def test_defaults_are_the_worked_example_s_else_one() -> None:
    assert {name: default_value(name) for name in (*WORKED.values, "other")} == {
        **WORKED.values,
        "other": 1.0,
    }


@pytest.mark.parametrize("text", ["1", "1, 2, 3.5", " -1e3 ,2", ",".join("1" * 64)])
def test_a_list_that_can_be_linked(text: str) -> None:
    assert inputs._list_complaint(text) == ""


@pytest.mark.parametrize(
    "text", ["", ",", "1,", "1;2", "one", "nan", "1e400", ",".join("1" * 65), "1" * 5_000 + "x"]
)
def test_a_list_that_cannot(text: str) -> None:
    complaint = inputs._list_complaint(text)
    assert complaint.startswith("has ")
    assert len(complaint) < 150


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    for complaint in (inputs._list_complaint(text), inputs._loss_complaint(text)):
        assert "\n" not in complaint
