"""The text that makes the zoo's models and their inputs, after `core.zoo_source` has given their code."""

from __future__ import annotations

from core import zoo_source
from core.zoo import Input, ZooModel


def builder(made: ZooModel, seed: int) -> str:
    """Two functions: one makes the model, one its inputs."""
    names = [zoo_source.variable(each) for each in made.inputs]
    draws = [f"    {name} = {_drawn(each)}" for name, each in zip(names, made.inputs, strict=True)]
    positional = [name for name, each in zip(names, made.inputs, strict=True) if not each.keyword]
    keyword = [
        f'"{each.name}": {name}' for name, each in zip(names, made.inputs, strict=True) if each.keyword
    ]
    return "\n".join([
        f"def make_{made.name}():",
        f'    """{made.title}: the same seed gives the same weights."""',
        f"    torch.manual_seed({seed})",
        f"    return {zoo_source.construction(made)}.eval()",
        "",
        "",
        f"def {made.name}_inputs(batch, seed={seed}):",
        '    """Random numbers for a batch: the arguments by place, and those by name."""',
        "    generator = torch.Generator().manual_seed(seed)",
        *draws,
        f"    return ({', '.join(positional)},), {{{', '.join(keyword)}}}",
    ])  # fmt: skip


def entry(made: ZooModel) -> str:
    """The model's line in the table of models: how it is made, its inputs, and their names."""
    return f'    "{made.name}": (make_{made.name}, {made.name}_inputs, {_names(made)}),'


def dynamic(made: ZooModel) -> str:
    """The model's line in the table of open axes."""
    axes = ", ".join(f'"{name}": {{{axis}: "batch"}}' for name, axis in made.batch_axes.items())
    return f'    "{made.name}": {{{axes}}},'


def _names(made: ZooModel) -> str:
    return f"({', '.join(f'{name!r}'.replace(chr(39), chr(34)) for name in made.input_names)},)"


def _drawn(each: Input) -> str:
    sizes = ", ".join(map(str, ("batch", *each.shape)))
    moved = f".movedim(0, {each.batch_axis}).contiguous()" if each.batch_axis else ""
    return f"torch.randn({sizes}, generator=generator){moved}"
