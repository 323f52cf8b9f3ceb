"""The limits: hosted is never looser than local, and each has bounds."""

from dataclasses import FrozenInstanceError, asdict, fields

import pytest

from core.limits import BOUNDS, HOSTED, LOCAL, Limits


def test_hosted_is_never_looser_than_local() -> None:
    assert all(value <= asdict(LOCAL)[name] for name, value in asdict(HOSTED).items())
    assert HOSTED != LOCAL


def test_each_limit_has_bounds_that_its_defaults_keep() -> None:
    assert list(BOUNDS) == [each.name for each in fields(Limits)]
    for limits in (LOCAL, HOSTED):
        for name, value in asdict(limits).items():
            least, most = BOUNDS[name]
            assert 1 <= least <= value <= most, name


def test_one_visitor_alone_cannot_take_all() -> None:
    for limits in (LOCAL, HOSTED):
        assert limits.max_jobs_per_visitor < limits.max_jobs
        assert limits.max_models_per_visitor < limits.max_models


def test_bytes_of_an_upload() -> None:
    assert Limits(max_upload_mb=3).max_upload_bytes == 3_145_728


def test_limits_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        LOCAL.max_jobs = 1  # type: ignore[misc]


def test_every_limit_is_explained() -> None:
    assert Limits.__doc__ is not None
    assert all(f"{each.name}: " in Limits.__doc__ for each in fields(Limits))
