"""The pickles lab: what each file would do, on the stage and step by step, and nothing of it ever done."""

from __future__ import annotations

import ast
import base64
import io
import json
import pickle
import pickletools
import time
import zipfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import torch

from core import sandbox
from core.pickles import Verdict, scan
from core.pickles.lab import samples
from core.pickles.lab.formats import KINDS
from core.pickles.lab.payloads import CONTAINERS, PAYLOADS, Container, build, container_of
from core.process import ProcessError
from core.sandbox import Readiness, ReadyState, Run
from core.zoo_modules import SimpleMLP
from tests import native
from tests.pages.visit import Visit, open_page
from ui.limits import limits
from ui.links import is_secret
from ui.onnx.inputs import MODELS as ONNX_MODELS
from ui.onnx.inputs import PLACES
from ui.onnx.inputs import TABS as ONNX_TABS
from ui.pickles import upload as upload_module
from ui.pickles.evasions import EVASIONS
from ui.pickles.inputs import (
    BUILT,
    CONTAINER_TITLES,
    EVASION_TITLES,
    FILES,
    FIRST_MODEL,
    FORMATS_TAB,
    MODELS,
    OWN_FILE,
    PAIR,
    PAYLOAD_TITLES,
    SAMPLES,
    TABS,
    WHAT_IF_VIEWS,
    WHICH,
    WHY_VIEWS,
)

PAGE = "pages/pickles.py"
CALL = "This call would happen"
PLANTED = samples.sample("planted").data
OPCODES = [(place or 0, opcode.name) for opcode, _, place in pickletools.genops(PLANTED)]
"""The planted pickle by pickletools."""


def lab(**query: str) -> Visit:
    """The lab by a link."""
    return open_page(PAGE, query)


def settle(visit: Visit) -> Visit:
    """Look again until nothing is waited for any more, as the page does by itself."""
    until = time.monotonic() + 180
    while any("hourglass" in text.value for text in visit.app.markdown) and time.monotonic() < until:
        time.sleep(0.1)
        visit.run()
    return visit


def press(visit: Visit, key: str) -> Visit:
    """Press a button."""
    visit.app.button(key=key).click()
    return settle(visit.run())


def give(visit: Visit, name: str, data: bytes) -> Visit:
    """Give the lab a file of one's own."""
    visit.app.file_uploader(key="pickles:file").set_value((name, data, "application/octet-stream"))
    return settle(visit.run())


def pages_html(visit: Visit) -> str:
    """The page's own HTML, as a browser would show its text."""
    return unescape("".join(element.value for element in visit.app.html))


def tapes(visit: Visit) -> list[str]:
    """The tapes, as HTML."""
    return [element.value for element in visit.app.html if "class='uth-tape'" in element.value]


def cells(tape: str) -> list[tuple[int, str]]:
    """Offset and opcode of each cell of a tape."""
    import re

    found = re.findall(r"<span class='at'>\D*([\d,]+)</span><span class='operation'>(\w+)</span>", tape)
    return [(int(offset.replace(",", "")), opcode) for offset, opcode in found]


def guesses(visit: Visit) -> list[str]:
    """The keys of the inputs for guesses."""
    return [str(each.key) for each in visit.app.text_input if str(each.key).startswith("guess:")]


# The stage.


def test_the_first_view_is_the_model_beside_the_planted_command() -> None:
    visit = lab()
    assert visit.troubles() == []
    assert visit.verdicts()[:2] == [
        "! SimpleMLP: needs-trust", "✗ The planted command: dangerous",
    ]  # fmt: skip
    model, planted = tapes(visit)
    assert "core.zoo_modules.SimpleMLP()" in model
    assert CALL in planted
    assert f"os.system({samples.COMMAND!r})" in unescape(planted)
    assert "elsewhere it ends with ModuleNotFoundError" in pages_html(visit)


