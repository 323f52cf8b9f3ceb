import ast
import re
import shlex
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from core import zoo
from core.export.graph import Graph, Value, describe
from core.export.snippets import Snippet, snippets

TYPES = {
    "float": "float32",
    "double": "float64",
    "float16": "float16",
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "uint64": "uint64",
    "bool": "bool",
    "string": "str",
}
ZOO = ("simple_mlp", "lstm", "keywords", "dict_output")


@dataclass(frozen=True)
class Printed:
    name: str
    shape: tuple[int, ...]
    numbers: tuple[str, ...]


def exported(name: str) -> bytes:
    """A model of the zoo as ONNX, with a dynamic batch."""
    model = zoo.build(name)
    arguments, keywords = model.arguments(model.example_inputs(2))
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        # PyTorch's own, about the exporter that is asked for here because it is fast.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.module.eval(),
            arguments,
            f"{folder}/model.onnx",
            kwargs=keywords,
            dynamo=False,
            input_names=list(model.input_names),
            dynamic_axes={each: {axis: "batch"} for each, axis in model.batch_axes.items()},
        )
        return Path(folder, "model.onnx").read_bytes()


def identity(dtype: str) -> bytes:
    """A model that gives back what goes in: a matrix with one open size, and a scalar."""
    element = TensorProto.DataType.Value(dtype.upper())
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x 1"], ["y"]), helper.make_node("Identity", ["scalar"], ["same"])],
        "identity",
        [
            helper.make_tensor_value_info("x 1", element, ["n", 35]),
            helper.make_tensor_value_info("scalar", element, []),
        ],
        [
            helper.make_tensor_value_info("y", element, ["n", 35]),
            helper.make_tensor_value_info("same", element, []),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def graph_of(data: bytes) -> Graph:
    return describe(onnx.load_from_string(data), len(data))


def graph_with(inputs: list[Value], outputs: list[Value]) -> Graph:
    return Graph(
        size=0,
        ir_version=10,
        opsets=(),
        producer="",
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        nodes=0,
        depth=0,
        operators=(),
        domains=(),
        functions=0,
        initializers=0,
        numbers=0,
        external=(),
        metadata=(),
    )


def tensor(name: str, dtype: str, *shape: int | str | None) -> Value:
    return Value(name, "tensor", dtype, shape)


def expected(data: bytes, size: int = 2) -> dict[str, np.ndarray]:
    """The outputs, by ONNX Runtime, for inputs that are counted out one by one."""
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    inputs = {}
    for value in graph_of(data).inputs:
        assert value.shape is not None
        shape = [each if isinstance(each, int) else size for each in value.shape]
        real = value.dtype in {"float", "double", "float16"}
        numbers = [i % 61 / 64 if real else i % 2 for i in range(int(np.prod(shape)))]
        inputs[value.name] = np.array(numbers, dtype=TYPES[value.dtype]).reshape(shape)
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def assert_same(lines: list[str], outputs: Mapping[str, np.ndarray]) -> None:
    """The lines that a program printed show these outputs: names, shapes and first numbers."""
    assert len(lines) == len(outputs)
    for line, (name, array) in zip(lines, outputs.items(), strict=True):
        found = re.fullmatch(r"(.*) \(([\d, ]*)\) (.*)", line)
        assert found, line
        assert found[1] == name
        assert tuple(int(size) for size in re.findall(r"\d+", found[2])) == array.shape
        first = array.ravel()[:8]
        if array.dtype.kind in "fiub":
            shown = np.array([float(number) for number in found[3].split()])
            np.testing.assert_allclose(shown, first.astype(np.float64), rtol=1e-5, atol=1e-6)
        else:
            assert found[3].split() == first.tolist()


def snippet(found: tuple[Snippet, ...], language: str) -> Snippet:
    return next(each for each in found if each.language == language)


def run_python(code: str, data: bytes, folder: Path, file_name: str = "model.onnx") -> list[str]:
    (folder / file_name).write_bytes(data)
    (folder / "run.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "run.py"], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", ZOO)
def test_the_python_program_prints_what_onnx_runtime_gives_for_a_model_of_the_zoo(
    name: str, tmp_path: Path
) -> None:
    data = exported(name)
    code = snippet(snippets(graph_of(data), "model.onnx", {"batch": 3}), "Python").code
    assert_same(run_python(code, data, tmp_path), expected(data, 3))


@pytest.mark.parametrize("dtype", TYPES)
def test_the_python_program_bears_every_type_of_element(dtype: str, tmp_path: Path) -> None:
    data = identity(dtype)
    code = snippet(snippets(graph_of(data), "model.onnx"), "Python").code
    assert_same(run_python(code, data, tmp_path), expected(data))


def test_the_python_program_finds_a_file_with_an_odd_name(tmp_path: Path) -> None:
    data = identity("float")
    name = "größe \"'$(id)\n{x}\\n.onnx".replace("\\", "")
    code = snippet(snippets(graph_of(data), f"folder/{name}"), "Python").code
    assert_same(run_python(code, data, tmp_path, name), expected(data))


def test_the_python_program_runs_a_model_without_inputs(tmp_path: Path) -> None:
    node = helper.make_node("Constant", [], ["y"], value_floats=[0.5, 1.5])
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
    graph = helper.make_graph([node], "constant", [], [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    data = bytes(model.SerializeToString())
    code = snippet(snippets(graph_of(data), "model.onnx"), "Python").code
    assert run_python(code, data, tmp_path) == ["y (2,) 0.5 1.5"]


def test_a_file_name_that_is_no_text_still_makes_programs() -> None:
    for found in snippets(graph_of(identity("float")), "a\ud800b.onnx"):
        assert found.code.encode()


@pytest.mark.parametrize(
    ("language", "line"),
    [("Rust", "use half::f16;"), ("Java", "import ai.onnxruntime.platform.Fp16Conversions;")],
)
def test_half_precision_is_imported_where_it_is_needed(language: str, line: str) -> None:
    assert line in snippet(snippets(graph_of(identity("float16")), "file"), language).code
    assert line not in snippet(snippets(graph_of(identity("float")), "file"), language).code


def test_what_is_tried_is_said() -> None:
    found = snippets(graph_of(identity("float")), "model.onnx")
    assert {each.language: each.tried for each in found} == {
        "Python": True,
        "JavaScript": True,
        "C++": False,
        "Rust": False,
        "Java": False,
        "TensorRT": False,
        "Core ML": False,
    }
    assert all(each.code and each.title and each.highlight for each in found)


def test_trtexec_gets_the_range_of_every_open_size() -> None:
    graph = graph_with(
        [tensor("x:0", "float", "batch", 3, "width"), tensor("mask", "bool", 4), tensor("y", "int64", None)],
        [tensor("z", "float")],
    )
    found = snippet(snippets(graph, "my model.onnx", {"batch": 4, "width": 32}), "TensorRT")
    assert shlex.split(found.code.replace("\\\n", "")) == [
        "trtexec",
        "--onnx=my model.onnx",
        "--saveEngine=model.plan",
        "--minShapes='x:0':1x3x1,y:1",
        "--optShapes='x:0':4x3x32,y:2",
        "--maxShapes='x:0':32x3x256,y:16",
        "--dumpOutput",
    ]


def test_core_ml_starts_from_the_model_of_the_zoo() -> None:
    graph = graph_with([tensor("x", "float", "batch", 8)], [tensor("y", "float", "batch", 4)])
    found = snippet(snippets(graph, "lstm.onnx", {"batch": 5}, model="lstm", seed=3), "Core ML")
    assert "torch.export" in found.note
    assert 'build("lstm", seed=3)' in found.code
    assert "example_inputs(5)" in found.code
    ast.parse(found.code)


def test_core_ml_has_a_way_for_other_models_too() -> None:
    graph = graph_with([tensor("x", "float", "batch", 8)], [tensor("y", "float", "batch", 4)])
    found = snippet(snippets(graph, "model.onnx"), "Core ML")
    assert "torch.export" in found.note
    assert 'providers=["CoreMLExecutionProvider", "CPUExecutionProvider"]' in found.code


@pytest.mark.parametrize(
    ("language", "inputs", "outputs", "words"),
    [
        ("Python", [tensor("x", "bfloat16", 2)], [tensor("y", "float")], "no bfloat16 tensors here"),
        ("JavaScript", [tensor("x", "bfloat16", 2)], [tensor("y", "float")], "no bfloat16 tensors here"),
        ("JavaScript", [tensor("__proto__", "float", 2)], [tensor("y", "float")], "bear no `__proto__`"),
        ("C++", [tensor("x", "string", 2)], [tensor("y", "float")], "no string tensors here"),
        ("Rust", [tensor("x", "float", 0)], [tensor("y", "float")], "no tensor without numbers"),
        ("Java", [tensor("x", "uint16", 2)], [tensor("y", "float")], "no uint16 tensors here"),
        ("Java", [tensor("x", "float", 2)], [tensor("y", "complex64")], "cannot read the outputs"),
        ("Java", [tensor("a\0b", "float", 2)], [tensor("y", "float")], "`a\\x00b`: it holds a zero byte"),
        ("TensorRT", [tensor("x", "double", 2)], [tensor("y", "float")], "no double tensors here"),
        ("TensorRT", [tensor("a,b", "float", "n")], [tensor("y", "float")], "it splits its list at commas"),
        ("TensorRT", [tensor("a'b", "float", "n")], [tensor("y", "float")], "it splits its list at commas"),
    ],
)
def test_what_a_language_cannot_do_is_one_plain_line(
    language: str, inputs: list[Value], outputs: list[Value], words: str
) -> None:
    found = snippet(snippets(graph_with(inputs, outputs), "model.onnx"), language)
    assert found.code == ""
    assert words in found.note
    assert len(found.note.splitlines()) == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Value("x\ny", "sequence", "", None), "Input `x\\ny` is a sequence"),
        (Value("x", "tensor", "float", None), "does not say how many axes"),
        (tensor("x", "float", 2**30, 2**40), "too large for a first try: at most 67,108,864 numbers"),
        (tensor("x", "float", 0, 2**40), "too large for a first try"),
    ],
)
def test_an_input_that_no_program_can_fill_is_named(value: Value, words: str) -> None:
    for found in snippets(graph_with([value], [tensor("y", "float")]), "model.onnx"):
        assert found.code == ""
        assert words in found.note
        assert len(found.note.splitlines()) == 1


