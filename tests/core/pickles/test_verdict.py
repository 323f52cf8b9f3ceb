"""The order of verdicts: nothing hides a danger, and nothing reassures after an error."""

from itertools import permutations

import pytest

from core.pickles.verdict import Verdict


def test_every_verdict_has_a_rank_of_its_own() -> None:
    assert sorted(verdict.rank for verdict in Verdict) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        (Verdict.DANGEROUS, Verdict.COULD_NOT_READ),
        (Verdict.COULD_NOT_READ, Verdict.NEEDS_TRUST),
        (Verdict.NEEDS_TRUST, Verdict.DATA_ONLY),
    ],
)
def test_the_worst_is_said_whatever_the_order(worse: Verdict, better: Verdict) -> None:
    assert Verdict.worst(worse, better) is Verdict.worst(better, worse) is worse


def test_the_worst_of_all_is_dangerous_and_of_none_is_data_only() -> None:
    assert {Verdict.worst(*order) for order in permutations(Verdict)} == {Verdict.DANGEROUS}
    assert Verdict.worst() is Verdict.DATA_ONLY


def test_the_words_are_those_of_the_public_face() -> None:
    assert [str(verdict) for verdict in Verdict] == [
        "data-only",
        "needs-trust",
        "could-not-read",
        "dangerous",
    ]
