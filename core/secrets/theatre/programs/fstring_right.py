"""Writes a bug report, and the key is of a type that shows stars."""

import os
from pathlib import Path

from pydantic import SecretStr

if __name__ == "__main__":
    model = "small"
    # Only api_key.get_secret_value() opens it: one place to look for.
    api_key = SecretStr(os.environ["API_KEY"])

    report = f"The call failed: {model=} {api_key=}"
    Path("bug_report.txt").write_text(report, encoding="utf-8")
