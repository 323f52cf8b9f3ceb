import re
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from deploy.lock import LOCKED, SOURCES, blocks, hashes, pins

TEXT = LOCKED.read_text(encoding="utf-8")
BLOCKS = blocks(TEXT)
# The first line of an entry: name==version, and a marker where it is not for every system.
PINNED = {name: Requirement(re.split(r" \\\n|\n", block)[0]) for name, block in BLOCKS.items()}
# Where the image may run.
PLACES = [
    {"python_version": version, "python_full_version": f"{version}.9", "platform_machine": machine}
    for version in ("3.11", "3.12", "3.13")
    for machine in ("x86_64", "aarch64")
]
LINUX = {
    "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "implementation_name": "cpython",
    "platform_python_implementation": "CPython", "extra": "",
}  # fmt: skip


def version_of(name: str) -> str:
    (one,) = PINNED[name].specifier
    assert one.operator == "=="
    return one.version


def applies(requirement: Requirement, place: dict[str, str], extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate(LINUX | place | {"extra": extra}) for extra in extras | {""})


def test_every_entry_has_one_version_and_hashes() -> None:
    assert len(BLOCKS) > 50
    for name, block in BLOCKS.items():
        assert Version(version_of(name)).local is None
        assert hashes(block), name
        assert block.count("--hash=") == len(hashes(block)), name


def test_every_line_is_a_comment_or_belongs_to_an_entry() -> None:
    lines = [line for line in TEXT.splitlines() if not line.startswith("#")]
    assert lines == "\n".join(BLOCKS.values()).splitlines()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_what_the_app_asks_for_is_what_is_locked(path: object) -> None:
    for line in [
        line for source in SOURCES if source == path for line in pins(source.read_text(encoding="utf-8"))
    ]:
        asked = Requirement(line)
        name = canonicalize_name(asked.name)
        assert asked.specifier.contains(version_of(name)), name


def test_all_that_a_package_needs_is_locked_too() -> None:
    # The oracle is what the installed packages say themselves, where the version is the locked one.
    asked = [Requirement(line) for source in SOURCES for line in pins(source.read_text(encoding="utf-8"))]
    extras: dict[str, set[str]] = {canonicalize_name(one.name): set(one.extras) for one in asked}
    checked = []
    for name, pinned in PINNED.items():
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        if Version(found.version).public != version_of(name):
            continue
        checked.append(name)
        for line in found.requires or ():
            needed = Requirement(line)
            for place in PLACES:
                here = applies(pinned, place, set())
                if not here or not applies(needed, place, extras.get(name, set())):
                    continue
                other = canonicalize_name(needed.name)
                assert other in PINNED, f"{name} needs {line}"
                assert needed.specifier.contains(version_of(other), prereleases=True), f"{name} needs {line}"
                assert applies(PINNED[other], place, set()), f"{name} needs {line} at {place}"
    assert {canonicalize_name(one.name) for one in asked} <= set(checked)


def test_torch_is_the_build_for_a_cpu_alone() -> None:
    # Linux on x86-64 and aarch64, for each of three versions of Python, and no file besides.
    assert len(hashes(BLOCKS["torch"])) == 6
    assert not [name for name in BLOCKS if re.match(r"nvidia|cuda|triton", name)]


def test_no_index_is_named_but_pytorchs_own_in_a_comment() -> None:
    options = [line for line in TEXT.splitlines() if line.startswith("-")]
    assert not options
    addresses = [line for line in TEXT.splitlines() if "://" in line or "--find-links" in line]
    assert all(line.startswith("#") for line in addresses)
    assert set(re.findall(r"://([^/\s]+)", TEXT)) == {"download.pytorch.org"}
