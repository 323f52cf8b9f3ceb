import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.pickles.lab import witness

SCRIPT = Path(witness.__file__)


def test_where_this_app_can_be_imported_it_does_not_testify(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="nothing would be shown"):
        witness.testify(tmp_path, {})


def test_alone_it_says_of_each_file_what_became_of_it(tmp_path: Path) -> None:
    torch.save({"args": (), "kwargs": {}, "outputs": ()}, tmp_path / "example.pt")
    torch.save({"w": torch.ones(2)}, tmp_path / "good.pt")
    (tmp_path / "bad.onnx").write_bytes(b"nonsense")
    (tmp_path / "files.json").write_text(json.dumps({"state_dict": "good.pt", "onnx": "bad.onnx"}))
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    good, bad = [json.loads(line) for line in done.stdout.splitlines()]
    assert good == {"format": "state_dict", "loaded": True, "ran": False, "error": ""}
    assert (bad["loaded"], bad["ran"]) == (False, False)
    assert bad["error"]


def test_what_is_computed_is_held_against_what_is_expected() -> None:
    example = {"args": (torch.ones(2),), "kwargs": {"k": torch.ones(2)}, "outputs": (torch.full((2,), 2.0),)}
    assert witness.computes(lambda x, k: x + k, example)
    assert not witness.computes(lambda x, k: x - k, example)
    assert not witness.computes(lambda x, k: (x + k, k), example)
    assert not witness.computes(None, example)


def test_the_outputs_of_a_call_are_told_in_order() -> None:
    one, two, three = (torch.tensor(float(number)) for number in range(3))
    assert witness.flat({"a": one, "b": [two, (three,)]}) == [one, two, three]
