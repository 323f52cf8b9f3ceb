"""What a visitor does and reads in the autograd lab, for the browser tests of it."""

import re
from collections.abc import Callable, Iterable, Mapping

import torch
from playwright.sync_api import Locator, Page, expect
from torch import Tensor

# Generous: the tests' machine may be busy with other things.
expect.set_options(timeout=15_000)

WORKED = {"w": 0.5, "x": 2.0, "b": 0.1, "y": 5.0}


def squared_error(w: Tensor, x: Tensor, b: Tensor, y: Tensor) -> Tensor:
    return (w * x + b - y) ** 2


def by_pytorch(
    values: Mapping[str, float], wrt: str = "w", loss: Callable[..., Tensor] = squared_error
) -> str:
    """The gradient by a variable, with four decimals, from a plain PyTorch program in float32."""
    leaves = {name: torch.tensor(float(value), requires_grad=True) for name, value in values.items()}
    loss(**leaves).backward()  # type: ignore[no-untyped-call]
    gradient = leaves[wrt].grad
    assert gradient is not None
    return f"{float(gradient):.4f}"


def gradient(page: Page, name: str) -> Locator:
    """The large number of a derivative."""
    return page.locator(".uth-number", has_text=f"∂L/∂{name}").locator(".value")


def number(page: Page, name: str) -> Locator:
    """The input of a variable."""
    return page.get_by_role("spinbutton", name=name, exact=True)


def type_number(page: Page, name: str, text: str) -> None:
    """Types into the input of a variable and confirms."""
    number(page, name).fill(text)
    number(page, name).press("Enter")


def dial(page: Page, name: str) -> Locator:
    """The track of a variable."""
    return page.get_by_role("slider", name=f"drag {name}", exact=True)


def hold(page: Page, name: str, share: float, steps: int = 1) -> None:
    """Moves the mouse to a share of the track."""
    box = dial(page, name).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2, steps=steps)


def tab(page: Page, title: str) -> None:
    """Opens a tab."""
    page.get_by_role("tab", name=title, exact=True).click()


def node(page: Page, label: str) -> Locator:
    """A node of the graph on the stage, by how its accessible name begins."""
    return page.locator(".st-key-lab-stage").get_by_role(
        "button", name=re.compile(rf"^{re.escape(label)}, value ")
    )


def texts(page: Page) -> str:
    """All text and markup of the page, shadow roots included."""
    found: str = page.evaluate("""() => {
        const text = root => root.innerHTML +
            [...root.querySelectorAll("*")].map(item => item.shadowRoot ? text(item.shadowRoot) : "").join("")
        const typed = [...document.querySelectorAll("input")].map(input => input.value)
        return text(document.documentElement) + typed
    }""")
    return found


# The contrast of an element's text with what is painted behind it, whatever way the colours are written.
_CONTRAST = """element => {
    const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d")
    const parent = node => node.parentElement ?? node.getRootNode().host ?? null
    const paint = (colours) => {
        context.clearRect(0, 0, 1, 1)
        for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1) }
        return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3)
    }
    const behind = []
    let opacity = 1
    for (let node = element; node; node = parent(node)) {
        const style = getComputedStyle(node)
        behind.unshift(style.backgroundColor)
        opacity *= Number(style.opacity)
    }
    const style = getComputedStyle(element)
    const colour = element instanceof SVGElement ? style.fill : style.color
    const page = paint(["white", ...behind])
    const ink = paint([`rgb(${page})`, colour]).map((c, i) => opacity * c + (1 - opacity) * page[i])
    const luminance = rgb => rgb.map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
    const [light, dark] = [luminance(ink), luminance(page)].sort((a, b) => b - a)
    return (light + 0.05) / (dark + 0.05)
}"""


def contrast(locator: Locator) -> float:
    """The contrast ratio of a text: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    ratio: float = locator.evaluate(_CONTRAST)
    return ratio


def expect_gradients(page: Page, values: Mapping[str, float], names: Iterable[str] = ("w", "b")) -> None:
    """Waits until the page shows the gradients that a plain PyTorch program gives."""
    for name in names:
        expect(gradient(page, name)).to_have_text(by_pytorch(values, name))