def test_a_model_without_an_output_that_is_a_tensor_has_nothing_to_print() -> None:
    graph = graph_with([tensor("x", "float", 2)], [Value("y", "sequence", "", None)])
    assert all("nothing to print" in each.note and not each.code for each in snippets(graph, "model.onnx"))


def test_outputs_that_cannot_be_read_are_left_out_and_named() -> None:
    outputs = [tensor("y", "float", 2), Value("map", "sequence", "", None), tensor("z", "uint16", 2)]
    found = snippets(graph_with([tensor("x", "float", 2)], outputs), "model.onnx")
    assert "they hold: `map`." in snippet(found, "Python").note
    assert "they hold: `map`, `z`." in snippet(found, "Java").note
    assert '"map"' not in snippet(found, "Python").code
    assert '"z"' not in snippet(found, "Java").code


def test_sizes_are_those_given_and_2_otherwise() -> None:
    graph = graph_with([tensor("x", "float", "a", "b", None, -5, 7, "c")], [tensor("y", "float")])
    code = snippet(snippets(graph, "model.onnx", {"a": 5, "c": -1}), "Python").code
    assert '"x": filled(np.float32, 5, 2, 2, 2, 7, 2)' in code


# Reading the programs back: a reader gives the text of the literals, and the program with a mark in the place
# of each. It knows the language's own rules and nothing of how the programs are written.


