"""Entropy against its definition and against NumPy-free arithmetic done another way."""

import hashlib
import math
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.leaks.entropy import BASE64_LIMIT, LONGEST, entropy, is_fingerprint, looks_random
from tests.core.secrets.leaks.fakes import chance, draw


@pytest.mark.parametrize(
    ("text", "bits"), [("", 0.0), ("aaaa", 0.0), ("ab", 1.0), ("aabb", 1.0), ("abcd", 2.0), ("01234567", 3.0)]
)
def test_known_entropies(text: str, bits: float) -> None:
    assert entropy(text) == pytest.approx(bits)


@given(st.text(min_size=1, max_size=200))
def test_entropy_is_the_mean_surprise(text: str) -> None:
    # The same by H = log2 n - (1/n) Σ k log2 k over the counts k.
    counts = [text.count(character) for character in set(text)]
    expected = math.log2(len(text)) - sum(k * math.log2(k) for k in counts) / len(text)
    assert entropy(text) == pytest.approx(expected, abs=1e-9)
    assert -1e-9 <= entropy(text) <= math.log2(len(text)) + 1e-9


@pytest.mark.parametrize("seed", range(20))
def test_a_random_key_looks_random(seed: int) -> None:
    text = draw(chance(seed), 48)
    assert looks_random(text) is (entropy(text) > BASE64_LIMIT)
    assert looks_random(draw(chance(seed), 64))


@pytest.mark.parametrize(
    "text",
    [
        "the quick brown fox jumps over the lazy dog",
        "core.secrets.leaks.entropy.looks_random",
        "/usr/lib/python3/dist-packages/numpy/core",
        "https://example.org/a/rather/long/path?with=query",
        "AnUpperCamelCaseNameThatIsRatherLongAndHasNoDigit",
        "12345678901234567890123456789012345",
        "a" * 40,
        "short1A",
        "",
    ],
)
def test_words_paths_and_numbers_do_not(text: str) -> None:
    assert not looks_random(text)


def test_data_is_too_long_to_be_a_key() -> None:
    assert not looks_random(draw(chance(1), LONGEST + 1))
    assert looks_random(draw(chance(1), LONGEST))


@given(st.binary(max_size=50))
def test_digests_and_uuids_are_fingerprints(data: bytes) -> None:
    for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
        digest = hashlib.new(name, data, usedforsecurity=False)
        assert is_fingerprint(digest.hexdigest())
        assert is_fingerprint(digest.hexdigest().upper())
        assert not looks_random(digest.hexdigest())
    assert is_fingerprint(str(uuid.uuid5(uuid.NAMESPACE_DNS, data.hex())))


def test_an_integrity_value_is_a_fingerprint() -> None:
    assert is_fingerprint("sha384-" + draw(chance(1), 64))
    assert not is_fingerprint(draw(chance(1), 41, "0123456789abcdef"))
