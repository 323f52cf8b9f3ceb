import pytest

from core.pickles import scan
from core.pickles.lab import wrappers
from core.pickles.lab.payloads import Container, Payload, build
from core.pickles.lab.samples import sample
from core.pickles.lab.stretches import stretches


@pytest.mark.parametrize(
    "container",
    [
        Container.PROTOCOL_0, Container.PROTOCOL_2, Container.PROTOCOL_4, Container.TORCH_ZIP, Container.NPY,
        Container.TAR, Container.NESTED_ZIP, Container.RENAMED, Container.APPENDED, Container.INJECTED,
    ],
)  # fmt: skip
def test_the_stretch_is_the_pickle_at_its_place_in_the_file(container: Container) -> None:
    built = build(Payload.COMMAND, container)
    (stretch,) = stretches(built.data, scan(built.data, built.file_name))
    assert built.data[stretch.offset :].startswith(stretch.data)
    assert stretch.data.endswith(b".")
    assert b"os" in stretch.data


def test_an_array_within_an_archive_begins_behind_its_own_header() -> None:
    built = build(Payload.COMMAND, Container.NPY)
    data = wrappers.zipped({"a.npy": built.data})
    (stretch,) = stretches(data, scan(data, "a.npz"))
    assert built.data.endswith(stretch.data)
    assert stretch.data[:2] == b"\x80\x04"
    assert data[stretch.offset :].startswith(stretch.data)


def test_a_checkpoint_has_its_pickle_and_not_its_numbers() -> None:
    data = sample("state_dict").data
    (stretch,) = stretches(data, scan(data))
    assert stretch.member == "archive/data.pkl"
    assert stretch.data[:2] == b"\x80\x02"


def test_joblib_is_told_apart_because_no_plain_unpickler_reads_it() -> None:
    built = build(Payload.COMMAND, Container.JOBLIB)
    (stretch,) = stretches(built.data, scan(built.data, built.file_name))
    assert stretch.arrays


@pytest.mark.parametrize("name", ["safetensors", "onnx", "joblib"])
def test_what_is_no_pickle_or_is_compressed_has_none(name: str) -> None:
    data = sample(name).data
    assert stretches(data, scan(data)) == ()


def test_the_same_bytes_are_not_told_twice() -> None:
    data = sample("polyglot").data
    places = [(stretch.offset, len(stretch.data)) for stretch in stretches(data, scan(data))]
    assert len(places) == len(set(places))
