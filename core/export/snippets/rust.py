"""The program in Rust, for the `ort` crate."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from core.export.snippets import quoting
from core.export.snippets.run import Input, Run, UnfitError

_TYPES: Final = MappingProxyType({
    "float": "f32", "double": "f64", "float16": "f16", "bfloat16": "bf16", "int8": "i8", "int16": "i16",
    "int32": "i32", "int64": "i64", "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
    "bool": "bool",
})  # fmt: skip

_NUMBERS: Final = MappingProxyType(
    {
        "f32": "(i % 61) as f32 / 64.0",
        "f64": "(i % 61) as f64 / 64.0",
        "f16": "f16::from_f32((i % 61) as f32 / 64.0)",
        "bf16": "bf16::from_f32((i % 61) as f32 / 64.0)",
        "bool": "i % 2 == 1",
    }
)
"""How number `i` is made; whole numbers are 0 and 1."""

_PROGRAM: Final = """\
«HALF»use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;

fn main() -> ort::Result<()> {
    let mut session = Session::builder()?.commit_from_file(«FILE»)?;

    // Simple numbers, the same in every language: 64ths are exact in every floating-point type.
    let inputs: Vec<(&str, SessionInputValue)> = vec![
«INPUTS»    ];
    let outputs = session.run(inputs)?;
«SHOW»    Ok(())
}
"""


def write(run: Run) -> tuple[str, str]:
    """The program and a note.

    Raises:
        UnfitError: if an input is of a type or a size that the program cannot fill.
    """
    run = run.limited("Rust", _TYPES)
    if any(0 in each.shape for each in run.inputs):
        raise UnfitError("Rust's `ort` makes no tensor without numbers: choose sizes of 1 or more.")
    halves = sorted(_TYPES[each] for each in run.dtypes & {"bfloat16", "float16"})
    code = quoting.fill(
        _PROGRAM,
        {
            "HALF": "".join(f"use half::{half};\n" for half in halves),
            "FILE": quoting.rust(run.file_name),
            "INPUTS": "".join(
                f"        ({quoting.rust(each.name)}, {_tensor(each)}),\n" for each in run.inputs
            ),
            "SHOW": "".join(_show(each.name, _TYPES[each.dtype]) for each in run.outputs),
        },
    )
    return code, run.note


def _tensor(each: Input) -> str:
    rust_type = _TYPES[each.dtype]
    number = _NUMBERS.get(rust_type, f"(i % 2) as {rust_type}")
    sizes = ", ".join(f"{size}_i64" for size in each.shape)
    shape = f"vec![{sizes}]" if sizes else "Vec::<i64>::new()"
    numbers = f"(0..{each.count}).map(|i| {number}).collect::<Vec<{rust_type}>>()"
    return f"Tensor::from_array(({shape}, {numbers}))?.into()"


def _show(name: str, rust_type: str) -> str:
    literal = quoting.rust(name)
    return (
        f"    let (shape, numbers) = outputs[{literal}].try_extract_tensor::<{rust_type}>()?;\n"
        f'    println!("{{}} {{:?}} {{:?}}", {literal}, &shape[..], &numbers[..numbers.len().min(8)]);\n'
    )
