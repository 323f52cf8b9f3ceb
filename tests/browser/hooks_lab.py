"""What a visitor does and reads in the hooks lab, for the browser tests of it."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

import torch
from playwright.sync_api import Locator, Page, expect
from torch import nn

from core import zoo

# Generous: the tests' machine may be busy with other things.
expect.set_options(timeout=15_000)

SLOW_MS: Final = 120_000
"""For what a process of its own does."""

LAB: Final = "/hooks"
MLP: Final = "Multilayer perceptron"
CALL, FORWARD, BACKWARD = "model(x)", "model.forward(x)", "model(x), loss.backward()"


def link(**query: str | Sequence[str]) -> str:
    """The lab's address with these inputs."""
    return f"{LAB}?{urlencode(query, doseq=True)}"


def by_pytorch(name: str, hooks: Sequence[str], run: str) -> list[int]:
    """How often forward hooks fire in a plain PyTorch program."""
    made = zoo.build(name)
    counts = [0] * len(hooks)

    def count(index: int) -> None:
        counts[index] += 1

    for index, text in enumerate(hooks):
        layer, kind, *_ = text.split()
        module = made.module if layer == "model" else made.module.get_submodule(layer)
        if kind == "forward":
            module.register_forward_hook(lambda *_, index=index: count(index))
        else:
            assert kind == "forward_pre"
            module.register_forward_pre_hook(lambda *_, index=index: count(index))
    inputs = made.example_inputs(1)
    output = made.module.forward(*inputs) if run == FORWARD else made.module(*inputs)
    assert isinstance(output, torch.Tensor)
    return counts


def worked_output() -> str:
    """What the worked example gives."""
    linear = nn.Linear(1, 1)
    nn.init.constant_(linear.weight, 0.5)
    nn.init.constant_(linear.bias, 0.1)
    return f"{linear(torch.tensor([[2.0]])).item():.7g}"


def number(page: Page, what: str) -> Locator:
    """A large number of the stage."""
    return page.locator(".st-key-lab-stage .uth-number", has_text=what).locator(".value")


def expect_fired(page: Page, counts: Sequence[int]) -> None:
    """Waits until the number, the board and the picture say that the hooks fired so often."""
    total = sum(count > 0 for count in counts)
    expect(number(page, "hooks that fired")).to_have_text(f"{total} of {len(counts)}")
    rows = page.locator(".uth-board tbody tr")
    expect(rows).to_have_count(len(counts))
    for row, count in zip(rows.all(), counts, strict=True):
        said = "silent" if count == 0 else "fired once" if count == 1 else f"fired {count} times"
        expect(row.locator("td").last).to_contain_text(said)
    lane = page.locator(".uth-route .lane").last
    expect(lane.locator(".hook.silent")).to_have_count(sum(count == 0 for count in counts))
    expect(lane.locator(".hook.fired")).to_have_count(total)


def verdict(page: Page) -> Locator:
    """The verdict on the stage."""
    return page.locator(".st-key-lab-stage .uth-verdict .what")


def choose(page: Page, label: str, option: str) -> None:
    """Chooses from a menu."""
    page.get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def chips(page: Page) -> Locator:
    """The live hooks."""
    return page.locator(".st-key-hook [data-tag]")


def remove(page: Page, hook: str) -> None:
    """Removes a live hook by its cross."""
    page.get_by_role("button", name=f"Remove {hook}", exact=True).click()


def fill_form(page: Page, choices: Mapping[str, str]) -> Locator:
    """Opens the form, makes the choices, and returns the form."""
    page.get_by_role("button", name="Register a hook").click()
    form = page.get_by_test_id("stPopoverBody")
    expect(form).to_be_visible()
    for label, option in choices.items():
        choose(page, label, option)
    return form


def tab(page: Page, title: str) -> Locator:
    """Opens a tab and returns its panel."""
    page.get_by_role("tab", name=title, exact=True).click()
    panel = page.get_by_role("tabpanel", name=title)
    expect(panel).to_be_visible()
    return panel
