from email.message import Message
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import licenses
from deploy.licenses import ALLOWED, is_allowed, main, packages, table


@pytest.fixture
def installed(tmp_path: Path) -> "Installed":
    return Installed(tmp_path)


class Installed:
    """Packages that are made up, as files that importlib.metadata reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.found: list[Distribution] = []

    def add(self, name: str, version: str = "1.0", /, **fields: str | list[str]) -> "Installed":
        message = Message()
        message["Name"], message["Version"] = name, version
        for field, values in fields.items():
            for value in [values] if isinstance(values, str) else values:
                message[field.replace("_", "-")] = value
        folder = self._folder / f"{len(self.found)}" / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(str(message), encoding="utf-8")
        self.found.append(PathDistribution(folder))
        return self


OSI = "License :: OSI Approved :: "


@pytest.mark.parametrize(
    ("fields", "license_"),
    [
        ({"License_Expression": "MIT"}, "MIT"),
        ({"License_Expression": "Apache-2.0 OR BSD-2-Clause"}, "Apache-2.0 OR BSD-2-Clause"),
        ({"License": "MIT License"}, "MIT"),
        ({"License": "BSD"}, "BSD"),
        ({"Classifier": [f"{OSI}Apache Software License"]}, "Apache-2.0"),
        ({"Classifier": [f"{OSI}Mozilla Public License 2.0 (MPL 2.0)", "Topic :: Software"]}, "MPL-2.0"),
        ({"License": "MIT", "Classifier": [f"{OSI}MIT License"]}, "MIT"),
        ({"License": "BSD-2-Clause", "Classifier": [f"{OSI}BSD License"]}, "BSD-2-Clause; BSD"),
        # A whole text says less than the classifier does.
        (
            {"License": "Copyright (c) the authors. " + "Words. " * 40, "Classifier": [f"{OSI}BSD License"]},
            "BSD",
        ),
        ({"License": "UNKNOWN", "Classifier": [f"{OSI}MIT License"]}, "MIT"),
    ],
)
def test_a_license_is_read_wherever_a_package_says_it(
    installed: Installed, fields: dict[str, str | list[str]], license_: str
) -> None:
    (found,) = packages(installed.add("one", **fields).found)
    assert (found.license, found.accepted) == (license_, True)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"License": "UNKNOWN"},
        {"License": "GPL-3.0"},
        {"License_Expression": "AGPL-3.0-only"},
        {"Classifier": ["License :: Other/Proprietary License"]},
        {"Classifier": [f"{OSI}GNU General Public License v3 (GPLv3)"]},
        # One of two statements is enough to ask a person.
        {"License": "MIT", "Classifier": [f"{OSI}GNU Affero General Public License v3"]},
        {"License": "Copyright (c) the authors. " + "Words. " * 40},
        {"License_Expression": "MIT AND"},
    ],
)
def test_an_unknown_license_is_refused_by_name(
    installed: Installed, fields: dict[str, str | list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(installed.add("good", License="MIT").add("bad", "2.1", **fields).found) == 1
    out, err = capsys.readouterr()
    assert err.startswith("bad 2.1: got ")
    assert err.count("\n") == 1
    assert next(line for line in out.splitlines() if "<- not accepted" in line).startswith("bad ")
    assert out.endswith("2 packages, 1 with a license that is not accepted\n")


def test_the_first_of_two_packages_of_a_name_counts(installed: Installed) -> None:
    found = packages(installed.add("a.B", "1", License="MIT").add("a_b", "2", License="GPL").found)
    assert [(one.name, one.version) for one in found] == [("a.B", "1")]


def test_the_table_is_in_columns_by_name(installed: Installed) -> None:
    installed.add("zeta", "1", License="MIT").add("Alpha-long", "10.2", License="ISC")
    assert table(packages(installed.found)) == "Alpha-long  10.2  ISC\nzeta        1     MIT\n"


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("mit", True),
        ("GPL-2.0-only", False),
        ("MIT AND BSD-3-Clause", True),
        ("MIT AND GPL-2.0-only", False),
        ("GPL-2.0-only OR MIT", True),
        ("MIT OR GPL-2.0-only", True),
        # AND binds tighter than OR.
        ("MIT OR Zlib AND GPL-2.0-only", True),
        ("(MIT OR Zlib) AND GPL-2.0-only", False),
        ("GPL-2.0-only AND (MIT OR Zlib)", False),
        ("((MIT))", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("Apache-2.0 WITH LLVM-exception AND MIT", True),
        ("Apache-2.0 WITH Other-exception", False),
        ("GPL-2.0-only WITH LLVM-exception", False),
        ("", False),
        ("MIT MIT", False),
        ("(MIT", False),
        ("MIT)", False),
        ("()", False),
        ("AND", False),
        ("MIT WITH", False),
        ("MIT OR", False),
        ("(" * 100_000, False),
    ],
)
def test_an_expression_is_read_as_spdx_writes_it(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


NAMES = st.sampled_from([*sorted(ALLOWED), "GPL-3.0-only", "AGPL-3.0-only", "LicenseRef-Own"])
TREES = st.recursive(
    NAMES, lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner), max_leaves=12
)


def written(tree: object) -> str:
    return tree if isinstance(tree, str) else f"({written(tree[0])} {tree[1]} {written(tree[2])})"  # type: ignore[index]


def truth(tree: object) -> bool:
    if isinstance(tree, str):
        return tree in ALLOWED
    sides = [truth(tree[0]), truth(tree[2])]  # type: ignore[index]
    return all(sides) if tree[1] == "AND" else any(sides)  # type: ignore[index]


@given(TREES)
def test_an_expression_is_what_its_tree_says(tree: object) -> None:
    assert is_allowed(written(tree)) is truth(tree)


@given(st.text(alphabet="()MITANDORWH- ", max_size=40))
def test_no_text_breaks_the_reading(text: str) -> None:
    assert is_allowed(text) in {True, False}


def test_everything_that_is_installed_here_is_accepted() -> None:
    assert [one for one in packages(licenses.installed()) if not one.accepted] == []