def read_python(code: str) -> tuple[str, list[str]]:
    tree = ast.parse(code)
    texts = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.append(node.value)
            node.value = "mark"
    return ast.dump(tree), texts


def read_quoted(code: str, pattern: str, decode: Callable[[str], str]) -> tuple[str, list[str]]:
    """Splits a program of a language of C's family.

    `pattern` matches what may stand in a literal; a double quote anywhere else than at its ends is an error.
    """
    token = re.compile(
        rf'//[^\n]*|`[^`]*`|\'(?:[^\'\\\n]|\\.)\'|"((?:{pattern})*)"|[^"\'`/]|/(?!/)', re.DOTALL
    )
    skeleton, texts, place = [], [], 0
    while place < len(code):
        found = token.match(code, place)
        assert found, code[place : place + 80]
        if found[1] is None:
            skeleton.append(found[0])
        else:
            skeleton.append("mark")
            texts.append(decode(found[1]))
        place = found.end()
    return "".join(skeleton), texts


def read_javascript(code: str) -> tuple[str, list[str]]:
    def decode(inner: str) -> str:
        parts = re.findall(r'\\u([0-9a-f]{4})|\\(["\\])|([^\\])', inner)
        text = "".join(chr(int(number, 16)) if number else mark or plain for number, mark, plain in parts)
        return text.encode("utf-16", "surrogatepass").decode("utf-16")

    assert "</" not in code
    assert "<!--" not in code
    return read_quoted(code, r'[^"\\\n\r\u2028\u2029\0]|\\["\\]|\\u[0-9a-f]{4}', decode)


