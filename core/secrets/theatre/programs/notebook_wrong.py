"""Runs a cell as a notebook does, and saves what it showed: the value of the last line."""

import code
import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

# The last line was for a look at the value.
CELL = ["import os", "api_key = os.environ['API_KEY']", "api_key"]

if __name__ == "__main__":
    console = code.InteractiveConsole()
    with redirect_stdout(StringIO()) as shown:
        for line in CELL:
            console.push(line)

    result = {"output_type": "execute_result", "data": {"text/plain": shown.getvalue()}}
    cell = {"cell_type": "code", "source": "\n".join(CELL), "outputs": [result]}
    Path("analysis.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4}), encoding="utf-8")
