"""The pages benchmark's bookkeeping; what it measures needs a browser and minutes."""

from bench.pages import BLANK, LAB, Samples, beside, in_round


def test_pages_are_compared_over_the_rounds_that_both_have() -> None:
    samples: Samples = {
        "ours": {0: {"seen": 30.0}, 2: {"seen": 60.0}},
        "blank": {0: {"seen": 10.0}, 1: {"seen": 999.0}, 2: {"seen": 20.0}},
    }
    assert str(beside(samples, "ours", "blank")) == "3.00 (3.00 to 3.00)"


def test_odd_rounds_leave_out_what_is_only_information() -> None:
    order = ["home", LAB.name, BLANK.name]
    assert in_round(0, order, (BLANK, LAB)) == order
    assert in_round(1, order, (BLANK, LAB)) == [LAB.name, BLANK.name]
