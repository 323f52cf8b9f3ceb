"""What a visitor takes away: an export as a PyTorch script that needs nothing of this app.

The script builds the same model from the same seed, exports it with the same options, loads the file in ONNX
Runtime and compares. It prints

    opset: 15 (asked for 15)
    nodes: 1
    simple_mlp.onnx: 345 bytes
    batch 1: largest difference 2.9802322387695312e-08
    zeros, batch 3: largest difference 0.0

with a line for each batch of the app's own comparison, and all digits.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from core import zoo_modules, zoo_source
from core.export import specimens
from core.export.exporter import output_names
from core.export.parity import BATCHES
from core.export.plan import Exporter, ExportPlan, check_graph_names
from core.zoo import Input, ZooModel

_COUNT: Final = '''\
def count(nodes):
    """How many nodes these are, with those inside of If, Loop and Scan."""
    inner = [graph for node in nodes for each in node.attribute for graph in (each.g, *each.graphs)]
    return len(nodes) + sum(count(graph.node) for graph in inner)'''

# Text of a program that is given away: nothing of it runs in this process.
_SESSION: Final = """\
# One thread each: several may add up the same numbers in another order.
torch.set_num_threads(1)
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
options.log_severity_level = 4  # what is wrong comes as an exception
session = ort.InferenceSession({path}, options, providers=["CPUExecutionProvider"])"""

_COMPARE: Final = '''\
def compare(title, {takes}):
    """Prints how far what the file computes is from what the model does."""
    with torch.no_grad():
        expected = {expected}
    try:
        found = session.run(None, {feeds})
    except Exception as error:
        print(f"{{title}}: ONNX Runtime refuses: {{' '.join(str(error).split())}}")
        return
    differences = []
    for eager, other in zip(expected, found, strict=True):
        eager = eager.numpy()
        if eager.shape != other.shape:
            print(f"{{title}}: the shape is {{other.shape}}, and PyTorch gives {{eager.shape}}")
            return
        same = (eager == other) | (np.isnan(eager) & np.isnan(other))
        apart = np.abs(eager.astype(np.float64) - other.astype(np.float64))
        differences.append(np.where(same, 0, apart).max())
    print(f"{{title}}: largest difference {{float(np.max(differences))}}")'''


def export_program(plan: ExportPlan) -> str:
    """A complete PyTorch script that makes this export, and compares what came out.

    Where the exporter refuses the model, so does the script, with PyTorch's own exception.

    Raises:
        ExportError: if the plan does not fit its model.
    """
    return _Program(plan).text()


class _Program:
    """The parts of one plan's script."""

    def __init__(self, plan: ExportPlan) -> None:
        self.plan = plan
        self.made: ZooModel = plan.build()
        args, kwargs = self.made.arguments(self.made.example_inputs(plan.batch, seed=plan.seed))
        own = output_names(self.made.module, args, kwargs)
        self.dictionary = own != ("output",)
        self.inputs = plan.names_of_inputs(self.made)
        self.outputs = plan.output_names or own
        check_graph_names(self.made.module, self.inputs, self.outputs)
        self.variables = [zoo_source.variable(each) for each in self.made.inputs]
        self.path = _quoted(f"{plan.model}.onnx")

    def text(self) -> str:
        """All of it."""
        dynamo = self.plan.exporter is Exporter.DYNAMO
        # What the zoo does not have is not in its module either.
        home = specimens if type(self.made.module).__module__ == specimens.__name__ else zoo_modules
        blocks = [
            *zoo_source.sources(self.made, home),
            self._model(),
            self._random(),
            _lines(self._export()),
            _COUNT,
            self._facts(),
            _SESSION.format(path=self.path),
            self._compare(),
            self._comparisons(),
        ]
        body = _spaced(blocks)
        head = [
            f"# {self.plan.model} as ONNX, by PyTorch's {self.plan.exporter} exporter, and compared.",
            f"# pip install torch numpy onnx onnxruntime{' onnxscript' * dynamo}",
        ]
        return f"{_lines([*head, *_imports(body)])}\n\n\n{body}\n"

    def _model(self) -> str:
        training = "model.train()  # as it is after a forgotten model.eval()"
        return _lines([
            f"torch.manual_seed({self.plan.seed})",
            f"model = {zoo_source.construction(self.made)}",
            training if self.plan.training else "model.eval()",
        ])  # fmt: skip

    def _random(self) -> str:
        """The function that makes the inputs of a batch."""
        made = [f"torch.randn({_sizes('batch', each)}, generator=generator)" for each in self.made.inputs]
        result = [f"    return {made[0]}"]
        if len(made) > 1:
            result = ["    return (", *(f"        {each}," for each in made), "    )"]
        return _lines([
            "def inputs(batch, seed=0):",
            f'    """Random numbers for {", ".join(self.variables)}: the same seed gives the same."""',
            "    generator = torch.Generator().manual_seed(seed)",
            *result,
        ])  # fmt: skip

    def _export(self) -> list[str]:
        """The lines that make the example and call the exporter."""
        plan = self.plan
        example = f"{', '.join(self.variables)} = inputs({plan.batch}, seed={plan.seed})"
        first = self.made.inputs[0]
        if first.example is not None:
            example = f"x = torch.full(({_sizes(plan.batch, first)}), {first.example!r})"
        pairs = list(zip(self.variables, self.made.inputs, strict=True))
        positional = [variable for variable, each in pairs if not each.keyword]
        keywords = {each.name: variable for variable, each in pairs if each.keyword}
        # In training mode an export runs the model, and its running averages move.
        model = "copy.deepcopy(model)" if plan.training else "model"
        options = [
            *[("kwargs", _mapping(keywords))] * bool(keywords),
            ("input_names", _names(self.inputs)),
            *[("output_names", _names(self.outputs))] * bool(self.outputs),
            ("opset_version", str(plan.opset)),
            *(self._dynamo() if plan.exporter is Exporter.DYNAMO else self._legacy()),
        ]
        comma = "," * (len(positional) == 1)
        arguments = [model, f"({', '.join(positional)}{comma})", self.path]
        arguments += [f"{name}={value}" for name, value in options]
        copying = "# A copy: in training mode an export runs the model, and changes its running averages."
        return [
            example,
            *[copying] * plan.training,
            "torch.onnx.export(",
            *(f"    {each}," for each in arguments),
            ")",
            *["model.eval()  # what users of the file expect"] * plan.training,
        ]

    def _dynamo(self) -> list[tuple[str, str]]:
        dynamic = self.plan.dynamic_axes(self.made)
        shapes = {name: _axes(dynamic.get(name, {})) for name in self.made.input_names}
        return [
            ("dynamo", "True"),
            *[("dynamic_shapes", _mapping(shapes))] * bool(dynamic),
            ("external_data", repr(self.plan.external_data)),
            ("optimize", repr(self.plan.optimize)),
            ("verbose", "False"),
        ]

    def _legacy(self) -> list[tuple[str, str]]:
        names = dict(zip(self.made.input_names, self.inputs, strict=True))
        dynamic = {names[name]: _axes(axes) for name, axes in self.plan.dynamic_axes(self.made).items()}
        return [
            ("dynamo", "False"),
            *[("dynamic_axes", _mapping(dynamic))] * bool(dynamic),
            ("do_constant_folding", repr(self.plan.optimize)),
            ("training", f"torch.onnx.TrainingMode.{'TRAINING' if self.plan.training else 'EVAL'}"),
        ]

    def _facts(self) -> str:
        """The lines that print what the file holds."""
        size = 'print(f"{path}: {path.stat().st_size} bytes")'
        external = self.plan.external_data and self.plan.exporter is Exporter.DYNAMO
        loop = f'for path in (Path({self.path}), Path({self.path[:-1]}.data")):'
        return _lines([
            f"file = onnx.load({self.path})",
            'opset = next(each.version for each in file.opset_import if each.domain in {"", "ai.onnx"})',
            f'print(f"opset: {{opset}} (asked for {self.plan.opset})")',
            'print("nodes:", count(file.graph.node) + sum(count(each.node) for each in file.functions))',
            *([loop, f"    {size}"] if external else [f"path = Path({self.path})", size]),
        ])  # fmt: skip

    def _compare(self) -> str:
        """The function that compares once."""
        pairs = list(zip(self.variables, self.made.inputs, strict=True))
        arguments = ", ".join(f"{name}={name}" if each.keyword else name for name, each in pairs)
        arrays = (f"{variable}.numpy()" for variable in self.variables)
        call = f"model({arguments})"
        return _COMPARE.format(
            takes=", ".join(self.variables),
            expected=f"list({call}.values())" if self.dictionary else f"[{call}]",
            feeds=_mapping(dict(zip(self.inputs, arrays, strict=True))),
        )

    def _comparisons(self) -> str:
        several = "*" * (len(self.variables) > 1)
        middle = BATCHES[len(BATCHES) // 2]
        zeros = ", ".join(f"torch.zeros({_sizes(middle, each)})" for each in self.made.inputs)
        return _lines([
            f"for batch in {BATCHES}:",
            f'    compare(f"batch {{batch}}", {several}inputs(batch))',
            f'compare("zeros, batch {middle}", {zeros})',
        ])  # fmt: skip


def _sizes(batch: int | str, each: Input) -> str:
    return ", ".join(map(str, (batch, *each.shape)))


def _quoted(name: str) -> str:
    """A printable text as Python and JSON both write it."""
    return json.dumps(name, ensure_ascii=False)


def _names(names: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, names))}]"


