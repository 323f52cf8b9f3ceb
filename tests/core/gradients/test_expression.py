"""What may be typed as a loss, against Python's own reading; and how everything else is refused."""

import ast
import math
import warnings

import mpmath
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.gradients.expression import (
    CONSTANT,
    MAX_DEPTH,
    MAX_NODES,
    VARIABLE,
    Builder,
    Expression,
    ExpressionError,
    parse,
)
from tests.core.gradients import strategies
from tests.core.gradients.strategies import Point, Tree, stays_within, text, trees


def value(expression: Expression, point: Point) -> mpmath.mpf:
    """The expression's value by the oracle's arithmetic, so that only the parsing is under test."""
    results: list[mpmath.mpf] = []
    for node in expression.nodes:
        if node.op == VARIABLE:
            results.append(mpmath.mpf(point[node.name]))
        elif node.op == CONSTANT:
            results.append(mpmath.mpf(node.value))
        else:
            operands = [Tree(CONSTANT, leaf=results[index]) for index in node.inputs]
            results.append(strategies.exact(Tree(node.op, tuple(operands)), {}))
    return results[-1]


@settings(max_examples=150, deadline=None)
@given(trees(), strategies.points())
def test_a_formula_means_what_python_says_it_means(tree: Tree, point: Point) -> None:
    assume(stays_within(tree, point, 1e6))
    assert value(parse(text(tree)), point) == strategies.exact(tree, point)


