"""The comparison of the two Netron servers: that both show the model, not how fast."""

import re
import subprocess
import sys

import onnx

from bench import export_netron


def test_the_model_has_ten_megabytes_of_weights_and_is_valid() -> None:
    data = export_netron.large_model()
    assert 10 * 2**20 < len(data) < 11 * 2**20
    onnx.checker.check_model(data)


def test_both_servers_show_it() -> None:
    # In a process of its own: Playwright may have a loop in this one already.
    program = (
        "from bench.__main__ import render; from bench.export_netron import seen; print(render(seen(1)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    assert "at most 2 times Netron's own server" in answer.stdout
    for name in (export_netron.OURS, export_netron.THEIRS):
        assert re.search(rf"^{name} +\d+", answer.stdout, re.MULTILINE)