def read_cpp(code: str) -> tuple[str, list[str]]:
    def decode(inner: str) -> str:
        parts = re.findall(r'\\([0-7]{1,3})|\\(["\\])|([^\\])', inner)
        units = [
            bytes([int(octal, 8)]) if octal else (mark or plain).encode() for octal, mark, plain in parts
        ]
        return b"".join(units).decode()

    assert code.isascii()
    assert "??" not in code
    return read_quoted(code, r'[^"\\\n\r]|\\["\\]|\\[0-7]{1,3}', decode)


def read_rust(code: str) -> tuple[str, list[str]]:
    def decode(inner: str) -> str:
        parts = re.findall(r'\\u\{([0-9a-f]{1,6})\}|\\(["\\])|([^\\])', inner)
        return "".join(chr(int(number, 16)) if number else mark or plain for number, mark, plain in parts)

    return read_quoted(code, r'[^"\\\n\r]|\\["\\]|\\u\{[0-9a-f]{1,6}\}', decode)


def read_java(code: str) -> tuple[str, list[str]]:
    def decode(inner: str) -> str:
        parts = re.findall(r'\\([0-3][0-7]{2}|[0-7]{1,2})|\\(["\\])|([^\\])', inner, re.DOTALL)
        text = "".join(chr(int(octal, 8)) if octal else mark or plain for octal, mark, plain in parts)
        return text.encode("utf-16", "surrogatepass").decode("utf-16")

    assert code.isascii()
    pattern = r'[^"\\\n\r]|\\["\\]|\\[0-3][0-7]{2}|\\[0-7]{1,2}'
    return read_quoted(without_unicode_escapes(code), pattern, decode)


def without_unicode_escapes(code: str) -> str:
    """Java's first step: a backslash before a `u`, after an even number of others, starts an escape."""
    parts, place, backslashes = [], 0, 0
    while place < len(code):
        if code[place] == "\\" and backslashes % 2 == 0 and code[place + 1 : place + 2] == "u":
            found = re.compile(r"u+([0-9a-fA-F]{4})").match(code, place + 1)
            assert found
            parts.append(chr(int(found[1], 16)))
            place, backslashes = found.end(), 0
        else:
            parts.append(code[place])
            backslashes = backslashes + 1 if code[place] == "\\" else 0
            place += 1
    return "".join(parts)


READERS = {
    "Python": read_python,
    "JavaScript": read_javascript,
    "C++": read_cpp,
    "Rust": read_rust,
    "Java": read_java,
    "Core ML": read_python,
}
NASTY = (
    '"', "'", "\\", "\n", "\r", "\t", "\u2028", "\u2029", "\u202e", "\x7f", "\x85", "${x}", "`", "</script>",
    "<!--", "\\u0022", "\\u000a", "\\x22", "\\N{BEL}", "??/", "*/", "//", "/*", "{}", "{0}", "%s", "%n",
    "$(id)", "#{x}", ";", ":", ",", "«FILE»", "«INPUTS»", "ä", "Ā", "😀", "7", "f", " ", '"""', "-", "\ufeff",
)  # fmt: skip
HOSTILE = st.lists(
    st.sampled_from(NASTY) | st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
).map("".join)


def four_tensors(first: str, second: str, third: str, fourth: str) -> Graph:
    return graph_with(
        [tensor(first, "float", "n", 3), tensor(second, "int64", 2)],
        [tensor(third, "float", "n"), tensor(fourth, "bool", 2)],
    )


