"""Where a graph runs: programs that load this very file, run it once and print what comes out.

All of them fill the inputs with the same numbers, so what they print can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.export.graph import Graph
from core.export.snippets import coreml, cpp, java, javascript, python, rust, tensorrt
from core.export.snippets.run import Run, UnfitError, one_run

__all__ = ["Snippet", "snippets"]


@dataclass(frozen=True)
class Snippet:
    """A program, or why there is none.

    Attributes:
        language: its name, as a tab says it.
        title: what it needs.
        code: the program; empty if there is none.
        highlight: the language's name for `st.code`.
        tried: whether our tests run it.
        note: one line to read with it, or why there is no program; often empty. It may quote names from the
            file, so it is to be shown as plain text.
    """

    language: str
    title: str
    code: str
    highlight: str
    tried: bool
    note: str = ""


def snippets(
    graph: Graph,
    file_name: str,
    sizes: Mapping[str, int] | None = None,
    *,
    model: str = "",
    seed: int = 0,
    web_runtime: str = "./ort.wasm.min.mjs",
) -> tuple[Snippet, ...]:
    """A program for every place where the graph may run.

    Args:
        graph: what the model's file says; nothing in it is trusted.
        file_name: under which the visitor has the model.
        sizes: of the symbolic dimensions, by name; 2 where there is none.
        model: the short name of the model of this app that the graph comes from, if it does.
        seed: of that model's weights.
        web_runtime: the address that the browser imports ONNX Runtime Web from.
    """
    writers: tuple[tuple[str, str, str, bool, Callable[[Run], tuple[str, str]]], ...] = (
        ("Python", "pip install onnxruntime", "python", True, python.write),
        (
            "JavaScript",
            "npm install onnxruntime-web, and its dist files beside the page",
            "javascript",
            True,
            lambda run: javascript.write(run, web_runtime),
        ),
        ("C++", "ONNX Runtime's headers and library, and C++17", "cpp", False, cpp.write),
        (
            "Rust",
            "cargo add ort@=2.0.0-rc.12 --features half && cargo add half",
            "rust",
            False,
            rust.write,
        ),
        ("Java", "com.microsoft.onnxruntime:onnxruntime from Maven", "java", False, java.write),
        ("TensorRT", "TensorRT and an NVIDIA GPU", "bash", False, tensorrt.write),
        (
            "Core ML",
            "pip install coremltools torch" if model else "pip install onnxruntime, on a Mac",
            "python",
            False,
            lambda run: coreml.write(run, model, seed),
        ),
    )
    found = []
    for language, title, highlight, tried, write in writers:
        try:
            code, note = write(one_run(graph, file_name, sizes or {}))
        except UnfitError as error:
            code, note = "", str(error)
        found.append(Snippet(language, title, code, highlight, tried, note))
    return tuple(found)
