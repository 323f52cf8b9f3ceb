"""The autograd lab's page: its numbers, its inputs, its links, and what it says when something is wrong."""

import io
import re
import struct
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout

import pytest
import torch
from torch import Tensor

from core.gradients.dynamic import PROGRAMS, Program
from core.gradients.gallery import EXAMPLES, Example
from core.gradients.operations import DTYPES
from core.gradients.traps import TRAPS
from tests.pages.visit import Visit, open_page

PAGE = "pages/autograd.py"
VIEWS = [
    {"tab": "Why?", "view": "Step by step"},
    {"tab": "Why?", "view": "PyTorch's graph"},
    {"tab": "Why?", "view": "Four witnesses"},
    {"tab": "Why?", "view": "Your own derivative"},
    {"tab": "What if?", "explore": "Landscape and descent"},
    {"tab": "What if?", "explore": "A new graph in every run"},
    {"tab": "Where does it break?"},
    {"tab": "Take it away"},
]
PROGRAMS_VIEW, TRAPS_VIEW = VIEWS[5], VIEWS[6]


def lab(**query: str | list[str]) -> Visit:
    return open_page(PAGE, query)


def squared_error(w: Tensor, x: Tensor, b: Tensor, y: Tensor) -> Tensor:
    return (w * x + b - y) ** 2


def by_pytorch(
    loss: Callable[..., Tensor], values: Mapping[str, object], dtype: torch.dtype = torch.float32
) -> dict[str, float]:
    """The gradient by every variable, as four decimals, from a plain PyTorch program."""
    leaves = {name: torch.tensor(value, dtype=dtype, requires_grad=True) for name, value in values.items()}
    loss(**leaves).mean().backward()  # type: ignore[no-untyped-call]
    found = {}
    for name, leaf in leaves.items():
        assert leaf.grad is not None
        found[name] = round(float(leaf.grad.sum()), 4)
    return found


def only(found: Mapping[str, float], *names: str) -> dict[str, float]:
    return {name: found[name] for name in names}


# The numbers.


def test_the_worked_example_is_there_without_a_click() -> None:
    visit = lab()
    assert visit.numbers() == {"∂L/∂w": "-15.6000", "∂L/∂b": "-7.8000"}
    assert visit.verdict() == "✓ four witnesses agree"
    assert visit.latex()[0].strip("$\n").endswith(r"\left(0.5 \cdot 2 + 0.1 - 5\right)^{2} = 15.21")
    assert visit.notices() == []
    assert visit.troubles() == []
    for number in ("−15.6", "−7.8", "−3.9", "15.21"):
        assert number.encode() in visit.everything()


def test_a_changed_number_changes_the_gradients() -> None:
    visit = lab()
    visit.app.number_input(key="w").set_value(1.25)
    visit.app.number_input(key="y").set_value(-3.0)
    visit.run()
    expected = by_pytorch(squared_error, {"w": 1.25, "x": 2.0, "b": 0.1, "y": -3.0})
    assert visit.gradients() == only(expected, "w", "b")


def test_a_step_button_is_a_tenth() -> None:
    visit = lab()
    visit.app.number_input(key="x").increment()
    visit.run()
    expected = by_pytorch(squared_error, {"w": 0.5, "x": 2.1, "b": 0.1, "y": 5.0})
    assert visit.gradients() == only(expected, "w", "b")


def test_another_loss_changes_the_gradients_and_the_inputs() -> None:
    visit = lab()
    visit.app.text_input(key="loss").set_value("exp(w) * sin(x)").run()
    expected = by_pytorch(lambda w, x: w.exp() * x.sin(), {"w": 0.5, "x": 2.0})
    assert visit.gradients() == only(expected, "w")
    assert [field.label for field in visit.app.number_input] == ["w", "x"]
    visit.set(wrt=["w", "x"])
    assert visit.gradients() == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_dtype_is_that_of_the_computation(dtype: str) -> None:
    values = {"w": 0.1, "x": 3.3, "b": 0.7, "y": 1.9}
    visit = lab(**{name: str(value) for name, value in values.items()}, dtype=dtype)
    expected = by_pytorch(squared_error, values, getattr(torch, dtype))
    assert visit.gradients() == only(expected, "w", "b")