def test_the_tape_has_the_opcodes_that_pickletools_finds() -> None:
    _, planted = tapes(lab())
    assert cells(planted) == OPCODES
    reduce = next(offset for offset, opcode in OPCODES if opcode == "REDUCE")
    head = planted.partition("class='cell head danger'")[2]
    assert head.startswith(f"><span class='at'>▶ {reduce}</span><span class='operation'>REDUCE")
    assert "class='cell after'" in planted.partition(CALL)[2]


def test_the_model_s_numbers_are_those_of_a_tool_of_python_s_own() -> None:
    visit = lab(file=samples.titles()["simple_mlp"])
    with zipfile.ZipFile(io.BytesIO(samples.sample("simple_mlp").data)) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("data.pkl")]
        opcodes = list(pickletools.genops(archive.read(name)))
    named = {arg for opcode, arg, _ in opcodes if opcode.name == "GLOBAL"}
    called = sum(opcode.name in {"REDUCE", "NEWOBJ"} for opcode, _, _ in opcodes)
    assert visit.numbers() == {
        "opcodes": str(len(opcodes)), "globals": str(len(named)), "calls": str(called),
    }  # fmt: skip


@pytest.mark.parametrize("title", list(SAMPLES))
def test_every_sample_has_a_verdict_in_words_and_no_trouble(title: str) -> None:
    sample = samples.sample(SAMPLES[title])
    found = scan(sample.data, sample.file_name).verdict
    visit = lab(file=title)
    assert visit.troubles() == []
    assert visit.verdict().split(" ", 1)[1] == str(found)
    assert visit.get("file") == title


def test_where_nothing_would_run_the_tape_has_no_head() -> None:
    visit = lab(file=samples.titles()["state_dict"])
    assert visit.verdict() == "✓ data-only"
    (tape,) = tapes(visit)
    assert "class='cell head" not in tape
    assert CALL not in tape


def test_a_file_without_a_pickle_says_so() -> None:
    visit = lab(file=samples.titles()["safetensors"])
    assert tapes(visit) == []
    assert "no pickle in it" in visit.captions()


# One that is built.


@pytest.mark.parametrize("kind", PAYLOADS, ids=lambda kind: kind.payload)
def test_what_is_built_is_judged_at_once(kind: object) -> None:
    assert isinstance(kind, type(PAYLOADS[0]))
    made = build(kind.payload, CONTAINERS[3].container)
    found = scan(made.data, made.file_name).verdict
    assert found is not Verdict.DATA_ONLY
    visit = lab(file=BUILT, payload=kind.title, container=CONTAINERS[3].title)
    assert visit.troubles() == []
    assert visit.verdict().split(" ", 1)[1] == str(found)


def with_builder(**query: str) -> Visit:
    visit = lab(file=BUILT, **query)
    visit.app.session_state["pickles:build"] = True
    return visit.run()


def test_the_visitor_s_own_command_is_in_the_file_and_in_no_address() -> None:
    visit = with_builder()
    text = "touch <b>canary</b> **7**"
    visit.app.text_input(key="pickles:text:command").set_value(text)
    visit.run()
    assert f"os.system({text!r})" in unescape(tapes(visit)[0])
    assert "<b>canary" not in "".join(element.value for element in visit.app.html)
    assert not any("canary" in str(value) for value in visit.app.query_params.values())
    assert not Path("<b>canary").exists()


def test_a_text_that_does_not_fit_is_one_line() -> None:
    visit = with_builder(payload="Only an import")
    visit.app.text_input(key="pickles:text:import").set_value("not a module; really")
    visit.run()
    (line,) = visit.troubles()
    assert line.startswith("That is no module")
    assert tapes(visit) == []


def test_a_reset_forgets_what_was_written_and_chosen() -> None:
    visit = with_builder()
    visit.app.text_input(key="pickles:text:command").set_value("echo mine")
    visit.run()
    press(visit, "pickles:reset")
    assert visit.get("file") == PAIR
    assert "echo mine" not in visit.text()
    again = with_builder()
    assert again.app.text_input(key="pickles:text:command").value == samples.COMMAND


# A visitor's own file.


def own(name: str, data: bytes) -> Visit:
    return give(lab(file=OWN_FILE), name, data)


