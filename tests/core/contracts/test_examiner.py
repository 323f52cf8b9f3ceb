"""What the examining process answers."""

from __future__ import annotations

import json

from core import wire
from core.contracts.examination import Examination, examine_here
from core.contracts.examiner import answer
from tests.core.contracts.test_examination import ARTICLE


def test_an_answer_has_the_number_of_its_question() -> None:
    assert answer({"number": 7, "task": "examine", "source": ""})["number"] == 7
    assert answer({"number": 8, "task": "stub", "source": ARTICLE, "class": "RobustPredictor"})["number"] == 8
    assert answer({"number": 9, "task": "examine", "source": "def f(:"})["number"] == 9


def test_an_examination_survives_the_way_through_json() -> None:
    sent = json.loads(json.dumps(answer({"number": 1, "task": "examine", "source": ARTICLE})))
    assert wire.read(Examination, sent["examination"]) == examine_here(ARTICLE)


def test_what_it_refuses_comes_with_its_place() -> None:
    refused = answer({"number": 1, "task": "examine", "source": "a = 1\nb = (]\n"})["refused"]
    assert refused["line"] == 2
    assert refused["text"] == "b = (]"
    assert refused["column"] == 6


def test_a_task_that_there_is_not_is_refused() -> None:
    assert "ask for examine or stub" in answer({"number": 1, "task": "run"})["refused"]["message"]