@pytest.mark.parametrize("language", READERS)
@given(names=st.lists(HOSTILE, min_size=4, max_size=4), file_name=HOSTILE)
def test_a_hostile_name_stays_inside_its_literal(language: str, names: list[str], file_name: str) -> None:
    file_name = "f" + file_name.replace("/", "|").replace("\\", "|")
    plain = snippet(snippets(four_tensors("n0", "n1", "n2", "n3"), "file"), language).code
    hostile = snippet(snippets(four_tensors(*names), file_name), language).code
    read = READERS[language]
    skeleton, texts = read(plain)
    changed, found = read(hostile)
    assert changed == skeleton
    expected_texts = {"n0": names[0], "n1": names[1], "n2": names[2], "n3": names[3], "file": file_name}
    if language == "JavaScript":
        address = next(text for text in found if text.startswith("./f"))
        assert re.fullmatch(r"\./[\w.~%-]+", address, re.ASCII), "nothing in it may have a meaning in a URL"
    found = [f"./{unquote(text[2:])}" if text.startswith("./f") else text for text in found]
    expected_texts["./file"] = f"./{file_name}"
    assert found == [expected_texts.get(text, text) for text in texts]
    assert all(character.isprintable() or character == "\n" for character in hostile)


@pytest.mark.parametrize("language", READERS)
def test_names_sizes_and_types_occur_once_and_in_order(language: str) -> None:
    _, texts = READERS[language](
        snippet(snippets(four_tensors("n0", "n1", "n2", "n3"), "file"), language).code
    )
    order = list(dict.fromkeys(text for text in texts if re.fullmatch(r"n\d", text)))
    assert sorted(order) == ["n0", "n1", "n2", "n3"]
    assert order.index("n0") < order.index("n1")
    assert order.index("n2") < order.index("n3")


@pytest.mark.parametrize(
    ("language", "calls"),
    [
        ("Python", ['"n0": filled(np.float32, 2, 3)', '"n1": filled(np.int64, 2)']),
        (
            "JavaScript",
            ['filled("float32", Float32Array, ramp, [2, 3])', 'filled("int64", BigInt64Array, bigBit, [2])'],
        ),
        ("C++", ["filled<float>({2, 3})", "filled<int64_t>({2})", "show<float>", "show<bool>"]),
        ("Rust", ["vec![2_i64, 3_i64]", "collect::<Vec<i64>>", "try_extract_tensor::<bool>"]),
        ("Java", ['"n0", filledFLOAT(environment, 2, 3)', '"n1", filledINT64(environment, 2)', "showBOOL("]),
    ],
)
def test_every_tensor_has_its_type_and_shape(language: str, calls: list[str]) -> None:
    code = snippet(snippets(four_tensors("n0", "n1", "n2", "n3"), "file"), language).code
    assert [call for call in calls if call not in code] == []


@given(name=HOSTILE, file_name=HOSTILE)
def test_a_shell_reads_the_trtexec_command_as_one_command(name: str, file_name: str) -> None:
    file_name = "f" + file_name.replace("/", "|").replace("\\", "|")
    graph = graph_with([tensor(name, "float", "n")], [tensor("y", "float")])
    found = snippet(snippets(graph, file_name), "TensorRT")
    if not found.code:
        assert "rename" in found.note.lower()
        return
    script = f"trtexec() {{ printf '%s\\0' \"$@\"; }}\n{found.code}"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True, timeout=10)
    arguments = done.stdout.decode().split("\0")
    assert done.stderr == b""
    assert arguments[0] == f"--onnx={file_name}"
    quoted = f"'{name}'" if ":" in name else name
    assert arguments[2:5] == [
        f"--{bound}Shapes={quoted}:{size}" for bound, size in (("min", 1), ("opt", 2), ("max", 16))
    ]


@given(address=HOSTILE)
def test_the_browser_imports_from_the_address_that_was_given(address: str) -> None:
    found = snippets(four_tensors("n0", "n1", "n2", "n3"), "file", web_runtime=address)
    assert read_javascript(snippet(found, "JavaScript").code)[1][0] == address
