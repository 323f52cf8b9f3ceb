"""Reports as JSON: all of it, and readable by anyone."""

import json

from core.pickles.report import failed
from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from tests.core.pickles.samples import planted, zipped


def test_json_has_everything_and_is_ascii() -> None:
    report = scan(zipped({"größe.pkl": planted()}), "größe.zip")
    text = report.to_json()
    assert text.isascii()
    said = json.loads(text)
    assert said["name"] == "größe.zip"
    assert said["verdict"] == "dangerous"
    assert said["format"] == "zip"
    assert [member["name"] for member in said["members"]] == ["", "größe.pkl"]
    assert said["calls"][0]["member"] == "größe.pkl"
    assert said["calls"][0]["call"]["opcode"] == "REDUCE"
    assert {finding["verdict"] for finding in said["findings"]} <= set(Verdict)


def test_a_file_that_no_scan_could_read_is_never_data_only() -> None:
    report = failed("a.pkl", 3, "it was ended")
    assert report.verdict is Verdict.COULD_NOT_READ
    assert report.findings[0].reason == "it was ended"
    assert not report.ledger.complete