def test_what_to_differentiate_by_is_chosen() -> None:
    visit = lab(wrt=["y", "x", "b", "w"])
    expected = by_pytorch(squared_error, {"w": 0.5, "x": 2.0, "b": 0.1, "y": 5.0})
    assert visit.gradients() == expected
    visit.set(wrt=["x"])
    assert visit.gradients() == only(expected, "x")
    # None at all cannot be: the worked example's come back.
    visit.set(wrt=[])
    assert visit.gradients() == only(expected, "w", "b")


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_batch_is_reduced(reduction: str) -> None:
    visit = lab(lists=["x", "y"], reduction=reduction, **{"x[]": "1, 2, 4", "y[]": "2, -1, 0.5"})
    values = {"w": 0.5, "x": [1.0, 2.0, 4.0], "b": 0.1, "y": [2.0, -1.0, 0.5]}
    expected = by_pytorch(squared_error, values)
    if reduction == "sum":
        expected = {name: round(3 * value, 4) for name, value in expected.items()}
    assert visit.gradients() == pytest.approx(only(expected, "w", "b"), abs=2e-4)
    visit.put({"x[]": "1, 2, 5"})
    assert visit.gradients() != pytest.approx(only(expected, "w", "b"), abs=2e-4)


def test_lists_of_sixty_four_numbers() -> None:
    numbers = [index / 10 for index in range(64)]
    visit = lab(lists=["x"], **{"x[]": ",".join(map(str, numbers))})
    expected = by_pytorch(squared_error, {"w": 0.5, "x": numbers, "b": 0.1, "y": 5.0})
    assert visit.gradients() == pytest.approx(only(expected, "w", "b"), abs=2e-4)
    for view in VIEWS:
        visit.put(view)
        assert visit.troubles() == []


def test_twelve_variables() -> None:
    names = [f"a{index}" for index in range(12)]
    visit = lab(loss="*".join(names), wrt=names, **dict.fromkeys(names, "1.5"))
    assert sorted(field.label for field in visit.app.number_input) == sorted(names)
    # Four on the stage, the others in the table of witnesses.
    assert visit.gradients() == dict.fromkeys(names[:4], round(1.5**11, 4))
    visit.set(view="Four witnesses")
    (table,) = visit.tables()
    assert [row["autograd"] for row in table] == [f"{1.5**11:.4f}"] * 12
    for view in VIEWS:
        visit.put(view)
        assert visit.troubles() == []


@pytest.mark.parametrize(
    "name",
    [
        "tab",
        "loss",
        "step",
        "rate",
        "predict",
        "projector",
        "w_",
        "L",
        "stage",
        "landscape",
        "losses",
        "embed",
    ],
)
def test_a_variable_may_be_called_like_a_parameter_of_the_lab(name: str) -> None:
    visit = lab(loss=f"({name}*x - 1)**2", wrt=[name])
    assert [field.label for field in visit.app.number_input] == [name, "x"]
    expected = by_pytorch(lambda v, x: (v * x - 1) ** 2, {"v": 1.0, "x": 2.0})
    assert visit.gradients() == {name: expected["v"]}
    visit.app.number_input[0].set_value(3.0).run()
    expected = by_pytorch(lambda v, x: (v * x - 1) ** 2, {"v": 3.0, "x": 2.0})
    assert visit.gradients() == {name: expected["v"]}
    for view in VIEWS:
        visit.put(view)
        assert visit.gradients() == {name: expected["v"]}


def test_a_deep_expression_is_folded_in_the_graph() -> None:
    visit = lab(loss="+".join(["w*x"] * 40), wrt=["w"])
    assert visit.gradients() == {"w": 80.0}
    sent = visit.text()
    assert re.search(r"… \d+ more operations", sent)
    assert sent.count('"kind": "operation"') < 80
    visit.set(view="PyTorch's graph")
    assert [row["node"] for row in visit.tables()[0]].count("×") == 40
    visit.set(whole=True)
    assert sent.count('"kind": "operation"') < visit.text().count('"kind": "operation"')


def test_infinite_and_nan_results_are_shown_with_the_reason() -> None:
    visit = lab(loss="exp(1000*w)")
    assert visit.numbers() == {"∂L/∂w": "inf"}
    assert visit.verdict() == "∞ not a finite number"
    assert b"exp overflows float32" in visit.everything()
    visit = lab(loss="log(-x)")
    assert visit.verdict() == "∞ not a finite number"
    assert b"a logarithm needs a positive number" in visit.everything()
    visit = lab(loss="w/(x - 2)", wrt=["w", "x"])
    assert visit.verdict() == "∞ not a finite number"
    for view in VIEWS:
        visit.put(view)


