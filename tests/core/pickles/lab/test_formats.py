import pytest

from core import wire, zoo
from core.pickles.lab.formats import (
    KINDS,
    FileFormat,
    FormatRow,
    FormatsReport,
    Timing,
    compare_formats,
    read_formats,
    read_stage,
    start_formats,
)


@pytest.fixture(scope="module")
def report() -> FormatsReport:
    return compare_formats("simple_mlp")


def rows(report: FormatsReport) -> dict[FileFormat, FormatRow]:
    return {row.format: row for row in report.rows}


def test_the_model_is_written_in_every_format_and_each_is_timed(report: FormatsReport) -> None:
    assert [row.format for row in report.rows] == list(FileFormat)
    assert (report.model, report.parameters, report.threads) == ("simple_mlp", 22, 1)
    for row in report.rows:
        assert row.problem == ""
        assert row.size is not None
        for timing in (row.save, row.load):
            assert timing is not None
            assert timing.rounds >= 1
            assert timing.first > 0 < timing.median


def test_safetensors_is_the_smallest_and_holds_all_numbers(report: FormatsReport) -> None:
    sizes = {kind: row.size or 0 for kind, row in rows(report).items()}
    assert min(sizes, key=sizes.__getitem__) is FileFormat.SAFETENSORS
    assert all(size >= 4 * report.parameters for size in sizes.values())


def test_who_needs_the_source_was_tried_where_this_app_is_not(report: FormatsReport) -> None:
    found = {kind: (row.loads_alone, row.runs_alone) for kind, row in rows(report).items()}
    assert found == {
        FileFormat.PICKLE: (False, False),
        FileFormat.STATE_DICT: (True, False),
        FileFormat.SAFETENSORS: (True, False),
        FileFormat.TORCHSCRIPT: (True, True),
        FileFormat.EXPORT: (True, True),
        FileFormat.ONNX: (True, True),
    }
    assert rows(report)[FileFormat.PICKLE].alone == "ModuleNotFoundError: No module named 'core'"
    assert rows(report)[FileFormat.ONNX].needs_source is False


def test_our_scanner_looks_at_each_file(report: FormatsReport) -> None:
    found = rows(report)
    for kind in (FileFormat.PICKLE, FileFormat.TORCHSCRIPT):
        assert found[kind].verdict == "needs-trust"
    for kind in (FileFormat.STATE_DICT, FileFormat.SAFETENSORS, FileFormat.ONNX):
        assert found[kind].verdict == "data-only"
    assert found[FileFormat.SAFETENSORS].names == found[FileFormat.ONNX].names == 0
    assert found[FileFormat.PICKLE].names > found[FileFormat.STATE_DICT].names > 0


def test_every_format_is_explained() -> None:
    assert list(KINDS) == list(FileFormat)
    for kind in KINDS.values():
        assert all((kind.title, kind.file_name, kind.holds, kind.names_code, kind.languages, kind.risk))


def test_a_report_goes_through_a_line_and_back() -> None:
    row = FormatRow(FileFormat.ONNX, 5, Timing(1.0, 0.5, 3), Timing(1.0, 0.5, 3), True, True)
    report = FormatsReport("mlp", "MLP", 0, 10, (row,), "2.13", 1)
    assert read_formats({"formats": wire.write(FormatsReport, report)}) == report
    assert read_formats({"stage": "measuring"}) is None
    assert read_stage({"stage": "measuring"}) == "measuring"
    assert read_stage({}) == ""


def test_a_model_that_does_not_exist_is_refused_before_anything_starts() -> None:
    with pytest.raises(zoo.ZooError, match=r"^There is no model of that name: choose one of scalar_linear, "):
        start_formats("<script>")
    with pytest.raises(zoo.ZooError):
        start_formats("mlp", seed=-1)


def test_a_process_that_ends_early_is_an_error_of_one_line() -> None:
    process = start_formats("simple_mlp", seconds=0.2)
    process.wait_until_over(60.0)
    assert process.finished
    assert process.error
    assert "\n" not in process.error
