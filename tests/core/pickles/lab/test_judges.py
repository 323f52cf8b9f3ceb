import pytest

from core import wire
from core.pickles import Verdict, scan
from core.pickles.lab import judges
from core.pickles.lab.judges import (
    ABOUT,
    Hearing,
    Judge,
    Judgement,
    judge_all,
    of_report,
    read_judgement,
    unheard,
)
from core.pickles.lab.payloads import Container, Payload, build
from core.pickles.lab.samples import sample
from core.process import ProcessError


def test_all_three_judge_the_same_planted_checkpoint() -> None:
    built = build(Payload.COMMAND, Container.TORCH_ZIP)
    ours, picklescan, torch = judge_all(built.data, built.file_name)
    assert (ours.judge, picklescan.judge, torch.judge) == tuple(Judge)
    assert (ours.words, ours.clean) == ("dangerous", False)
    assert (picklescan.words, picklescan.clean) == ("dangerous", False)
    assert picklescan.findings == ("dangerous: os.system",)
    assert (torch.words, torch.clean) == ("refuses 1 name", False)
    assert torch.findings == ("refused: os.system",)
    assert picklescan.version == "1.0.5"
    assert torch.version.startswith("2.")
    assert all(each.seconds > 0 and not each.problem for each in (ours, picklescan, torch))


def test_a_scanner_that_is_killed_has_said_nothing_and_the_others_have() -> None:
    hearing = Hearing(sample("state_dict").data, "state.pt")
    try:
        hearing._processes[Judge.PICKLESCAN].kill()
        ours, killed, torch = hearing.wait(120.0)
    finally:
        hearing.stop()
    assert hearing.finished
    assert killed is not None
    assert (killed.clean, killed.words) == (None, "could not read")
    assert killed.problem
    assert ours is not None
    assert ours.clean is True
    assert torch is not None
    assert torch.clean is True


def test_a_file_that_is_too_large_for_others_is_judged_by_ours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "MAX_BYTES", 10)
    ours, picklescan, torch = judge_all(sample("planted").data, "planted.pkl")
    assert ours.clean is False
    assert (picklescan.problem, torch.problem) == (
        "The file has 45 bytes; other scanners get at most 10.",
    ) * 2


def test_where_nothing_can_be_started_every_judge_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise ProcessError("Busy: 50 runs wait for a place already; try again in a moment.")

    monkeypatch.setattr("core.pickles.worker.start", refuse)
    for judgement in judge_all(b"."):
        assert judgement.clean is None
        assert judgement.problem.startswith("It could not be started: Busy: ")


@pytest.mark.parametrize(
    ("name", "clean"), [("state_dict", True), ("planted", False), ("simple_mlp", False), ("truncated", None)]
)
def test_only_data_only_is_clean_to_ours_and_what_was_not_read_is_neither(
    name: str, clean: bool | None
) -> None:
    report = scan(sample(name).data)
    found = of_report(report)
    assert found.clean is clean
    assert bool(found.problem) is (report.verdict is Verdict.COULD_NOT_READ)
    assert found.words == report.verdict.value


def test_a_judgement_goes_through_a_line_and_back() -> None:
    judgement = Judgement(Judge.TORCH, "2.13", "refuses 1 name", False, ("refused: os.system",), 0.5)
    assert read_judgement({"judgement": wire.write(Judgement, judgement)}) == judgement
    assert read_judgement({"stage": "x"}) is None


def test_a_problem_is_one_short_line() -> None:
    problem = unheard(Judge.PICKLESCAN, "one\n two\t" + "x" * 1000).problem
    assert problem.startswith("one two x")
    assert len(problem) == 300


def test_every_judge_is_explained() -> None:
    assert set(ABOUT) == set(Judge)
