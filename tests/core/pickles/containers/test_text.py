"""Texts, programs and archives: data-only only where nothing could take them for a program."""

import dbm.dumb
import gzip
from pathlib import Path

import pytest

from core.pickles.formats import Format
from core.pickles.scan import scan
from core.pickles.verdict import Verdict

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n"
MODELS = (".pt", ".pkl", ".safetensors", ".npy", ".npz", ".onnx", ".joblib", ".h5", ".gguf", ".tar", ".gz")


@pytest.mark.parametrize(
    ("data", "name", "kind", "verdict"),
    [
        (b"words\n", "readme.md", Format.TEXT, Verdict.DATA_ONLY),
        (b'{"layers": 3}', "config.json", Format.TEXT, Verdict.DATA_ONLY),
        (b"dog\ncat\n", "labels.txt", Format.TEXT, Verdict.DATA_ONLY),
        (b"cat\ndog\n", "labels.txt", Format.TEXT, Verdict.NEEDS_TRUST),
        (b"config.json\nmodel.bin\n", "files.txt", Format.TEXT, Verdict.NEEDS_TRUST),
        (b"cos\nsystem\n", "labels.txt", Format.PICKLE, Verdict.DANGEROUS),
        (b"print(1)\n", "setup.py", Format.TEXT, Verdict.NEEDS_TRUST),
        (b'{"class_name": "Lambda"}', "model.json", Format.TEXT, Verdict.NEEDS_TRUST),
        (b"a: !!python/object/apply:os.system [echo never]\n", "a.yaml", Format.TEXT, Verdict.NEEDS_TRUST),
        (b"'k', (28, 40)\n", "shelf.dir", Format.TEXT, Verdict.NEEDS_TRUST),
        (b"(\"a'b\\n\", [0, 0x10])\n'c', (512, 5)\n", "shelf", Format.TEXT, Verdict.NEEDS_TRUST),
        (b"'k', ((530), 60)\n", "shelf.dir", Format.TEXT, Verdict.NEEDS_TRUST),
        (b"'k', (\x0c530, 60)\n", "shelf.dir", Format.TEXT, Verdict.NEEDS_TRUST),
        (b"('k', -{+True, 60})\n", "shelf.dir", Format.TEXT, Verdict.NEEDS_TRUST),
        (b"'k'" + b",(" * 50_000, "words.txt", Format.TEXT, Verdict.DATA_ONLY),
        (b"'k', (words)\n", "words.txt", Format.TEXT, Verdict.DATA_ONLY),
        (b"'k', 28, 40\n", "numbers.csv", Format.TEXT, Verdict.DATA_ONLY),
        (b"'k' (28, 40)\n", "words.txt", Format.TEXT, Verdict.DATA_ONLY),
        (gzip.compress(b"print(1)\n"), "setup.py.gz", Format.GZIP, Verdict.NEEDS_TRUST),
        (gzip.compress(b"words\n"), "readme.md.gz", Format.GZIP, Verdict.DATA_ONLY),
        (b"import os; print(1)\n", "a.pth", Format.TEXT, Verdict.COULD_NOT_READ),
        (POINTER, "model.bin", Format.TEXT, Verdict.COULD_NOT_READ),
        (POINTER, "", Format.TEXT, Verdict.COULD_NOT_READ),
        *((b"<html>Not found</html>", f"a{end}", Format.TEXT, Verdict.COULD_NOT_READ) for end in MODELS),
        (b"#!/bin/sh\necho never\n", "", Format.PROGRAM, Verdict.COULD_NOT_READ),
        (b"\x7fELF\x02\x01\x01" + bytes(100), "lib.so", Format.PROGRAM, Verdict.COULD_NOT_READ),
        (b"7z\xbc\xaf\x27\x1c" + bytes(100), "a.7z", Format.ARCHIVE, Verdict.COULD_NOT_READ),
        (b"\x28\xb5\x2f\xfd" + bytes(100), "a.zst", Format.ARCHIVE, Verdict.COULD_NOT_READ),
        (b"\xff\xd8\xff\xe0" + bytes(100), "a.jpg", Format.UNKNOWN, Verdict.COULD_NOT_READ),
    ],
)
def test_what_is_no_model(data: bytes, name: str, kind: Format, verdict: Verdict) -> None:
    report = scan(data, name)
    assert (report.format, report.verdict) == (kind, verdict)


def test_the_directory_that_python_writes_for_a_shelf_needs_trust(tmp_path: Path) -> None:
    with dbm.dumb.open(str(tmp_path / "shelf"), "n") as shelf:
        shelf["it's a key"] = b"value"
    data = (tmp_path / "shelf.dir").read_bytes()
    assert scan(data, "shelf.dir").verdict is Verdict.NEEDS_TRUST
