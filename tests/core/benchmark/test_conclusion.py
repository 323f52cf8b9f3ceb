from core.benchmark.conclusion import case_label, conclusions
from tests.core.benchmark.reports import case, report

BOTH = {"eager": 2e-3, "ort": 1e-3}


def test_one_engine_that_is_faster_everywhere_is_one_clause() -> None:
    found = conclusions(report(case(BOTH), case({"eager": 3e-3, "ort": 1e-3}, batch=8)))
    assert found == ("ONNX Runtime against Eager PyTorch: faster (2.00 to 3.00 times as fast).",)


def test_where_it_is_faster_and_where_slower_is_said() -> None:
    cases = [
        case(BOTH, batch=1),
        case({"eager": 3e-3, "ort": 1e-3}, batch=8),
        case({"eager": 1e-3, "ort": 4e-3}, batch=64),
        case({"eager": 1e-3, "ort": 1e-3}, batch=128),
    ]
    assert conclusions(report(*cases)) == (
        (
            "ONNX Runtime against Eager PyTorch: faster at batch 1 and 8 (2.00 to 3.00 times as fast), "
            "slower at batch 64 (4.00 times as long per call), cannot tell here at batch 128."
        ),
    )


def test_other_numbers_come_before_the_speed() -> None:
    found = conclusions(report(case(BOTH, wrong=["ort"])))
    assert found == (
        "ONNX Runtime against Eager PyTorch: does not give the same numbers; faster (2.00 times as fast).",
    )
    found = conclusions(report(case(BOTH, wrong=["ort"]), case(BOTH, batch=8)))
    assert "does not give the same numbers at batch 1; faster" in found[0]


def test_an_engine_that_was_not_measured_is_said_with_its_reason() -> None:
    found = conclusions(report(case(BOTH, problems={"compiled": "There is no compiler."})))
    assert found[-1] == "torch.compile was not measured. There is no compiler."


def test_several_models_are_named() -> None:
    found = conclusions(report(case(BOTH), case(BOTH, model="cnn")))
    assert [each.partition(":")[0] for each in found] == ["One linear layer", "Convolutional network"]


def test_a_label_says_what_differs() -> None:
    one, two, three = case(BOTH), case(BOTH, batch=8), case(BOTH, batch=8, threads=2)
    assert case_label(one, [one]) == "batch 1, 1 thread"
    assert case_label(two, [one, two]) == "batch 8"
    assert case_label(three, [one, two, three]) == "batch 8, 2 threads"
    assert case_label(three, [two, three]) == "2 threads"
    here, there = case(BOTH, machine="a"), case(BOTH, machine="b")
    assert [case_label(each, [here, there]) for each in (here, there)] == ["a", "b"]
