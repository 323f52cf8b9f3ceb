"""Tensors in nested values: what layers take and give may be tuples, lists, dicts and dataclasses."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor


def tensors_in(value: object, name: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors in a value, each with where it is: `output`, `output[1]`, `output['class']`."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from tensors_in(item, f"{name}[{key!r}]")
    elif isinstance(value, tuple | list):
        for place, item in enumerate(value):
            yield from tensors_in(item, f"{name}[{place}]")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from tensors_in(getattr(value, field.name), f"{name}.{field.name}")


def map_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:  # noqa: ANN401 - any nested value
    """The same value with every floating-point tensor changed; the containers are made anew."""
    if isinstance(value, Tensor):
        return change(value) if value.is_floating_point() or value.is_complex() else value
    if isinstance(value, dict):
        made = copy.copy(value)
        for key, item in value.items():
            made[key] = map_tensors(item, change)
        return made
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (field.name for field in dataclasses.fields(value))
        return dataclasses.replace(
            value, **{name: map_tensors(getattr(value, name), change) for name in fields}
        )
    if isinstance(value, list):
        return [map_tensors(item, change) for item in value]
    if isinstance(value, tuple):
        changed = [map_tensors(item, change) for item in value]
        return type(value)(*changed) if hasattr(value, "_fields") else tuple(changed)
    return value


def kind_of(value: object) -> str:
    """What a value is, in a word or two for a reader: `a tensor`, `a dict`, `nothing`."""
    if value is None:
        return "nothing"
    name = "tensor" if isinstance(value, Tensor) else type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