_chains = st.lists(
    st.tuples(st.sampled_from(["", "-", "+", "(", "-("]), st.sampled_from(["w", "x", "2", "3.5"])),
    min_size=2,
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(_chains, st.lists(st.sampled_from("+-*/"), min_size=8, max_size=8), st.data())
def test_brackets_signs_and_precedence_are_pythons(
    terms: list[tuple[str, str]], operators: list[str], data: st.DataObject
) -> None:
    pieces, unclosed = [], 0
    for position, ((prefix, name), operator) in enumerate(zip(terms, operators, strict=False)):
        unclosed += prefix.count("(")
        closing = data.draw(st.integers(0, unclosed)) if position < len(terms) - 1 else unclosed
        unclosed -= closing
        power = data.draw(st.sampled_from(["", "**2", "**-2", "**2**3"]))
        pieces.append(f"{prefix}{name}{power}{')' * closing}{operator if position < len(terms) - 1 else ''}")
    formula = "".join(pieces)
    point = {"w": 1.25, "x": -0.75}
    numbers = {name: mpmath.mpf(number) for name, number in point.items()}
    code = compile(ast.parse(formula, mode="eval"), "<generated>", "eval")
    try:
        expected = eval(code, {"__builtins__": {}}, numbers)  # noqa: S307 - digits, w, x and operators only
    except ZeroDivisionError:
        assume(False)
    found = value(parse(formula, allow_constant=True), point)
    assert float(found) == pytest.approx(float(expected), rel=1e-12)


def test_a_variable_is_one_node_however_often_it_is_used() -> None:
    expression = parse("x*x + x")
    assert [node.op for node in expression.nodes] == ["variable", "mul", "add"]
    assert expression.nodes[1].inputs == (0, 0)
    assert expression.variables == ("x",)
    assert expression.operations == 2


def test_inputs_come_before_outputs() -> None:
    expression = parse("max(exp(x), y, 2) / -z")
    assert all(source < index for index, node in enumerate(expression.nodes) for source in node.inputs)
    assert expression.root == len(expression.nodes) - 1
    assert expression.variables == ("x", "y", "z")


@pytest.mark.parametrize(
    ("formula", "variables"),
    [
        ("nan", ("nan",)),
        ("inf*x", ("inf", "x")),
        ("x**x**x**x", ("x",)),
        ("\tx\t+ y ", ("x", "y")),
        ("1_000*x", ("x",)),
        ("0x10*x", ("x",)),
        ("-" * 150 + "x", ("x",)),
        ("(" * 199 + "x" + ")" * 199, ("x",)),
        ("print + type", ("print", "type")),
        ("π*ä", ("π", "ä")),
        ("x*1e-400", ("x",)),
        ("min(x, y, z)", ("x", "y", "z")),
        ("exp(x,)", ("x",)),
    ],
)
def test_unusual_but_harmless_formulas_are_accepted(formula: str, variables: tuple[str, ...]) -> None:
    assert parse(formula).variables == variables


def test_numbers_have_the_value_that_python_gives_them() -> None:
    for number in ("1_000", "0x10", "1e-400", ".5", "5.", "0b11"):
        assert parse(number, allow_constant=True).nodes[-1].value == float(ast.literal_eval(number))


REFUSED = [
    # formula, part of the message, the character under the caret (None: no caret; "": after the end)
    ("", "empty", None),
    ("  \t ", "empty", None),
    ("1e400", "too large", "1"),
    ("x + 1e400", "too large", "1"),
    ("x*" + "9" * 500, "too large", "9"),
    ("9" * 5000, "5,000 characters", None),
    ("foo(x)", "Unknown function `foo`", "f"),
    ("2*foo(x)", "Unknown function `foo`", "f"),
    ("(w*x", "never closed", "("),
    ("w + sin(x", "never closed", "("),
    ("w*x)", "never opened", ")"),
    ("(x))", "never opened", ")"),
    ("__import__('os')", "Unknown function `__import__`", "_"),
    ("().__class__.__bases__", "dot (attribute)", "("),
    ("(" * 10_000 + "x" + ")" * 10_000, "20,001 characters", None),
    ("x+" * 50_000 + "x", "100,001 characters", None),
    ("(" * 900 + "x" + ")" * 900, "nested", None),
    ("-" * 1_900 + "x", "Nested too deeply", "-"),
    ("exp(" * 200 + "x" + ")" * 200, "Nested too deeply", "x"),
    ("lambda", "reserved word", "l"),
    ("w*lambda", "reserved word", "l"),
    ("lambda x: x", "lambda", "l"),
    ("x^2", "write `**`", "2"),
    ("L = x", "no `=`", "="),
    ("x == y", "comparison", "x"),
    ("'abc'", "not a str", "'"),
    ("b'abc'*x", "not a bytes", "b"),
    ("f'{x}'", "string", "f"),
    ("'", "not a formula", "'"),
    ("(x := 3)", "not part of a formula", "x"),
    ("[x for x in y]", "not part of a formula", "["),
    ("x if y else z", "condition", "x"),
    ("w + x.y", "dot (attribute)", "x"),
    ("x[0]", "subscript", "x"),
    ("exp(x=1)", "plain arguments", "e"),
    ("exp(*x)", "plain arguments", "e"),
    ("exp(**x)", "plain arguments", "e"),
    ("1j*x", "not a complex", "1"),
    ("x + True", "not a bool", "T"),
    ("None", "not a NoneType", "N"),
    ("...", "Only numbers and names", "."),
    ("x\n+ y", "one line", "\n"),
    ("x\r+ y", "one line", "\r"),
    ("x\0", "U+0000", "\0"),
    ("x\u2028+ y", "U+2028", "\u2028"),
    ("x\x0b+ y", "U+000B", "\x0b"),
    ("x +\u00a0y", "U+00A0", "\u00a0"),
    ("x + \ud800", "U+D800", "\ud800"),
    ("x + \U0001f600", "invalid character", "\U0001f600"),
    ("x − y", "invalid character", "−"),
    ("x² + y", "invalid character", "²"),
    ("x + ", "missing or out of place", ""),
    ("x +* y", "missing or out of place", "*"),
    ("x y", "missing or out of place", "y"),
    ("ä + ö @ y", "`@` is not supported", "y"),
    ("x // y", "`//` is not supported", "y"),
    ("x % y", "`%` is not supported", "y"),
    ("x << 2", "operator is not supported", "2"),
    ("~x", "`not` or `~`", "~"),
    ("not x", "`not` or `~`", "n"),
    ("x and y", "logical operator", "x"),
    ("x, y", "comma", "x"),
    ("[x]", "list", "["),
    ("{x: y}", "dictionary", "{"),
    ("x # a comment", "comment", "#"),
    ("x; y", "missing or out of place", ";"),
    ("exp", "is a function", "e"),
    ("x + exp", "is a function", "e"),
    ("exp()", "takes 1 argument; 0 came", "e"),
    ("exp(x, y)", "takes 1 argument; 2 came", "e"),
    ("min(x)", "takes 2 arguments; 1 came", "m"),
    ("pow(x, 2, 3)", "takes 2 arguments; 3 came", "p"),
    ("exp(x)(y)", "plain function name", "e"),
    ("1 + 1", "no variable", "1"),
    ("x*" + "y" * 25, "at most 24 characters", "y"),
    ("a+b+c+d+e+f+g+h+i+j+k+l+m", "13 variables", None),
    ("max(x," + ",".join("1" * 990) + ")", "More than 1,000", "m"),
]


@pytest.mark.parametrize(("formula", "message", "character"), REFUSED, ids=lambda item: ascii(item)[:30])
def test_a_bad_formula_is_refused_in_one_line_with_a_caret(
    formula: str, message: str, character: str | None
) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(formula)
    error = caught.value
    assert message in error.message
    assert str(error) == error.message
    assert len(error.message.splitlines()) == 1
    if character is None:
        assert error.position is None or error.position < 201
        return
    assert error.position is not None
    assert error.text[error.position : error.position + 1] == character
    shown, caret = error.excerpt().split("\n")
    assert len((shown + caret).splitlines()) == 1
    assert caret == " " * (len(caret) - 1) + "^"
    below = shown[len(caret) - 1 : len(caret)]
    assert below == (character if character.isprintable() else " ")


def test_the_excerpt_of_a_long_formula_is_cut_to_what_fits() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("x + " * 100 + "foo(x)" + " + x" * 50)
    shown, caret = caught.value.excerpt().split("\n")
    assert len(shown) <= 62
    assert shown[0] == shown[-1] == "…"
    assert shown[len(caret) - 1 :].startswith("foo(x)")


def test_a_formula_is_never_deeper_or_larger_than_it_may_be() -> None:
    expression = parse("+".join(["x"] * (MAX_DEPTH - 1)))
    assert expression.operations == MAX_DEPTH - 2
    with pytest.raises(ExpressionError, match="at most 200 levels"):
        parse("+".join(["x"] * (MAX_DEPTH + 1)))
    assert len(parse("max(x," + ",".join("1" * 499) + ")").nodes) == MAX_NODES - 1


def parsed_or_refused(formula: str) -> Expression | ExpressionError:
    try:
        return parse(formula)
    except ExpressionError as error:
        return error


def check_that_nothing_else_can_happen(formula: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = parsed_or_refused(formula)
    if isinstance(result, ExpressionError):
        assert len(result.message.splitlines()) == 1
        assert len(result.message) < 300
        assert len(result.excerpt().splitlines()) in {0, 2}
    else:
        assert result.variables
        assert all(math.isfinite(node.value) for node in result.nodes)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_formula_or_one_line_of_refusal(formula: str) -> None:
    check_that_nothing_else_can_happen(formula)


_fragments = st.sampled_from(
    [
        "w",
        "x",
        "2",
        "0.5",
        "1e999",
        "+",
        "-",
        "**",
        "*",
        "/",
        "(",
        ")",
        ",",
        "=",
        "==",
        ":=",
        ".",
        "'",
        '"',
        "f'",
        "{",
        "}",
        "[",
        "]",
        "exp",
        "max",
        "lambda",
        "if",
        "else",
        "for",
        "in",
        "not",
        "await",
        "yield",
        "\\",
        "\n",
        "#",
        " ",
        "\t",
        ";",
        ":",
        "@",
        "~",
        "0x",
        "1_",
        "01",
        "is 2",
        "\u0663",
        "ä",
        "·",
        "\u200b",
        "True",
        "__",
        "$",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(_fragments, max_size=25).map("".join))
def test_any_mixture_of_pythons_tokens_is_a_formula_or_one_line_of_refusal(formula: str) -> None:
    check_that_nothing_else_can_happen(formula)


@settings(max_examples=300, deadline=None)
@given(trees(depth=3), st.data())
def test_a_slip_of_the_finger_is_a_formula_or_one_line_of_refusal(tree: Tree, data: st.DataObject) -> None:
    formula = text(tree)
    position = data.draw(st.integers(0, len(formula)))
    removed = data.draw(st.integers(0, 2))
    typed = data.draw(st.one_of(st.characters(), st.just(""), _fragments))
    check_that_nothing_else_can_happen(formula[:position] + typed + formula[position + removed :])


@pytest.mark.parametrize(
    "opening",
    ["(", "[", "{", "exp(", "-(", "{x:", "lambda:", "not ", "x**", "f'{", "x if x else ", "(yield ", "*("],
)
def test_deep_nesting_of_anything_is_refused_or_read_without_harm(opening: str) -> None:
    closing = {"(": ")", "[": "]", "{": "}"}
    for depth in (20, 95, 199, 400, 1_900):
        body = (opening * depth)[:990]
        tail = "".join(closing.get(character, "") for character in reversed(body))
        for formula in (body, body + "x" + tail, body + "x y" + tail, body + "x" + tail[:-1]):
            check_that_nothing_else_can_happen(formula)


def test_the_builder_leaves_out_what_the_result_does_not_need() -> None:
    builder = Builder()
    x, unused = builder.variable("x"), builder.variable("y")
    builder.apply("exp", unused)
    expression = builder.build(builder.apply("mul", x, builder.constant(2.0)))
    assert expression.variables == ("x",)
    assert [node.op for node in expression.nodes] == ["variable", "constant", "mul"]
