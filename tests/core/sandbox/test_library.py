import io
import zipfile

import pytest

from core.sandbox.library import BOOT_MODULE, MAX_LIBRARY, unpacked
from core.sandbox.result import SandboxError
from core.sandbox.wasi_files import File, FileTree, Folder


def handed_over(files: dict[str, bytes], boot: bytes = b"boot") -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return len(boot).to_bytes(4, "little") + boot + archive.getvalue()


def test_modules_are_where_the_interpreter_looks_for_them() -> None:
    library = unpacked(
        handed_over({"os.pyc": b"O", "encodings/__init__.pyc": b"E", "encodings/utf_8.pyc": b"U"})
    )
    tree = FileTree({}, library=library)

    def data(path: str) -> bytes:
        node = tree.find(tree.root, path)
        assert isinstance(node, File)
        return node.data

    assert data("lib/python3.12/os.pyc") == b"O"
    assert data("lib/python3.12/encodings/__init__.pyc") == b"E"
    assert data("lib/python3.12/encodings/utf_8.pyc") == b"U"
    assert data(f"lib/python3.12/{BOOT_MODULE}") == b"boot"
    assert isinstance(tree.find(tree.root, "lib/python3.12/lib-dynload"), Folder)


def test_its_inodes_are_never_those_of_given_files() -> None:
    library = unpacked(handed_over({"os.pyc": b"O"}))
    tree = FileTree({f"{number}": b"" for number in range(256)}, library=library)
    given = {node.inode for name, node in tree.root.entries.items() if name != "lib"}
    assert library.inode not in given
    assert min(library.inode, library.entries["python3.12"].inode) > max(given)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\0",
        b"\xff\xff\xff\xffboot",
        b"\4\0\0\0bootno archive",
        handed_over({"a.pyc": b"x" * 99})[:-30],
    ],
)
def test_what_is_no_library_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(SandboxError, match=r"^The interpreter's library could not be read\.$"):
        unpacked(data)


def test_a_file_cannot_be_a_folder_too() -> None:
    with pytest.raises(SandboxError):
        unpacked(handed_over({"a": b"", "a/b": b""}))


def test_a_library_does_not_expand_without_end() -> None:
    with pytest.raises(SandboxError, match="larger"):
        unpacked(handed_over({"a.pyc": bytes(MAX_LIBRARY + 1)}))