def test_a_kink_is_named() -> None:
    visit = lab(loss="relu(w)", w="0")
    assert visit.verdict() == "∧ a kink: no single slope here"


# Bad input.


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("foo(x)", "Unknown function `foo`"),
        ("(w*x", "never closed"),
        ("w*x)", "never opened"),
        ("w*x +", "operator or a number is missing"),
        ("__import__('os')", "Unknown function `__import__`"),
        ("__import__('os').system('ls')", "plain function name"),
        ("w.real", "attribute|dot"),
        ("(" * 10_000 + "x" + ")" * 10_000, "characters|nested"),
        ("(" * 900 + "x" + ")" * 900, "nested"),
        ("x+" * 50_000 + "x", "characters"),
        ("lambda*w", "`lambda` is a reserved word"),
        ("lambda", "`lambda` is a reserved word"),
        ("3", "no variable"),
        ("1e400*w", "finite|large"),
        ("w = 3", "="),
        ("w[0]", "subscript"),
        ("w; x", ";|out of place"),
        ("w\x00", "character|formula"),
        ("w < x", "<|comparison|Comparison"),
        ("w if x else b", "condition"),
        ("max(w)", "max"),
        ("sin(w, x)", "sin"),
        ("<script>alert(1)</script>", "<|formula|missing"),
    ],
)
def test_a_loss_that_is_none_is_one_line(loss: str, said: str) -> None:
    visit = lab()
    visit.app.text_input(key="loss").set_value(loss).run()
    assert not visit.app.exception
    (line,) = visit.troubles()
    assert "\n" not in line
    assert len(line) < 250
    assert re.search(said, line)
    # No result that no longer matches, and the other panels work.
    assert visit.numbers() == {}
    assert "−15.6".encode() not in visit.everything()
    visit.put(TRAPS_VIEW)
    assert len(visit.tables()) == 1
    visit.put(PROGRAMS_VIEW)
    assert "The graph of this run" in visit.text()
    assert visit.troubles() == [line]
    visit.put({"loss": "w*x"})
    assert visit.gradients() == {"w": 2.0}


def test_no_view_shows_what_no_longer_matches() -> None:
    visit = lab()
    visit.set(loss="w*(")
    for view in VIEWS:
        visit.put(view)
        assert len(visit.troubles()) == 1
        assert visit.numbers() == {}
        if view != TRAPS_VIEW:
            assert "15.6" not in visit.text()


def test_the_caret_points_at_the_place() -> None:
    visit = lab()
    visit.set(loss="w*x + foo(b)")
    assert visit.excerpt() == "w*x + foo(b)\n      ^"
    visit.set(loss="w*x + b -")
    assert visit.excerpt() in {"w*x + b -\n        ^", "w*x + b -\n         ^"}


def test_a_visitor_s_text_is_never_markup() -> None:
    visit = lab(loss="<img src=x>", w="<b>1</b>", dtype="`<i>`")
    sent = visit.everything()
    assert b"<img" not in b"".join(element.proto.SerializeToString() for element in visit.app.html)
    visit.set(loss="<img src=x>")
    assert b"<img" not in b"".join(element.proto.SerializeToString() for element in visit.app.html)
    assert visit.excerpt().startswith("<img src=x>")
    assert b"unsafe" not in sent


@pytest.mark.parametrize(
    "loss",
    [
        "x**x**x**x",
        "100000*w",
        "ω*2",
        "1/(w - w)",
        "log(-1*w)",
        "sqrt(-w)",
        "pow(w, 0.5)",
        "abs(w - w)",
    ],
)
def test_odd_losses_run_everywhere(loss: str) -> None:
    visit = lab(loss=loss, dtype="float16")
    for view in VIEWS:
        visit.put(view)
        assert visit.troubles() == []
        assert len(visit.numbers()) == 1


