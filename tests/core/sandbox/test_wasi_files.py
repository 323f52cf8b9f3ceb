import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sandbox.abi import Errno
from core.sandbox.guest import Guest
from core.sandbox.result import SandboxError
from core.sandbox.wasi_files import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_FILES,
    MAX_PATH,
    MAX_REPORT,
    RESERVED,
    File,
    FileError,
    FileTree,
    Folder,
    Node,
    Sink,
    check_files,
    listing,
)
from tests.core.sandbox.doubles import order

FILES = {"a.txt": b"A", "/b/c.txt": b"C", "b/d/e.txt": b"E"}
ALL = {"a.txt", "b", "b/c.txt", "b/d", "b/d/e.txt", "program.py", "report", ".error"}
FOLDERS = {"", "b", "b/d"}


def errno(tree: FileTree, path: str, start: Folder | None = None) -> Errno:
    with pytest.raises(FileError) as failed:
        tree.find(start or tree.root, path)
    return failed.value.errno


def test_given_files_are_found_with_and_without_the_slash() -> None:
    tree = FileTree(FILES, b"P")
    found = [tree.find(tree.root, path) for path in ("a.txt", "b/c.txt", "b/d/e.txt", "program.py")]
    assert [node.data for node in found if isinstance(node, File)] == [b"A", b"C", b"E", b"P"]
    assert isinstance(tree.find(tree.root, "b/d"), Folder)


@given(
    st.lists(st.sampled_from(["a.txt", "b", "c.txt", "d", "e.txt", "..", ".", "", "x", "..."]), max_size=8)
)
def test_a_path_leads_where_it_leads_in_any_other_system_but_never_out(parts: list[str]) -> None:
    tree = FileTree(FILES)
    path = "/".join(parts)
    try:
        node = tree.find(tree.root, path)
    except FileError:
        return
    # The oracle: step by step by the standard library, in a set of names.
    here = ""
    for part in parts:
        assert here in FOLDERS
        here = posixpath.normpath(posixpath.join(here, part)).removeprefix(".") if part else here
        assert not here.startswith("..")
        assert here in ALL | {""}
    assert isinstance(node, Folder) == (here in FOLDERS)


@given(st.lists(st.sampled_from(["b", "d", "..", "."]), max_size=10))
def test_no_path_fails_that_stays_inside(parts: list[str]) -> None:
    tree = FileTree(FILES)
    depth = 0
    for step in parts:
        depth += {"..": -1, ".": 0}.get(step, 1)
        if depth < 0:
            break
    found: list[Errno] = []
    try:
        tree.find(tree.root, "/".join(parts) or ".")
    except FileError as error:
        found.append(error.errno)
    assert found in ([], [Errno.NOENT]) or depth < 0


def test_what_leads_out_is_refused() -> None:
    tree = FileTree(FILES)
    below = tree.find(tree.root, "b")
    assert isinstance(below, Folder)
    assert errno(tree, "..") is Errno.NOTCAPABLE
    assert errno(tree, "b/../..") is Errno.NOTCAPABLE
    assert errno(tree, "..", below) is Errno.NOTCAPABLE
    assert errno(tree, "../a.txt", below) is Errno.NOTCAPABLE
    assert errno(tree, "/a.txt") is Errno.NOTCAPABLE


def test_what_is_not_there_has_its_own_errors() -> None:
    tree = FileTree(FILES)
    assert errno(tree, "") is Errno.NOENT
    assert errno(tree, "x") is Errno.NOENT
    assert errno(tree, "x/../a.txt") is Errno.NOENT
    assert errno(tree, "a.txt/x") is Errno.NOTDIR
    assert errno(tree, "a.txt/") is Errno.NOTDIR
    assert errno(tree, "a.txt/..") is Errno.NOTDIR


def test_only_given_files_are_listed_and_the_two_that_are_always_there() -> None:
    library = Folder(99)
    tree = FileTree(FILES, library=library)
    assert [name for name, _ in listing(tree.root)] == [".", "..", "a.txt", "b", "program.py", "report"]
    assert tree.find(tree.root, "lib") is library


