"""Programs of torch.export: real ones, and ones whose texts would run code when they are loaded."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
import torch
from torch import nn

from core.pickles import scan
from core.pickles.containers.torch_export import _expression, _operator
from core.pickles.formats import Format
from core.pickles.report import ScanReport
from core.pickles.verdict import Verdict


@pytest.fixture(scope="module")
def saved() -> bytes:
    """A program with a size that is not fixed."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(model, (torch.zeros(2, 3),), dynamic_shapes=({0: batch},))
    file = io.BytesIO()
    torch.export.save(program, file)
    return file.getvalue()


def changed(saved: bytes, change: Callable[[str], str]) -> ScanReport:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("models/model.json"):
                text = data.decode()
                data = change(text).encode()
                assert data.decode() != text
            new.writestr(name, data)
    return scan(file.getvalue(), "model.pt2")


def dangers(report: ScanReport) -> list[str]:
    return [finding.subject for finding in report.findings if finding.verdict is Verdict.DANGEROUS]


def test_a_real_program_needs_trust_and_is_not_dangerous(saved: bytes) -> None:
    report = scan(saved, "model.pt2")
    assert report.format is Format.TORCH_EXPORT
    assert report.verdict is Verdict.NEEDS_TRUST
    assert [finding.subject for finding in report.findings] == ["torch.export"]


@pytest.mark.parametrize(
    "name", ["torch.os.system", "torch.serialization.os.system", "torch.load", "torch.hub.load"]
)
def test_an_operator_that_is_none_is_dangerous(saved: bytes, name: str) -> None:
    report = changed(saved, lambda text: text.replace("torch.ops.aten.relu.default", name))
    assert report.verdict is Verdict.DANGEROUS
    assert dangers(report) == [name]


def test_an_expression_that_runs_code_is_dangerous_however_it_is_written(saved: bytes) -> None:
    code = "__import__('os').system('echo')"
    spelled = "".join(f"\\u{ord(each):04x}" for each in code)

    def change(text: str) -> str:
        return text.replace('"graph_module":', f'"\\u0065xpr_str": "{spelled}", "graph_module":', 1)

    report = changed(saved, change)
    assert report.verdict is Verdict.DANGEROUS
    assert dangers(report) == [code]


@pytest.mark.parametrize("text", ['{"a":' * 100_000, "{", '{"a": NaN, "b": }'])
def test_a_program_that_cannot_be_read_is_not_called_harmless(saved: bytes, text: str) -> None:
    report = changed(saved, lambda _: text)
    assert report.verdict is Verdict.COULD_NOT_READ


@pytest.mark.parametrize(
    "text",
    ["s0", "2*s77 + 1", "Max(1, s0)//2", "FloorDiv(s0, 2)", "-s0", "u0 <= 3", "s0**2", "1.5*s1", "1e-3*s0"],
)
def test_an_expression_of_sizes_is_one(text: str) -> None:
    assert _expression(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "eval(chr(49))", "(eval)(s0)", "s0.__class__", "().__class__", "s0. real", "exec (s0)", "[s0]",
        *(each * 4_000 + "$" for each in ("a", "1", "1.", "a1", "'", "'a'", "a ", "a(")),
        "1if(s0)", "1 .real",
        "'os.x'", "lambda: s0", "S('s0')", "f(s0)", "s0 if s0 else s1\n.x", "{s0}", "`s0`", "s0;s1",
    ],
)  # fmt: skip
def test_any_other_text_is_none(text: str) -> None:
    assert _expression(text)


@pytest.mark.parametrize(
    "name",
    [
        "torch.ops.aten.add.Tensor",
        "_operator.mul",
        "math.ceil",
        "torch.sym_max",
        "torch._sym_sqrt",
        "call_it",
    ],
)
def test_an_operator_is_one(name: str) -> None:
    assert _operator(name) == ""


@pytest.mark.parametrize(
    "name", ["_operator.attrgetter", "math.os.system", "torch.ops.os.system()", "torch.compile"]
)
def test_what_is_no_operator_is_said(name: str) -> None:
    assert _operator(name)