@pytest.mark.parametrize(("loss", "dtype"), [("w**-1e9", "float16"), ("w**1e39", "float32")])
def test_a_constant_beyond_the_dtype_is_a_line_or_a_number(loss: str, dtype: str) -> None:
    visit = lab(loss=loss, dtype=dtype)
    assert len(visit.troubles()) + len(visit.numbers()) == 1
    visit.set(dtype="float64")
    assert visit.troubles() == []


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_none_is_one_line(value: float | None) -> None:
    visit = lab()
    visit.app.number_input(key="w").set_value(value).run()
    for view in VIEWS:
        visit.put(view)
        (line,) = visit.troubles()
        assert "`w`" in line
        assert "finite number" in line
        assert visit.numbers() == {}
    visit.put(TRAPS_VIEW)
    assert len(visit.tables()) == 1
    visit.app.number_input(key="w").set_value(0.5).run()
    assert visit.numbers() == {"∂L/∂w": "-15.6000", "∂L/∂b": "-7.8000"}


@pytest.mark.parametrize(
    "text", ["", "1, two", "1,,2", "nan", "1e400", "1 2", ",".join("1" * 65), "1" * 2000]
)
def test_a_list_that_is_none_is_one_line(text: str) -> None:
    visit = lab(lists=["x"])
    visit.put({"x[]": text})
    (line,) = visit.troubles()
    assert "`x`" in line
    assert "\n" not in line
    assert len(line) < 250
    assert visit.numbers() == {}


def test_uneven_lists_are_one_line() -> None:
    visit = lab(lists=["x", "y"], **{"x[]": "1, 2, 3", "y[]": "1, 2"})
    assert visit.troubles() == ["Lists must have the same length: `x` has 3, `y` has 2 numbers."]
    for view in VIEWS:
        visit.put(view)
        assert len(visit.troubles()) == 1


# Links.


def test_a_link_is_a_state() -> None:
    visit = lab(loss="sigmoid(w*x)", w="-1.5", x="0.25", wrt="x", dtype="float64", tab="Take it away")
    expected = by_pytorch(lambda w, x: (w * x).sigmoid(), {"w": -1.5, "x": 0.25}, torch.float64)
    assert visit.gradients() == only(expected, "x")
    assert visit.notices() == []
    code = visit.app.code[0].value
    assert "torch.sigmoid(w*x)" in code
    assert "dtype = torch.float64" in code


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"w": "abc"}, "w=abc"),
        ({"w": "1e400"}, "w=1e400"),
        ({"w": "nan"}, "w=nan"),
        ({"w": ""}, "w="),
        ({"loss": "foo("}, "loss=foo("),
        ({"loss": ""}, "loss="),
        ({"loss": "(" * 5_000}, "loss=((("),
        ({"dtype": "float8"}, "dtype=float8"),
        ({"reduction": "median"}, "reduction=median"),
        ({"wrt": "q"}, "wrt=q"),
        ({"wrt": ["w", "q"]}, "wrt=q"),
        ({"lists": "q"}, "lists=q"),
        ({"lists": "x", "x[]": "1, two"}, "x[]=1, two"),
        ({"tab": "Nope"}, "tab=Nope"),
        ({"predict": "maybe"}, "predict=maybe"),
        ({"view": "Nope"}, "view=Nope"),
        ({"step": "one"}, "step=one"),
        ({"step": "-3"}, "step=-3"),
        ({"step": "9" * 5_000}, "step=999"),
        ({"digits": "9"}, "digits=9"),
        ({"explore": "Nope", "tab": "What if?"}, "explore=Nope"),
        ({"tab": "What if?", "rate": "fast"}, "rate=fast"),
        ({"tab": "What if?", "rate": "-1"}, "rate=-1"),
        ({"tab": "What if?", "steps": "0"}, "steps=0"),
        ({"tab": "What if?", "steps": "1000000000"}, "steps=1000000000"),
        ({"tab": "What if?", "across": "q"}, "across=q"),
        ({"tab": "What if?", "surface": "maybe"}, "surface=maybe"),
        ({"tab": "What if?", "explore": "A new graph in every run", "turns": "1000000"}, "turns=1000000"),
        ({"tab": "What if?", "explore": "A new graph in every run", "pw": "abc"}, "pw=abc"),
        ({"tab": "What if?", "explore": "A new graph in every run", "program": "Nope"}, "program=Nope"),
        ({"tab": "Where does it break?", "trap": "Nope"}, "trap=Nope"),
    ],
)
def test_garbage_in_a_link_falls_back_and_is_said_in_one_line(
    query: dict[str, str | list[str]], named: str
) -> None:
    visit = lab(**query)
    (line,) = visit.notices()
    assert named in line
    assert "\n" not in line
    assert len(line) < 400
    assert visit.troubles() == []
    if "lists" not in query or query["lists"] == "q":
        # Of a list, what can be used is used.
        by = ["w"] if query.get("wrt") == ["w", "q"] else ["w", "b"]
        worked = {"w": "-15.6000", "b": "-7.8000"}
        assert visit.numbers() == {f"∂L/∂{name}": worked[name] for name in by}
    # Said once, not of every change.
    visit.set(w=0.75)
    assert visit.notices() == [line]
    visit.app.button(key="autograd:reset").click()
    visit.run()
    assert visit.notices() == []


