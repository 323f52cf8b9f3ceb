"""Writes a bug report, and an f-string puts the value into it."""

import os
from pathlib import Path

if __name__ == "__main__":
    model = "small"
    api_key = os.environ["API_KEY"]

    # The = sign writes the name and the value.
    report = f"The call failed: {model=} {api_key=}"
    Path("bug_report.txt").write_text(report, encoding="utf-8")
