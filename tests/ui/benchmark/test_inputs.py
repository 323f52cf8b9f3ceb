import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.benchmark import BenchmarkError
from core.benchmark.plan import MAX_CASES
from ui.benchmark.inputs import whole_numbers


@given(st.lists(st.integers(0, 10**9 - 1), min_size=1, max_size=MAX_CASES), st.sampled_from([", ", ",", " "]))
def test_a_list_of_whole_numbers_is_read_each_once(numbers: list[int], between: str) -> None:
    assert whole_numbers("Batches", between.join(map(str, numbers))) == tuple(dict.fromkeys(numbers))


@given(
    st.text(max_size=200).filter(lambda text: not text.replace(",", " ").split()[:1] or not text.isascii())
)
def test_what_is_no_list_is_one_line(text: str) -> None:
    with pytest.raises(BenchmarkError) as caught:
        whole_numbers("Batches", text)
    assert str(caught.value).startswith("Batches: got ")
    assert len(str(caught.value).splitlines()) == 1


@given(st.text(alphabet="0123456789, x.-", max_size=60))
def test_a_text_is_read_or_refused_as_its_words_are_numbers(text: str) -> None:
    words = text.replace(",", " ").split()
    if words and all(word.isdigit() and len(word) < 10 for word in words):
        assert set(whole_numbers("Batches", text)) == {int(word) for word in words}
    else:
        with pytest.raises(BenchmarkError):
            whole_numbers("Batches", text)


def test_more_than_can_be_measured_is_refused() -> None:
    with pytest.raises(BenchmarkError, match=f"expected 1 to {MAX_CASES} whole numbers"):
        whole_numbers("Batches", " ".join("1" for _ in range(MAX_CASES + 1)))