def test_much_garbage_is_still_one_short_line() -> None:
    visit = lab(w="a" * 5_000, x="b", b="c", y="d", dtype="e", tab="f", wrt="`g`", view="*h*")
    (line,) = visit.notices()
    assert len(line) < 400
    assert visit.gradients() == {"w": -15.6, "b": -7.8}


def test_unknown_parameters_are_left_alone() -> None:
    visit = lab(utm_source="mail", q="2")
    assert visit.notices() == []
    assert visit.gradients() == {"w": -15.6, "b": -7.8}


@pytest.mark.parametrize("step", ["99", "1000000000000000000000", "0"])
def test_a_step_beyond_the_last_is_clamped(step: str) -> None:
    visit = lab(step=step)
    slider = visit.app.slider(key="step")
    assert slider.value == (slider.min if step == "0" else slider.max)


def test_the_stepper_goes_forward_and_back_and_stays_within_a_shorter_derivation() -> None:
    visit = lab()
    assert visit.app.button(key="step:back").disabled
    visit.app.button(key="step:next").click().run()
    visit.app.button(key="step:next").click().run()
    assert visit.app.slider(key="step").value == 3
    visit.app.button(key="step:back").click().run()
    assert visit.app.slider(key="step").value == 2
    visit.set(step=visit.app.slider(key="step").max)
    assert visit.app.button(key="step:next").disabled
    visit.set(loss="w*x")
    slider = visit.app.slider(key="step")
    assert slider.value == slider.max
    visit.set(loss="w")
    assert visit.gradients() == {"w": 1.0}


def test_reset_restores_the_worked_example_in_every_input() -> None:
    start = lab()
    inputs = ["loss", "w", "x", "b", "dtype", "reduction", "wrt", "lists", "predict"]
    before = {key: start.get(key) for key in inputs}
    visit = lab(
        loss="(w*x + b - y)**2 + w", w="3", x="4", b="5", dtype="float64", reduction="sum", wrt="x",
        lists="y", predict="true", **{"y[]": "1, 2"},
    )  # fmt: skip
    assert all(visit.get(key) != before[key] for key in inputs)
    visit.app.button(key="autograd:reset").click()
    visit.run()
    assert {key: visit.get(key) for key in inputs} == before
    assert visit.numbers() == start.numbers()
    assert visit.latex() == start.latex()
    visit.put({"lists": ["y"]})
    assert visit.get("y[]") == lab(lists="y").get("y[]")


def test_reset_restores_what_is_in_the_tabs() -> None:
    changed: dict[str, dict[str, str | list[str]]] = {
        "Why?": {"step": "3", "all": "true"},
        "What if?": {"rate": "0.5", "steps": "7", "across": "x", "up": "w", "surface": "true"},
    }
    for tab, query in changed.items():
        start, visit = lab(tab=tab), lab(tab=tab, **query)
        assert all(visit.get(key) != start.get(key) for key in query)
        visit.app.button(key="autograd:reset").click()
        visit.run()
        assert {key: visit.get(key) for key in query} == {key: start.get(key) for key in query}
        assert visit.get("tab") == tab


def test_reset_drops_the_link_s_notice_and_repairs_a_broken_loss() -> None:
    visit = lab(w="abc")
    assert visit.notices()
    visit.set(loss="w*(")
    visit.app.button(key="autograd:reset").click()
    visit.run()
    assert visit.notices() == []
    assert visit.numbers() == {"∂L/∂w": "-15.6000", "∂L/∂b": "-7.8000"}


def test_a_value_survives_a_closed_tab() -> None:
    visit = lab(tab="What if?", rate="0.1", steps="5")
    for tab in ("Why?", "Take it away", "What if?"):
        visit.set(tab=tab)
    assert visit.app.number_input(key="rate").value == 0.1
    assert visit.app.number_input(key="steps").value == 5


