"""What a visitor of the soak does: goes from lab to lab, changes inputs, starts runs, gives files."""

from __future__ import annotations

import asyncio
import pickle
import random
import time
from collections.abc import Sequence
from typing import Final

from onnx import TensorProto, helper

from bench.soak_visitor import Visitor, Widget

LABS: Final = ("", "autograd", "hooks", "onnx", "pickles", "contracts", "runs", "secrets")
OWN_FILE: Final = "Your own .onnx file"
OWN_PICKLE: Final = "Your own file"
SEEDS: Final = (0, 1, 2)
"""The seeds that visitors choose: many ask for the same export, as in a class."""

_RUNS: Final = frozenset({
    "hooks:training:start", "hooks:compiled:start", "hooks:measured:start",
    "onnx:layers:start", "onnx:cases:start", "onnx:duel:start", "live:stop",
    "pickles:rehearse", "pickles:formats:start", "pickles:call:next",
    "contracts:own:run", "contracts:pair:again", "contracts:swap:run", "contracts:layer:run",
})  # fmt: skip
_CHANGED: Final = frozenset({
    "number_input", "selectbox", "button_group", "checkbox", "slider", "tabs", "expander", "popover",
})  # fmt: skip
# Of the frame.
_LEFT_ALONE: Final = frozenset({"projector", "predict"})
# Where a word that means nothing leaves the page without a result.
_NO_WORDS: Final = frozenset({"axes", "outputs"})


async def walk(
    visitor: Visitor, until: float, think: float, chance: random.Random, *, measures: bool = False
) -> None:
    """From lab to lab in random order until a moment.

    Args:
        visitor: whose visit it is.
        until: by `time.monotonic`.
        think: seconds between two actions, on average.
        chance: what decides.
        measures: whether it asks for a benchmark too, once.
    """
    given = False
    while time.monotonic() < until:
        for lab in chance.sample(pages(visitor), len(pages(visitor))):
            await visitor.go(lab)
            await _rest(think, chance)
            await write_canary(visitor)
            if lab == "pickles":
                await give_pickle(visitor)
            if lab == "onnx" and not given:
                given = True
                await give_file(visitor)
                if measures:
                    await visitor.set("tab", "Benchmark")
                    await visitor.press("onnx:bench:start")
            for _ in range(chance.randint(2, 5)):
                if time.monotonic() >= until:
                    return
                await act(visitor, chance)
                await _rest(think, chance)


async def walk_once(visitor: Visitor, chance: random.Random) -> None:
    """Every lab once: its tabs, an input, a run where there is one, a file; without rest."""
    for lab in pages(visitor):
        await visitor.go(lab)
        await write_canary(visitor)
        tabs = visitor.widgets.get("tab")
        for label in () if tabs is None else tabs.choices:
            await visitor.set("tab", label)
        if lab == "hooks":
            await visitor.set("tab", "What if?")
            await visitor.set("explore", "Train live")
            await visitor.press("hooks:training:start")
        elif lab == "onnx":
            await visitor.set("seed", chance.choice(SEEDS))
            await give_file(visitor)
        elif lab == "pickles":
            await give_pickle(visitor)
        await act(visitor, chance)


def pages(visitor: Visitor) -> list[str]:
    """The labs that the app has."""
    return [lab for lab in LABS if lab in visitor.pages]


async def act(visitor: Visitor, chance: random.Random) -> None:
    """One action: an input changed at random, or now and then a run started."""
    buttons = [key for key, each in visitor.widgets.items() if each.kind == "button" and key in _RUNS]
    if buttons and chance.random() < 0.25:
        await visitor.press(chance.choice(buttons))
        return
    inputs = [
        (key, each)
        for key, each in visitor.widgets.items()
        if each.kind in _CHANGED and key not in _LEFT_ALONE
    ]
    if inputs:
        key, widget = chance.choice(inputs)
        value = choose(widget, chance)
        if value is not None:
            await visitor.set(key, value)


async def write_canary(visitor: Visitor) -> None:
    """The visitor's own word, wherever a page takes text."""
    for key, widget in list(visitor.widgets.items()):
        if widget.kind not in {"text_input", "text_area"} or key in _NO_WORDS:
            continue
        word = visitor.canary
        if key == "loss":
            word = f"(w*x + b - y)**2 + 0*{word}"
        elif widget.kind == "text_area":
            word = f"# {word}\nOPENAI_API_KEY={word}\n"
        await visitor.set(key, word)
        if key == "loss":
            return


async def give_file(visitor: Visitor) -> None:
    """A small model of the visitor's own, with their word in it; then back to a model from here."""
    menu = visitor.widgets.get("model")
    if menu is None or OWN_FILE not in menu.choices:
        return
    await visitor.set("model", OWN_FILE)
    await visitor.upload("onnx:file", f"{visitor.canary}.onnx", small_model(visitor.canary))
    await asyncio.sleep(1.0)
    await visitor.set("model", menu.choices[0])


async def give_pickle(visitor: Visitor) -> None:
    """A pickle of the visitor's own, with their word in it; then back to a file from here."""
    menu = visitor.widgets.get("file")
    if menu is None or OWN_PICKLE not in menu.choices:
        return
    await visitor.set("file", OWN_PICKLE)
    await visitor.upload("pickles:file", f"{visitor.canary}.pkl", pickle.dumps({visitor.canary: [1, 2.5]}))
    await asyncio.sleep(1.0)
    await visitor.set("file", menu.choices[0])


def small_model(word: str) -> bytes:
    """An ONNX file whose graph and output have that name."""
    shape: list[str | int | None] = ["batch", 4]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    gives = helper.make_tensor_value_info(word, TensorProto.FLOAT, shape)
    graph = helper.make_graph([helper.make_node("Relu", ["x"], [word])], word, [given], [gives])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def choose(widget: Widget, chance: random.Random) -> str | float | bool | Sequence[str] | None:
    """Another value for an input, most often one that can be used."""
    element = widget.element
    match widget.kind:
        case "number_input" if element is not None:
            number = element.number_input
            if widget.key == "seed":
                return chance.choice(SEEDS)
            value = number.default + (number.step or 1.0) * chance.randint(-3, 3)
            low = number.min if number.has_min else value
            high = number.max if number.has_max else value
            return min(max(value, low), high)
        case "slider" if element is not None:
            slider = element.slider
            steps = int((slider.max - slider.min) / (slider.step or 1.0))
            return slider.min + chance.randint(0, max(steps, 0)) * (slider.step or 1.0)
        case "checkbox" | "expander" | "popover":
            return chance.random() < 0.5
        case "button_group" | "selectbox" | "tabs" if widget.choices:
            options = [each for each in widget.choices if each not in {OWN_FILE, OWN_PICKLE}]
            return chance.choice(options) if options else None
        case _:
            return None


async def _rest(think: float, chance: random.Random) -> None:
    await asyncio.sleep(chance.uniform(0.4, 1.6) * think)
