"""Formulas in LaTeX: unambiguous, balanced and with nothing of a visitor's let through."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.gradients.expression import ExpressionError, parse
from core.gradients.latex import factor, indexed, latex, number, symbol
from core.gradients.symbolic import derivative
from tests.core.gradients.strategies import Tree, coordinates, names, text, trees


def check_balance(written: str) -> None:
    """Braces pair up, `\\left` pairs with `\\right`, and no index follows another."""
    depth = 0
    pairs: list[str] = []
    for token in re.findall(r"\\left|\\right|\\[a-zA-Z]+|\\.|[{}]", written):
        if token == "{":
            depth += 1
            pairs.append("{")
        elif token == "}":
            depth -= 1
            assert pairs.pop() == "{"
        elif token == r"\left":
            pairs.append(token)
        elif token == r"\right":
            assert pairs.pop() == r"\left"
        assert depth >= 0
    assert not pairs
    assert not re.search(r"_\{[^{}]*\}_|_\w_", written)
    assert not re.search(r"\^\{[^{}]*\}\^", written)


@settings(max_examples=150, deadline=None)
@given(trees(), st.lists(coordinates, min_size=4, max_size=4))
def test_any_formula_is_balanced_in_symbols_and_in_numbers(tree: Tree, values: list[float]) -> None:
    expression = parse(text(tree))
    leaves = {name: number(value) for name, value in zip("wxby", values, strict=True)}
    for written in (latex(expression), latex(expression, leaves), factor(expression, leaves)):
        check_balance(written)
        assert "--" not in written
        assert "+ -" not in written
        assert not re.search(r"\d\\,\d", written)
    for name in names(tree):
        check_balance(latex(derivative(expression, name), leaves))


@pytest.mark.parametrize(
    ("formula", "written"),
    [
        ("a - (b - c)", r"a - \left(b - c\right)"),
        ("a - (b + c)", r"a - \left(b + c\right)"),
        ("a - b - c", "a - b - c"),
        ("a + (b - c)", "a + b - c"),
        ("-(a + b)", r"-\left(a + b\right)"),
        ("(-2)**2*x", r"\left(-2\right)^{2}\,x"),
        ("-x**2", "-x^{2}"),
        ("(-x)**2", r"\left(-x\right)^{2}"),
        ("a/(b/c)", r"\frac{a}{\frac{b}{c}}"),
        ("a/b/c", r"\frac{\frac{a}{b}}{c}"),
        ("(a/b)**2", r"\left(\frac{a}{b}\right)^{2}"),
        ("2*-3*x", r"2 \cdot \left(-3\right)\,x"),
        ("2*3*x", r"2 \cdot 3\,x"),
        ("x*3", r"x \cdot 3"),
        ("(x**2)**3", r"\left(x^{2}\right)^{3}"),
        ("x**y**2", "x^{y^{2}}"),
        ("(2*x)**2", r"\left(2\,x\right)^{2}"),
        ("2*(w + x)", r"2\,\left(w + x\right)"),
        ("a*(b*c)", r"a\,b\,c"),
        ("a + -b", r"a + \left(-b\right)"),
        ("a - -b", r"a - \left(-b\right)"),
        ("2*(a/b)", r"2 \cdot \frac{a}{b}"),
        ("exp(-x**2)", r"\exp\left(-x^{2}\right)"),
        ("max(x, 0)", r"\max\left(x,\ 0\right)"),
        ("abs(x)", r"\left|x\right|"),
        ("sqrt(x + 1)", r"\sqrt{x + 1}"),
        ("sigmoid(x)", r"\sigma\left(x\right)"),
        ("log(x)", r"\ln\left(x\right)"),
        ("1e20**x", r"\left(1\times 10^{20}\right)^{x}"),
        ("1.5e-8*x", r"1.5\times 10^{-8}\,x"),
    ],
)
def test_a_formula_is_written_so_that_it_can_be_read_one_way_only(formula: str, written: str) -> None:
    assert latex(parse(formula)) == written


@pytest.mark.parametrize(
    ("formula", "written"),
    [
        ("a*b", r"3 \cdot \left(-2\right)"),
        ("b*a", r"\left(-2\right) \cdot 3"),
        ("b**2", r"\left(-2\right)^{2}"),
        ("-b", r"-\left(-2\right)"),
        ("a + b", r"3 + \left(-2\right)"),
        ("a - b", r"3 - \left(-2\right)"),
        ("a*(b/a)", r"3 \cdot \frac{-2}{3}"),
        ("a*a*a", r"3 \cdot 3 \cdot 3"),
        ("a**b", "3^{-2}"),
    ],
)
def test_negative_numbers_put_into_a_formula_are_bracketed(formula: str, written: str) -> None:
    leaves = {"a": number(3.0), "b": number(-2.0)}
    expression = parse(formula)
    found = latex(expression, {name: leaves[name] for name in expression.variables})
    assert found == written


def test_behind_a_sum_sign_a_sum_is_bracketed() -> None:
    assert factor(parse("a + b")) == r"\left(a + b\right)"
    assert factor(parse("-a")) == r"\left(-a\right)"
    assert factor(parse("a*b")) == r"a\,b"
    assert factor(parse("x"), {"x": "-2"}) == r"\left(-2\right)"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("w", "w"),
        ("w1", "w_{1}"),
        ("w_1", "w_{1}"),
        ("alpha", r"\alpha"),
        ("beta2", r"\beta_{2}"),
        ("rate", r"\mathit{rate}"),
        ("learning_rate", r"\mathit{learning\_rate}"),
        ("_", r"\mathit{\_}"),
        ("__import__", r"\mathit{\_\_import\_\_}"),
        ("x_", r"\mathit{x\_}"),
        ("x2y", r"\mathit{x2y}"),
        ("ä", "ä"),
    ],
)
def test_a_name_is_set_as_a_symbol(name: str, written: str) -> None:
    assert symbol(name) == written


@pytest.mark.parametrize(
    ("name", "written"),
    [("x", "x_i"), ("x1", "x_{1,i}"), ("alpha", r"\alpha_i"), ("rate", r"\mathit{rate}_i")],
)
def test_an_example_of_a_batch_has_one_index_position(name: str, written: str) -> None:
    assert indexed(name) == written


@settings(max_examples=200, deadline=None)
@given(st.from_regex(r"[A-Za-z_][A-Za-z_0-9]{0,9}", fullmatch=True))
def test_no_name_smuggles_latex_in(name: str) -> None:
    try:
        parse(name)
    except ExpressionError:
        return
    for written in (symbol(name), indexed(name)):
        check_balance(written)
        assert not re.search(r"(?<!\\)_(?![{i])", written)
        bare = re.sub(r"\\_|\\mathit\{|_\{[0-9]+(,i)?\}|_i|\}", "", written)
        assert re.fullmatch(r"\\?[A-Za-z0-9]*", bare)


@pytest.mark.parametrize("name", ["w\\", "{w}", "$w$", "\\input", "w^2}", "w%", "w&b"])
def test_latex_never_gets_as_far_as_a_name(name: str) -> None:
    with pytest.raises(ExpressionError):
        parse(name)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.5, "0.5"),
        (-15.6, "-15.6"),
        (2.0, "2"),
        (0.0, "0"),
        (-0.0, "0"),
        (1 / 3, "0.33333"),
        (123456.0, r"1.2346\times 10^{5}"),
        (1e-7, r"1\times 10^{-7}"),
        (math.inf, r"\infty"),
        (-math.inf, r"-\infty"),
        (math.nan, r"\mathrm{nan}"),
    ],
)
def test_a_number_has_five_significant_digits(value: float, written: str) -> None:
    assert number(value) == written


@settings(max_examples=100, deadline=None)
@given(st.floats(-1e300, 1e300))
def test_a_number_reads_back_as_itself_to_five_digits(value: float) -> None:
    written = number(value).replace(r"\times 10^{", "e").replace("}", "")
    assert not written.startswith("-0") or float(written) < 0
    assert float(written) == pytest.approx(value, rel=1e-4, abs=1e-320)
