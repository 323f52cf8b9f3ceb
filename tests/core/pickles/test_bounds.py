"""The bounds of a scan are numbers that allow something."""

from dataclasses import FrozenInstanceError, asdict

import pytest

from core.pickles.bounds import DEFAULT, Bounds


def test_every_bound_allows_something_and_none_is_endless() -> None:
    assert all(0 < value < 2**40 for value in asdict(DEFAULT).values())


def test_what_is_unpacked_fits_into_the_memory_of_a_worker() -> None:
    from core.pickles.worker import MEMORY_BYTES

    # The pieces and their whole are there at the same time.
    assert 2 * DEFAULT.member_bytes + DEFAULT.header_bytes < MEMORY_BYTES


def test_they_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Bounds().members = 1  # type: ignore[misc]