def test_a_link_s_value_waits_in_a_closed_tab() -> None:
    visit = lab(rate="0.1", view="Four witnesses", step="3")
    visit.set(tab="What if?")
    assert visit.app.number_input(key="rate").value == 0.1
    visit.set(tab="Why?", view="Step by step")
    assert visit.app.slider(key="step").value == 3


def test_inputs_survive_a_visit_to_the_home_page() -> None:
    visit = lab(w="1.25")
    visit.app.switch_page("pages/home.py")
    visit.run()
    visit.app.switch_page(PAGE)
    visit.run()
    assert visit.app.number_input(key="w").value == 1.25


# Predict first.

SECRETS = ("15.6", "7.8")


def told(visit: Visit) -> list[str]:
    """Which of the hidden numbers are anywhere in what the page sends, as text or as binary floats."""
    sent = visit.everything()
    found = [secret for secret in SECRETS if secret.encode() in sent]
    for secret in SECRETS:
        rounded = float(torch.tensor(float(secret), dtype=torch.float32))
        for layout, value in (("<d", float(secret)), ("<d", rounded), ("<f", rounded)):
            if struct.pack(layout, value) in sent or struct.pack(layout, -value) in sent:
                found.append(f"{secret} as {layout}")
    return found


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: " ".join(view.values()))
@pytest.mark.parametrize("projector", ["false", "true"])
def test_a_hidden_gradient_is_nowhere(view: dict[str, str], projector: str) -> None:
    extra = {"digits": "true", "whole": "true", "all": "true", "surface": "true", "own": "2*(w*x+b-y)"}
    visit = lab(predict="true", projector=projector, **view, **extra)
    assert told(visit) == []
    assert "?" in [str(node) for node in re.findall(r'"gradient": "(.)"', visit.text())]
    # A guess for one of two does not tell the other, nor the graph.
    visit.app.text_input[guess_index(visit, "b")].set_value("1").run()
    assert "15.6" not in told(visit)
    assert visit.numbers() == {"∂L/∂b": "-7.8000"}
    # The same search finds them where they are shown.
    assert told(visit.set(predict=False)) != []


def guess_index(visit: Visit, name: str) -> int:
    labels = [field.label for field in visit.app.text_input]
    return labels.index(f"Your guess for ∂L/∂{name}")


def guess(visit: Visit, name: str, text: str) -> str:
    visit.app.text_input[guess_index(visit, name)].set_value(text)
    visit.run()
    return visit.said()[-1 if name == "b" else 0]


@pytest.mark.parametrize(
    ("text", "sign", "said"),
    [
        ("-15.6", "✓", ""),
        ("-78/5", "✓", ""),
        ("-15.60000", "✓", ""),
        ("15.6", "✗", "sign"),
        ("-7.8", "✗", "x|multiply|inner"),
        ("-31.2", "✗", "2|twice|too many"),
        ("0", "✗", "zero|0"),
        ("123", "✗", ""),
    ],
)
def test_a_guess_is_diagnosed(text: str, sign: str, said: str) -> None:
    visit = lab(predict="true")
    line = guess(visit, "w", text)
    assert line.startswith(sign)
    assert re.search(said, line)
    assert "-15.6000" in visit.text()
    assert "uth-verdict" not in visit.text().split("<style>")[0]


def test_all_is_revealed_after_the_last_guess() -> None:
    visit = lab(predict="true")
    guess(visit, "w", "-15.6")
    assert "hidden until" in visit.text().lower()
    guess(visit, "b", "7.8")
    assert visit.verdict() == "✓ four witnesses agree"
    assert len(visit.said()) == 2
    sent = visit.text()
    assert '"gradient": "?"' not in sent
    assert "hidden until" not in sent.lower()
    assert visit.app.slider(key="step").value == 1
    # Another point is another question.
    visit.set(w=0.75)
    assert visit.said() == []
    assert '"gradient": "?"' in visit.text()


@pytest.mark.parametrize("text", ["abc", "w*x", "(1", "1/0", "1e999", "__import__('os')", "9" * 3_000])
def test_a_guess_that_is_no_number_is_one_line_and_tells_nothing(text: str) -> None:
    visit = lab(predict="true")
    visit.app.text_input[guess_index(visit, "w")].set_value(text)
    visit.run()
    (line,) = visit.troubles()
    assert "\n" not in line
    assert len(line) < 250
    assert told(visit) == []