def test_every_inode_is_another() -> None:
    tree = FileTree(FILES)
    nodes = [tree.find(tree.root, path) for path in sorted(ALL)] + [tree.root]
    assert len({node.inode for node in nodes}) == len(nodes)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "is no file name"),
        ("/", "is no file name"),
        ("a//b", "is no file name"),
        ("../a", "is no file name"),
        ("a/../../b", "is no file name"),
        ("a/.", "is no file name"),
        ("a\0b", "is no file name"),
        ("a/", "is no file name"),
        ("//etc/passwd", "is no file name"),
        ("program.py", "is taken"),
        ("/program.py/x", "is taken"),
        ("report", "is taken"),
        (".error", "is taken"),
        ("lib/python3.12/os.py", "is taken"),
        ("usr/x", "is taken"),
        ("pyvenv.cfg", "is taken"),
        ("/pybuilddir.txt", "is taken"),
        ("Modules/Setup.local", "is taken"),
        ("a" * (MAX_PATH + 1), "is too long"),
        ("/".join("a" * (MAX_DEPTH + 1)), "is too long"),
        ("\ud800", "is no text"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_in_one_line(name: str, says: str) -> None:
    with pytest.raises(SandboxError, match=says) as refused:
        check_files({name: b""})
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200
    with pytest.raises(SandboxError):
        FileTree({name: b""})


def test_no_given_file_is_where_the_interpreter_looks_when_it_starts(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    find = FileTree.find

    def note(self: FileTree, start: Folder, path: str) -> Node:
        if not self.opened:
            asked.append(path)
        return find(self, start, path)

    monkeypatch.setattr(FileTree, "find", note)
    assert guest.run(order("pass")).ok
    assert "program.py" in asked
    assert {path.split("/")[0] for path in asked} <= RESERVED | {"."}


@given(st.text(max_size=30))
def test_any_other_name_is_found_again(name: str) -> None:
    try:
        tree = FileTree({name: b"x"})
    except SandboxError:
        return
    node = tree.find(tree.root, name.removeprefix("/"))
    assert isinstance(node, File)
    assert node.data == b"x"


@pytest.mark.parametrize(
    "files",
    [{"a": b"", "/a": b""}, {"a": b"", "a/b": b""}, {"a/b": b"", "a": b""}, {"x/y": b"", "x/y/z": b""}],
)
def test_names_that_clash_are_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(SandboxError, match="folder"):
        FileTree(files)


def test_number_and_size_are_bounded() -> None:
    check_files({f"{number}": b"" for number in range(MAX_FILES)})
    with pytest.raises(SandboxError, match=r"257 files were given; at most 256"):
        check_files({f"{number}": b"" for number in range(MAX_FILES + 1)})
    half = bytes(MAX_BYTES // 2)
    check_files({"a": half, "b": half})
    with pytest.raises(SandboxError, match=r"The files have 16,777,217 bytes; at most 16,777,216"):
        check_files({"a": half, "b": half, "c": b"x"})


def test_a_sink_keeps_what_is_written_where_it_is_written() -> None:
    sink = Sink(1, 10)
    sink.write(0, b"abc")
    sink.write(5, b"fg")
    sink.write(1, b"B")
    assert sink.data == b"aBc\0\0fg"
    sink.resize(2)
    assert sink.data == b"aB"
    sink.resize(4)
    assert sink.data == b"aB\0\0"


@given(st.lists(st.tuples(st.integers(0, 2**64), st.binary(max_size=20)), max_size=10))
def test_a_sink_never_grows_beyond_its_limit(writes: list[tuple[int, bytes]]) -> None:
    sink = Sink(1, 30)
    for offset, data in writes:
        before = bytes(sink.data)
        if offset + len(data) <= 30:
            sink.write(offset, data)
            assert sink.data[offset : offset + len(data)] == data
        else:
            with pytest.raises(FileError) as failed:
                sink.write(offset, data)
            assert failed.value.errno is Errno.NOSPC
            assert sink.data == before
        assert len(sink.data) <= 30


def test_the_report_is_bounded() -> None:
    tree = FileTree({})
    assert tree.report.limit == MAX_REPORT
    with pytest.raises(FileError):
        tree.report.resize(MAX_REPORT + 1)
    assert FileTree({}, report_bytes=7).report.limit == 7
