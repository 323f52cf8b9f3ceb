"""The comparison of the two Netron servers: that both show the model, not how fast."""

import onnx

from bench import export_netron
from bench.__main__ import render


def test_the_model_has_ten_megabytes_of_weights_and_is_valid() -> None:
    data = export_netron.large_model()
    assert 10 * 2**20 < len(data) < 11 * 2**20
    onnx.checker.check_model(data)


def test_both_servers_show_it() -> None:
    table = export_netron.seen(1)
    assert [row[0] for row in table.rows] == [export_netron.OURS, export_netron.THEIRS]
    assert all(isinstance(row[1], float) and row[1] > 0 for row in table.rows)
    assert len(table.targets) == 1
    assert "at most 2 times" in render(table)