# Everything renders.


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.key)
def test_every_example_runs_in_every_view_and_dtype(example: Example) -> None:
    visit = lab()
    visit.app.selectbox(key="autograd:example").set_value(example.title)
    visit.run()
    for position, dtype in enumerate(DTYPES):
        visit.set(dtype=dtype)
        # Every view in float32, every other dtype in every other view: each pair of view and dtype is met.
        for view in VIEWS if dtype == "float32" else VIEWS[position % 2 :: 2]:
            visit.put(view)
            assert visit.troubles() == []
            assert list(visit.numbers()) == [f"∂L/∂{name}" for name in example.wrt]


def test_every_trap_renders() -> None:
    visit = lab(tab="Where does it break?")
    for trap in TRAPS:
        visit.set(trap=trap.title)
        assert visit.app.code[0].value == trap.code.strip()
        assert len(visit.tables()) == 1
        assert trap.question in visit.text()
        assert trap.why[:30] in visit.text()


def test_a_link_leads_to_a_trap() -> None:
    visit = lab(tab="Where does it break?", trap=TRAPS[-1].title)
    assert visit.notices() == []
    assert visit.app.code[0].value == TRAPS[-1].code.strip()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.key)
def test_every_program_draws_another_graph_for_another_input(program: Program) -> None:
    visit = lab(tab="What if?", explore="A new graph in every run", program=program.title)
    drawn = set()
    for pw, px in ((0.5, 2.0), (-0.5, 2.0), (0.5, -7.0), (0.0, 0.0)):
        visit.set(pw=pw, px=px)
        drawn.add(
            re.sub(r'"(value|gradient|aria|hover)": "[^"]*"', "", visit.components("autograd_graph")[-1].json)
        )
    if program.has_turns:
        for turns in (0, 1, 5):
            visit.set(turns=turns)
            drawn.add(
                re.sub(
                    r'"(value|gradient|aria|hover)": "[^"]*"', "", visit.components("autograd_graph")[-1].json
                )
            )
    assert len(drawn) > 1


def test_every_chart_and_component_has_a_text() -> None:
    for view in VIEWS:
        visit = lab(**view)
        for kind in ("plotly_chart", "dataframe"):
            for element in visit.app.get(kind):
                assert element.proto.alt.strip(), (view, kind)
        for graph in visit.components("autograd_graph"):
            assert '"alt": ""' not in graph.json
        for dial in visit.components("dial"):
            assert '"name": ""' not in dial.json


def test_the_programs_print_what_the_page_shows() -> None:
    visit = lab(tab="Take it away", w="1.5", dtype="float64")
    for code in visit.app.code:
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(code.value, {})  # noqa: S102 - our own program
        found = dict(line.split(" = ") for line in printed.getvalue().splitlines())
        assert {f"∂L/∂{n}": f"{float(found[f'dL/d{n}']):.4f}" for n in ("w", "b")} == visit.numbers()


def test_landscape_says_what_a_descent_does() -> None:
    visit = lab(tab="What if?")
    assert visit.app.get("plotly_chart")
    for rate, sign in (("0.02", "→|✓"), ("1", "✗"), ("0.1", "✓")):
        visit.set(rate=float(rate), steps=100)
        assert any(re.match(sign, line.value) for line in visit.app.markdown), rate
    visit.set(rate=0.0)
    (line,) = visit.troubles()
    assert line.startswith("The learning rate is 0")
    assert visit.gradients() == {"w": -15.6, "b": -7.8}
    visit.set(rate=0.02, steps=10, across="b", up="b")
    assert visit.troubles() == []


def test_one_s_own_derivative_is_judged() -> None:
    visit = lab(view="Your own derivative")
    for text, sign in (("2*(w*x + b - y)*x", "✓"), ("2*(w*x + b - y)", "✗"), ("1/0", "✗"), ("", "")):
        visit.set(own=text)
        assert visit.troubles() == []
        assert not sign or any(line.value.startswith(sign) for line in visit.app.markdown)
    for text in ("foo(", "q*w", "x" * 5_000, "__import__('os')", "1e400"):
        visit.set(own=text)
        (line,) = visit.troubles()
        assert len(line) < 250
        assert visit.gradients() == {"w": -15.6, "b": -7.8}