class Boom:
    """Would write a file if it were loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return exec, (f"open({str(self.path)!r}, 'w')",)


def test_a_file_of_one_s_own_is_read_and_never_loaded(tmp_path: Path) -> None:
    visit = own("model.pkl", pickle.dumps(Boom(tmp_path / "loaded")))
    assert visit.troubles() == []
    assert visit.verdict() == "✗ dangerous"
    assert CALL in tapes(visit)[0]
    for tab in TABS[2:]:
        visit.set(tab=tab)
    assert not (tmp_path / "loaded").exists()


def test_a_real_checkpoint_is_data_only() -> None:
    file = io.BytesIO()
    torch.save(SimpleMLP().state_dict(), file)
    assert own("state.pt", file.getvalue()).verdict() == "✓ data-only"


def test_a_command_behind_many_opcodes_is_on_the_tape_and_can_be_stepped_to() -> None:
    long = pickle.dumps(list(range(60_000)))
    visit = own("long.pkl", long + PLANTED)
    assert visit.verdict() == "✗ dangerous"
    count = sum(1 for _ in pickletools.genops(long)) + 6
    assert visit.numbers()["opcodes"] == f"{count:,}"
    assert (len(long) + 43, "REDUCE") in cells(tapes(visit)[0])
    assert f"os.system({samples.COMMAND!r})" in pages_html(visit)
    press(visit, "pickles:call:stop")
    assert visit.app.number_input(key="step").value == count - 1
    assert "<div class='name'>REDUCE" in "".join(each.value for each in visit.app.html)
    press(visit, "pickles:step:next")
    assert "<div class='name'>STOP" in "".join(each.value for each in visit.app.html)
    assert visit.app.button(key="pickles:step:next").disabled
    visit.app.number_input(key="step").set_value(30_000).run()
    assert "<div class='name'>BININT2" in "".join(each.value for each in visit.app.html)
    press(visit, "pickles:call:next")
    assert visit.app.number_input(key="step").value == count - 1
    assert visit.troubles() == []


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_pickle_that_is_compressed_in_a_file_is_unpacked_for_the_tape(kind: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        archive.writestr("model/data.pkl", PLANTED)
    visit = own("model.pt", file.getvalue())
    assert visit.verdict() == "✗ dangerous"
    assert cells(tapes(visit)[0]) == OPCODES
    assert "Compressed in the file" in visit.captions()
    press(visit, "pickles:call:stop")
    assert "Byte 43 of model/data.pkl, unpacked" in pages_html(visit)
    assert visit.troubles() == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.pt", b""),
        ("noise.pkl", bytes(range(256)) * 40),
        ("cut.pt", samples.sample("simple_mlp").data[:700]),
        ("cut.pkl", pickle.dumps(list(range(1000)))[:-10]),
        ("bomb.zip", b"PK\x03\x04" + b"\xff" * 200),
    ],
)
def test_a_bad_file_is_a_verdict_and_no_trouble(name: str, data: bytes) -> None:
    visit = own(name, data)
    assert visit.troubles() == []
    assert visit.verdict() != "✓ data-only"


def test_where_nothing_was_understood_it_is_not_said_that_there_is_no_pickle() -> None:
    visit = own("bomb.zip", b"PK\x03\x04" + b"\xff" * 200)
    assert visit.verdict() == "? could-not-read"
    assert "There is no pickle in it" not in visit.captions()
    assert "No pickle was found in what could be read of it" in visit.captions()
    assert "no loader reads it as it is" in pages_html(visit)


def test_more_findings_than_are_kept_are_not_counted_as_if_they_were_all() -> None:
    names = b"".join(b"cmodule%d\nName\n" % number for number in range(1_500))
    assert "And at least 994 more findings" in own("many.pkl", b"\x80\x02(" + names + b"l.").captions()


def test_how_large_a_file_may_be_is_said_before_it_is_given() -> None:
    assert f"At most {limits().max_upload_mb} MB" in lab(file=OWN_FILE).captions()


HOSTILE = "<img src=x onerror=alert(1)> **bold** :red[no] `code`\u202e\x1b[31m.pkl"


def test_names_and_contents_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing is run: it need not be there.
    monkeypatch.setattr(sandbox, "readiness", lambda: Readiness(ReadyState.READY, 0.0, 0.0, ""))
    module = "evil_<script>alert(2)</script>"
    data = f"c{module}\n**bold**\n.".encode()
    visit = own(HOSTILE, data)
    views = [{"tab": TABS[0], "view": view} for view in WHY_VIEWS]
    views += [{"tab": TABS[1], "explore": view} for view in WHAT_IF_VIEWS]
    for view in (*views, *({"tab": tab} for tab in TABS[2:])):
        settle(visit.put(view))
        raw = "".join(element.value for element in visit.app.html)
        assert "<script>" not in raw
        assert "<img" not in raw
        assert "\u202e" not in raw
        assert not any("**bold**" in text.value for text in visit.app.markdown)
        assert not any("**bold**" in text.value for text in visit.app.caption)


def test_the_file_is_forgotten_when_the_visitor_leaves_it() -> None:
    word = b"canary0fmine"
    visit = own("mine.pkl", pickle.dumps({word.decode(): 1}))
    assert word in visit.everything()
    visit.set(file=PAIR)
    assert word not in visit.everything()
    assert "pickles:upload:subject" not in visit.app.session_state
    assert "pickles:upload:scan" not in visit.app.session_state


def test_a_file_of_one_visitor_is_not_another_s() -> None:
    word = "canary0fmine"
    visit = own("mine.pkl", pickle.dumps({word: 1}))
    other = lab(file=OWN_FILE)
    assert word in visit.text()
    assert word not in other.text()


def test_a_scan_that_cannot_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ProcessError("Busy: too many wait already.")

    monkeypatch.setattr(upload_module, "start", refuse)
    visit = own("mine.pkl", PLANTED)
    assert visit.troubles() == ["Busy: too many wait already."]
    assert visit.verdicts() == []


def test_a_killed_scan_is_could_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_module, "MEMORY_BYTES", 2**20)
    visit = own("mine.pkl", PLANTED)
    assert visit.verdict() == "? could-not-read"


# Predict first.


def test_predict_first_sends_no_answer_before_both_are_guessed() -> None:
    visit = lab(predict="true")
    assert visit.verdicts() == []
    assert visit.numbers() == {}
    assert len(tapes(visit)) == 2
    sent = visit.text()
    assert CALL not in sent
    assert "class='cell head" not in sent
    for tab in TABS:
        assert CALL not in visit.set(tab=tab).text()
    visit.app.text_input(key=guesses(visit)[0]).set_value("needs-trust")
    visit.run()
    assert "class='cell head" not in visit.text()
    visit.app.text_input(key=guesses(visit)[1]).set_value("data-only")
    visit.run()
    assert [line[0] for line in visit.said()] == ["✓", "✗"]
    assert CALL in tapes(visit)[1]


def test_a_word_that_is_no_verdict_is_one_line() -> None:
    visit = lab(predict="true", file=samples.titles()["truncated"])
    visit.app.text_input(key=guesses(visit)[0]).set_value("maybe `x` <b>")
    visit.run()
    assert visit.troubles() == ["Got maybe `x` <b>: type data-only, needs-trust, could-not-read, dangerous."]
    assert "<b>:" not in "".join(element.value for element in visit.app.html)


# Why?


def test_the_steps_are_those_of_python_s_own_unpickler() -> None:
    visit = lab(file=samples.titles()["planted"], tab=TABS[0])
    seen = []
    for step in range(1, len(OPCODES) + 1):
        visit.set(step=step)
        html = pages_html(visit)
        name = html.partition("<div class='uth-pk-opcode'><div class='name'>")[2]
        offset = html.partition("<div class='uth-plain'>Byte ")[2].partition(";")[0]
        seen.append((int(offset), name.replace("<", " ").split()[0]))
    assert seen == OPCODES


def test_next_call_goes_to_the_reduce_and_the_bytes_are_marked() -> None:
    visit = lab(file=samples.titles()["planted"], tab=TABS[0])
    press(visit, "pickles:call:next")
    place = [opcode for _, opcode in OPCODES].index("REDUCE")
    assert visit.get("step") == place + 1
    html = "".join(element.value for element in visit.app.html)
    assert "<mark>52</mark>" in html  # R, by its code
    assert visit.app.button(key="pickles:call:next").disabled
    visit.app.button(key="step:back").click()
    visit.run()
    assert visit.get("step") == place
    assert visit.app.button(key="pickles:call:back").disabled


def test_the_tabs_are_about_the_file_of_the_two_that_was_chosen() -> None:
    visit = lab(tab=TABS[0])
    assert "Next: <code>GLOBAL" in "".join(element.value for element in visit.app.html)
    visit.set(which=WHICH[1], step=5)
    assert "NEWOBJ" in pages_html(visit).partition("uth-pk-opcode")[2]


def test_every_finding_has_its_member_offset_opcode_and_reason() -> None:
    visit = lab(file=samples.titles()["nested_zip"], tab=TABS[0], view=WHY_VIEWS[1])
    html = pages_html(visit)
    assert "weights.zip!model/data.pkl · byte 43 · REDUCE" in html
    names, calls = visit.tables()
    assert [row["name"] for row in names] == ["os.system"]
    assert [row["call"] for row in calls] == ["os.system"]


def test_the_ledger_says_what_was_not_read() -> None:
    title = samples.titles()["truncated"]
    visit = lab(file=title, tab=TABS[0], view=WHY_VIEWS[2])
    ledger, members = visit.tables()
    assert "✗ not read" in [row[""] for row in ledger]
    assert [row["is"] for row in members] == ["pickle"]
    whole = lab(file=samples.titles()["safetensors"], tab=TABS[0], view=WHY_VIEWS[2])
    assert any("Nothing was left unread" in text.value for text in whole.app.markdown)


# What if?


def test_three_judges_say_what_they_find_in_the_same_bytes() -> None:
    visit = settle(lab(file=samples.titles()["renamed"], tab=TABS[1]))
    html = pages_html(visit)
    for judge in ("This scanner", "picklescan", "torch's list"):
        assert f"<h4>{judge}" in html
    assert "stops it: dangerous" in html
    assert visit.troubles() == []


def test_the_program_allows_what_torch_refuses_and_nothing_else() -> None:
    query = {"tab": TABS[1], "explore": WHAT_IF_VIEWS[1]}
    visit = lab(file=samples.titles()["simple_mlp"], **query)
    (program,) = [code.value for code in visit.app.code if "safe_globals" in code.value]
    tree = ast.parse(program)
    (listed,) = [
        [ast.unparse(each) for each in node.args[0].elts]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("safe_globals")
        and isinstance(node.args[0], ast.List)
    ]
    file = io.BytesIO(samples.sample("simple_mlp").data)
    refused = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    assert sorted(listed) == sorted(name.rpartition(".")[2] for name in refused)
    dangerous = lab(file=samples.titles()["planted"], **query)
    assert dangerous.verdicts()[-1] == "✗ nothing should be allowed"
    assert not [code for code in dangerous.app.code if "safe_globals" in code.value]


@pytest.fixture(scope="module")
def compiled() -> Iterator[None]:
    """The sandbox can be used."""
    native.native()
    sandbox.configure(folder=native.folder(), at_once=2)
    sandbox.prepare()
    until = time.monotonic() + 300
    while sandbox.readiness().state is ReadyState.PREPARING and time.monotonic() < until:
        time.sleep(0.1)
    assert sandbox.readiness().state is ReadyState.READY
    yield
    # The sandbox that was used ends with its workers.
    sandbox.configure(folder=native.folder(), at_once=2)


REHEARSED = {"tab": TABS[1], "explore": WHAT_IF_VIEWS[2]}


def test_a_rehearsal_is_run_when_asked_for_and_agrees(
    compiled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    start = sandbox.start

    def remembered(code: str | bytes, **asked: object) -> Run:
        started.append(code)
        return start(code, **asked)  # type: ignore[arg-type]

    monkeypatch.setattr(sandbox, "start", remembered)
    visit = settle(lab(file=samples.titles()["planted"], **REHEARSED))
    assert started == []
    press(visit, "pickles:rehearse")
    assert len(started) == 1
    assert visit.troubles() == []
    assert visit.verdicts()[-1] == "✓ they agree: the one call, as foretold"
    (row,) = visit.tables()[0]
    assert all(str(cell).startswith("os.system(") for name, cell in row.items() if name)
    visit.set(file=samples.titles()["ordered_dict"])
    assert "for another file" in visit.captions()
    assert len(started) == 1


def test_a_rehearsal_that_stops_early_is_not_said_to_have_made_all_calls(compiled: None) -> None:
    names = {"file": BUILT, "container": container_of(Container.JOBLIB).title}
    visit = press(settle(lab(**names, **REHEARSED)), "pickles:rehearse")
    calls = visit.numbers()["calls"]
    assert visit.verdicts()[-1] == f"✓ they agree as far as they came: 2 of {calls} calls"


def test_without_the_sandbox_one_line_says_so_and_the_rest_works(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = "The sandbox cannot be had on this machine."
    monkeypatch.setattr(sandbox, "readiness", lambda: Readiness(ReadyState.UNAVAILABLE, 3.0, 10.0, problem))
    monkeypatch.setattr(sandbox, "prepare", lambda: None)
    visit = lab(file=samples.titles()["planted"], **REHEARSED)
    assert visit.troubles() == [problem]
    assert visit.verdict() == "✗ dangerous"
    assert visit.app.button(key="pickles:rehearse").disabled


def test_a_call_that_was_found_before_is_a_call_again_where_it_is_made_again() -> None:
    visit = own("twice.pkl", PLANTED + PLANTED)
    for _ in range(2):
        press(visit, "pickles:call:next")
    steps = "".join(each.value for each in visit.app.html if "uth-tape" not in each.value)
    assert "<div class='name'>REDUCE" in steps
    assert CALL in steps
    assert f"os.system({samples.COMMAND!r})" in unescape(steps)


# In every format.


def test_the_formats_are_told_before_anything_is_measured() -> None:
    html = pages_html(lab(tab=FORMATS_TAB))
    for kind in KINDS.values():
        assert kind.title in html
        assert kind.risk.replace("`", "") in html.replace("<code>", "").replace("</code>", "")


def test_a_small_model_is_written_and_measured_in_every_format() -> None:
    visit = lab(
        tab=FORMATS_TAB, model=next(title for title, name in MODELS.items() if name == "scalar_linear")
    )
    press(visit, "pickles:formats:start")
    assert visit.troubles() == []
    rows = pages_html(visit).partition("uth-pk-formats")[2].split("<tr><td>")[1:]
    assert len(rows) == len(KINDS)
    assert all("ms" in row or "µs" in row or " s<" in row for row in rows)
    assert "✓ data-only" in rows[1]
    visit.set(model=FIRST_MODEL)
    assert "The inputs have changed since the last result" in visit.captions()


# Where does it break?


@pytest.mark.parametrize("title", list(EVASION_TITLES))
def test_an_evasion_is_scanned_once_it_was_guessed(title: str) -> None:
    evasion = EVASION_TITLES[title]
    visit = lab(tab=TABS[3], evasion=title)
    assert visit.app.button(key="pickles:evasion:scan").disabled
    before = len(tapes(visit))
    key = f"pickles:guess:{evasion.name}"
    visit.app.radio(key=key).set_value(Verdict.DATA_ONLY)
    visit.run()
    assert len(tapes(visit)) == before
    press(visit, "pickles:evasion:scan")
    right = evasion.name == "called"
    assert visit.verdicts()[2].startswith("✓ right: data-only" if right else "✗ not quite: ")
    said = visit.verdicts()[3].split(" ", 1)[1]
    assert (said == "data-only") is right
    press(visit, "pickles:evasion:look")
    assert visit.verdicts()[0].split(" ", 1)[1] == said


def test_the_evasions_are_of_every_verdict() -> None:
    found = set()
    for evasion in EVASIONS:
        if evasion.sample:
            sample = samples.sample(evasion.sample)
            found.add(scan(sample.data, sample.file_name).verdict)
        else:
            made = build(evasion.payload, evasion.container)
            found.add(scan(made.data, made.file_name).verdict)
    assert found == set(Verdict)


# Take it away, and links.


def downloads(visit: Visit) -> list[str]:
    return [each.proto.label for each in visit.app.get("download_button")]


def test_what_is_taken_away() -> None:
    assert downloads(lab(tab=TABS[4])) == ["report.json", "report.md", "scan_files.py"]
    state = lab(tab=TABS[4], file=samples.titles()["state_dict"])
    assert downloads(state) == [
        "report.json", "report.md", "load_it.py", "to_safetensors.py", "to_onnx.py", "scan_files.py",
    ]  # fmt: skip
    assert downloads(lab(tab=TABS[4], predict="true")) == ["scan_files.py"]


def test_the_address_holds_the_choices() -> None:
    query = {
        "file": BUILT, "payload": list(PAYLOAD_TITLES)[1], "container": list(CONTAINER_TITLES)[5],
        "tab": TABS[0], "step": "3",
    }  # fmt: skip
    visit = lab(**query)
    assert {key: visit.get(key) for key in query} == {**query, "step": 3}


def links(visit: Visit) -> dict[str, str]:
    """Where the links of a page lead, by their words."""
    return {
        each.proto.label: f"{each.proto.page}?{each.proto.query_string}"
        for each in visit.app.get("page_link")
    }


def test_the_onnx_lab_leads_to_the_same_model_in_every_format() -> None:
    title = next(title for title, name in MODELS.items() if name == "cnn")
    onnx = open_page("pages/onnx.py", {"tab": ONNX_TABS[3], "where": PLACES[1], "model": title})
    address = links(onnx)["The same weights in every format"]
    page, _, query = address.partition("?")
    assert page == "pickles"
    assert dict(parse_qsl(query)) == {"tab": FORMATS_TAB, "model": title}
    visit = lab(**dict(parse_qsl(query)))
    assert visit.notices() == []
    assert visit.app.selectbox(key="model").value == title


def test_a_model_that_only_the_onnx_lab_has_leads_to_the_tab_alone() -> None:
    title = next(title for title, name in ONNX_MODELS.items() if name not in MODELS.values())
    onnx = open_page("pages/onnx.py", {"tab": ONNX_TABS[3], "where": PLACES[1], "model": title})
    query = links(onnx)["The same weights in every format"].partition("?")[2]
    assert dict(parse_qsl(query)) == {"tab": FORMATS_TAB}


@pytest.mark.parametrize(
    ("key", "value"),
    [("file", "C:\\secret"), ("payload", "rm -rf"), ("container", "<b>"), ("step", "-1"), ("model", "gpt")],
)
def test_a_link_that_cannot_be_used_is_one_notice_and_the_worked_example(key: str, value: str) -> None:
    visit = lab(**{key: value})
    (notice,) = visit.notices()
    assert f"{key}=" in notice
    assert len(notice) < 400
    assert visit.get("file") == PAIR


def test_no_title_in_an_address_looks_like_a_key() -> None:
    for title in (*FILES, *PAYLOAD_TITLES, *CONTAINER_TITLES, *EVASION_TITLES, *MODELS):
        assert not is_secret(title)


def test_the_report_that_is_offered_is_the_scan_s() -> None:
    sample = samples.sample("planted")
    report = json.loads(scan(sample.data, sample.file_name).to_json())
    assert report["verdict"] == "dangerous"
    assert base64.b64encode(sample.data).decode() not in json.dumps(report)
