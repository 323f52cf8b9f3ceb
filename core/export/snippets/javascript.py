"""The program in JavaScript, for ONNX Runtime Web."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from core.export.snippets import quoting
from core.export.snippets.run import FLOATS, Input, Run, UnfitError

_TYPES: Final = MappingProxyType({
    "float": ("float32", "Float32Array"), "double": ("float64", "Float64Array"),
    "float16": ("float16", "Float16Array"), "int8": ("int8", "Int8Array"), "int16": ("int16", "Int16Array"),
    "int32": ("int32", "Int32Array"), "int64": ("int64", "BigInt64Array"), "uint8": ("uint8", "Uint8Array"),
    "uint16": ("uint16", "Uint16Array"), "uint32": ("uint32", "Uint32Array"),
    "uint64": ("uint64", "BigUint64Array"), "bool": ("bool", "Uint8Array"), "string": ("string", "Array"),
})  # fmt: skip
"""ONNX's name of a type, the name in JavaScript, and what holds the numbers."""

_PROGRAM: Final = """\
import * as ort from «RUNTIME»;

ort.env.wasm.numThreads = 1; // more need a page that is cross-origin isolated

// Simple numbers, the same in every language: 64ths are exact in every floating-point type.
«FILLERS»
function filled(type, Numbers, number, shape) {
  const length = shape.reduce((product, size) => product * size, 1);
  return new ort.Tensor(type, Numbers.from({ length }, (_, i) => number(i)), shape);
}

const session = await ort.InferenceSession.create(new URL(«FILE», import.meta.url).href);
const inputs = «INPUTS»;
const outputs = «OUTPUTS»;
const results = await session.run(inputs, outputs);
for (const name of outputs) {
  const { type, dims, data } = results[name];
  const shown = (number) => (type.startsWith("float") ? Number(number.toPrecision(6)) : String(number));
  console.log(`${name} (${dims.join(", ")}) ${Array.from(data.slice(0, 8), shown).join(" ")}`);
}
"""

_FILLERS: Final = MappingProxyType(
    {
        "ramp": "const ramp = (i) => (i % 61) / 64;\n",
        "bit": "const bit = (i) => i % 2;\n",
        "bigBit": "const bigBit = (i) => BigInt(i % 2);\n",
        "digit": "const digit = (i) => String(i % 2);\n",
    }
)

_HALF: Final = "Needs a browser with Float16Array: Chrome 135, Firefox 129, Safari 18.2 or newer."


def write(run: Run, runtime: str) -> tuple[str, str]:
    """The program, an ES module, and a note.

    Args:
        run: what it does.
        runtime: the address that ONNX Runtime Web is imported from.

    Raises:
        UnfitError: if an input is of a type or has a name that JavaScript does not bear.
    """
    run = run.limited("JavaScript", _TYPES)
    if any(each.name == "__proto__" for each in run.tensors):
        raise UnfitError("JavaScript objects, in which tensors are passed, bear no `__proto__`: rename it.")
    fillers = {_filler(each.dtype) for each in run.inputs}
    inputs = "".join(f"  {quoting.javascript(each.name)}: {_tensor(each)},\n" for each in run.inputs)
    code = quoting.fill(
        _PROGRAM,
        {
            "RUNTIME": quoting.javascript(runtime),
            "FILLERS": "".join(_FILLERS[name] for name in sorted(fillers)),
            "FILE": quoting.javascript(f"./{quote(run.file_name, safe='')}"),
            "INPUTS": f"{{\n{inputs}}}" if inputs else "{}",
            "OUTPUTS": quoting.listed([each.name for each in run.outputs], quoting.javascript),
        },
    )
    return code, " ".join(part for part in (run.note, _HALF if "float16" in run.dtypes else "") if part)


def _tensor(each: Input) -> str:
    name, array = _TYPES[each.dtype]
    return f'filled("{name}", {array}, {_filler(each.dtype)}, {list(each.shape)})'


def _filler(dtype: str) -> str:
    if dtype in FLOATS:
        return "ramp"
    return {"int64": "bigBit", "uint64": "bigBit", "string": "digit"}.get(dtype, "bit")
