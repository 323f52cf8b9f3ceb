"""What the names of files promise, held against what the files are."""

import pytest

from core.pickles.formats import EXPECTED, Format, misnamed, promises, unloadable


@pytest.mark.parametrize(
    "name", ["a.safetensors", "MODEL.ONNX", "x.tar.npy", "a.json", "a.gguf", "a.h5", "a.txt"]
)
def test_a_name_that_promises_data_and_holds_a_pickle_is_told(name: str) -> None:
    assert "pickle" in misnamed(name, Format.PICKLE)
    assert misnamed(name, Format.TORCH_ZIP)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("model.pt", Format.TORCH_ZIP),
        ("model.pkl", Format.PICKLE),
        ("model", Format.PICKLE),
        ("model.unheard", Format.PICKLE),
        ("", Format.PICKLE),
        ("model.safetensors", Format.SAFETENSORS),
        ("model.npz", Format.NPZ),
        ("model.safetensors", Format.TEXT),
    ],
)
def test_other_names_are_not(name: str, kind: Format) -> None:
    assert misnamed(name, kind) == ""


@pytest.mark.parametrize(
    ("name", "kind", "loads"),
    [
        ("a.pt", Format.TORCH_ZIP, True),
        ("a.pt", Format.ZIP, False),
        ("a.pt", Format.TEXT, False),
        ("a.pkl", Format.TEXT, False),
        ("a.PKL", Format.UNKNOWN, False),
        ("a.onnx", Format.SAFETENSORS, False),
        ("a.h5", Format.NPY, False),
        ("a.zip", Format.ZIP, True),
        ("a.json", Format.TEXT, True),
        ("a.txt", Format.UNKNOWN, True),
        ("a.unheard", Format.TEXT, True),
        ("a", Format.TEXT, True),
        ("a.onnx", Format.PICKLE, True),
    ],
)
def test_what_no_loader_of_such_files_reads_is_told(name: str, kind: Format, *, loads: bool) -> None:
    # A pickle under another name is told of by its name: it may be loaded as what it is.
    assert (unloadable(name, kind) == "") == loads


def test_every_format_that_a_name_may_stand_for_is_known() -> None:
    assert all(kinds and ending.startswith(".") for ending, kinds in EXPECTED.items())


@pytest.mark.parametrize("name", ["model", "model.unheard", "a.pt/b", "model.pt.", ""])
def test_a_name_that_promises_nothing_is_never_wrong(name: str) -> None:
    assert not promises(name)
    assert not any(misnamed(name, kind) or unloadable(name, kind) for kind in Format)


@pytest.mark.parametrize("name", ["model.pt", "A.NPY", ".zip"])
def test_a_name_that_promises_something_is_looked_at(name: str) -> None:
    assert promises(name)
    assert any(misnamed(name, kind) or unloadable(name, kind) for kind in Format)
