"""The program in Java, for `ai.onnxruntime`."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from core.export.snippets import quoting
from core.export.snippets.run import Run


@dataclass(frozen=True)
class _Type:
    """How Java holds a type of element.

    Attributes:
        name: ONNX Runtime's own, which goes into the names of methods too.
        buffer: what holds the numbers.
        number: number `i`.
        text: how the number `value` is written.
        named: whether the buffer alone does not tell the type.
    """

    name: str
    buffer: str
    number: str
    text: str = "String.valueOf(value)"
    named: bool = False


_RAMP: Final = "i % 61 / 64f"
_REAL: Final = 'String.format(Locale.ROOT, "%.6g", value)'
_TYPES: Final = MappingProxyType(
    {
        "float": _Type("FLOAT", "FloatBuffer", _RAMP, _REAL),
        "double": _Type("DOUBLE", "DoubleBuffer", _RAMP, _REAL),
        "float16": _Type(
            "FLOAT16", "ShortBuffer", f"Fp16Conversions.floatToFp16({_RAMP})", _REAL, named=True
        ),
        "bfloat16": _Type(
            "BFLOAT16", "ShortBuffer", f"Fp16Conversions.floatToBf16({_RAMP})", _REAL, named=True
        ),
        "int8": _Type("INT8", "ByteBuffer", "(byte) (i % 2)", named=True),
        "int16": _Type("INT16", "ShortBuffer", "(short) (i % 2)"),
        "int32": _Type("INT32", "IntBuffer", "i % 2"),
        "int64": _Type("INT64", "LongBuffer", "i % 2"),
        "uint8": _Type("UINT8", "ByteBuffer", "(byte) (i % 2)", "String.valueOf(value & 0xFF)", named=True),
        "bool": _Type("BOOL", "ByteBuffer", "(byte) (i % 2)", named=True),
    }
)

_PROGRAM: Final = """\
import ai.onnxruntime.*;
«HALF»import java.nio.*;
import java.util.*;

public class RunModel {
    // Inputs get simple numbers, the same in every language: 64ths are exact in every floating-point type.
    public static void main(String[] arguments) throws OrtException {
        var environment = OrtEnvironment.getEnvironment();
        var inputs = new LinkedHashMap<String, OnnxTensor>();
«INPUTS»        var outputs = new LinkedHashSet<String>();
«OUTPUTS»        try (var options = new OrtSession.SessionOptions();
                var session = environment.createSession(«FILE», options);
                var results = session.run(inputs, outputs)) {
«SHOW»        }
    }

    static int count(long[] shape) {
        return (int) Arrays.stream(shape).reduce(1, (product, size) -> product * size);
    }
«FILLERS»«PRINTERS»}
"""

_HALF: Final = "import ai.onnxruntime.platform.Fp16Conversions;\n"

_FILLER: Final = """
    static OnnxTensor filled«NAME»(OrtEnvironment environment, long... shape) throws OrtException {
        var numbers = «BUFFER».allocate(count(shape));
        for (int i = 0; i < numbers.capacity(); i++) numbers.put(i, «NUMBER»);
        return OnnxTensor.createTensor(environment, numbers, shape«TYPE»);
    }
"""

_PRINTER: Final = """
    static void show«NAME»(String name, OnnxValue output) {
        var tensor = (OnnxTensor) output;
        var numbers = tensor.get«BUFFER»();
        var line = new StringJoiner(" ");
        line.add(name).add(Arrays.toString(tensor.getInfo().getShape()));
        for (int i = 0; i < Math.min(8, numbers.capacity()); i++) {
            var value = numbers.get(i);
            line.add(«TEXT»);
        }
        System.out.println(line);
    }
"""


def write(run: Run) -> tuple[str, str]:
    """The program and a note.

    Raises:
        UnfitError: if an input is of a type that Java's API does not have.
    """
    run = run.limited("Java", _TYPES)
    code = quoting.fill(
        _PROGRAM,
        {
            "HALF": _HALF if {"float16", "bfloat16"} & {each.dtype for each in run.inputs} else "",
            "INPUTS": "".join(
                f"        inputs.put({quoting.java(each.name)}, "
                f"filled{_TYPES[each.dtype].name}({', '.join(['environment', *map(str, each.shape)])}));\n"
                for each in run.inputs
            ),
            "OUTPUTS": "".join(f"        outputs.add({quoting.java(each.name)});\n" for each in run.outputs),
            "FILE": quoting.java(run.file_name),
            "SHOW": "".join(
                f"            show{_TYPES[each.dtype].name}({quoting.java(each.name)}, "
                f"results.get({quoting.java(each.name)}).get());\n"
                for each in run.outputs
            ),
            "FILLERS": "".join(_filler(_TYPES[each]) for each in sorted({each.dtype for each in run.inputs})),
            "PRINTERS": "".join(
                _printer(_TYPES[each]) for each in sorted({each.dtype for each in run.outputs})
            ),
        },
    )
    return code, run.note


def _filler(kind: _Type) -> str:
    return quoting.fill(
        _FILLER,
        {
            "NAME": kind.name,
            "BUFFER": kind.buffer,
            "NUMBER": kind.number,
            "TYPE": f", OnnxJavaType.{kind.name}" if kind.named else "",
        },
    )


def _printer(kind: _Type) -> str:
    # ONNX Runtime hands out 16-bit floating-point numbers as `float`.
    buffer = "FloatBuffer" if kind.name.endswith("FLOAT16") else kind.buffer
    return quoting.fill(_PRINTER, {"NAME": kind.name, "BUFFER": buffer, "TEXT": kind.text})