def _mapping(expressions: Mapping[str, str]) -> str:
    """A dictionary of names to expressions."""
    return f"{{{', '.join(f'{_quoted(name)}: {each}' for name, each in expressions.items())}}}"


def _axes(axes: Mapping[int, str]) -> str:
    return f"{{{', '.join(f'{place}: {_quoted(name)}' for place, name in axes.items())}}}"


def _imports(body: str) -> list[str]:
    """The lines that import what a text uses."""
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    standard = ["import copy"] * ("copy" in used)
    for module, name in (
        ("collections", "OrderedDict"),
        ("collections.abc", "Callable"),
        ("pathlib", "Path"),
    ):
        standard += [f"from {module} import {name}"] * (name in used)
    names = ", ".join(name for name in ("Tensor", "nn") if name in used)
    return [
        *standard,
        "",
        "import numpy as np",
        "import onnx",
        "import onnxruntime as ort",
        "import torch",
        f"from torch import {names}",
    ]


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(lines)


def _spaced(blocks: Sequence[str]) -> str:
    """The blocks with two empty lines around classes and functions, one between others."""
    text = blocks[0]
    for before, block in pairwise(blocks):
        wide = any(each.startswith(("class ", "def ")) for each in (before, block))
        text += ("\n\n\n" if wide else "\n\n") + block
    return text
