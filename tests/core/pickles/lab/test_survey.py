import pickle
import pickletools

from hypothesis import given
from hypothesis import strategies as st

from core.pickles import Bounds
from core.pickles.lab.samples import sample
from core.pickles.lab.stretches import Stretch, stretches
from core.pickles.lab.survey import BETWEEN, survey
from core.pickles.scan import scan


def test_every_opcode_lies_a_little_behind_the_one_that_is_given_for_its_offset() -> None:
    data = pickle.dumps([str(index) for index in range(3_000)], 2)
    about = survey(Stretch("member", 700, data))
    places = [(pos or 0) + 700 for _, _, pos in pickletools.genops(data)]
    assert about.count == len(places)
    for number, place in enumerate(places):
        assert 0 <= number - about.before(place) < BETWEEN


def test_it_counts_the_opcodes_of_all_pickles_of_a_stream() -> None:
    parts = [pickle.dumps(value, 4) for value in ([1, 2], "x", {"a": None})]
    count = sum(1 for part in parts for _ in pickletools.genops(part))
    assert survey(Stretch("", 0, b"".join(parts))).count == count


def test_a_file_within_the_stream_counts_as_one_argument() -> None:
    data = sample("simple_mlp_bare").data
    (stretch,) = stretches(data, scan(data))
    assert survey(stretch).count == sum(1 for _ in pickletools.genops(data))


def test_what_only_the_bounds_ended_is_not_whole() -> None:
    data = pickle.dumps(list(range(4_000)), 2)
    for bounds in (Bounds(opcodes=1_500), Bounds(values=500), Bounds(seconds=0.0)):
        assert not survey(Stretch("", 0, data), bounds).whole
    assert survey(Stretch("", 0, data)).whole
    assert survey(Stretch("", 0, data[:-30])).whole


@given(st.binary(max_size=300))
def test_no_bytes_stop_it(data: bytes) -> None:
    about = survey(Stretch("", 0, data))
    assert 0 <= about.count <= len(data)
    assert about.before(0) == 0
