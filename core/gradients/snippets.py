"""The code of the traps, as functions whose bodies are programs.

The one parameter is what `print` means: the body reads, and runs, as a script of its own. That is why it
hides the built-in (A002), why no docstring stands in it (D103; `traps` says what each one is about), and why
mypy is not asked about what a learner's script would not declare either.
"""
# ruff: noqa: A002, D103
# mypy: disable-error-code="no-untyped-call, union-attr"

from __future__ import annotations

import torch

from core.traps import Print


def relu_at_zero(print: Print) -> None:
    zero = torch.tensor(0.0)
    spellings = {
        "relu(x)": torch.relu,
        "maximum(x, 0)": lambda x: torch.maximum(x, zero),
        "clamp(x, min=0)": lambda x: torch.clamp(x, min=0),
        "where(x > 0, x, 0)": lambda x: torch.where(x > 0, x, zero),
    }
    h = 0.25
    for name, f in spellings.items():
        x = torch.tensor(0.0, requires_grad=True)
        f(x).backward()
        left = (f(zero) - f(zero - h)) / h
        right = (f(zero + h) - f(zero)) / h
        print(name, x.grad.item(), f"left {left.item()}, right {right.item()}")


def abs_at_zero(print: Print) -> None:
    x = torch.tensor(0.0, requires_grad=True)
    torch.abs(x).backward()
    print("autograd", x.grad.item())
    h = 0.25
    print("left", (abs(0.0) - abs(-h)) / h)
    print("right", (abs(h) - abs(0.0)) / h)


def where_nan(print: Print) -> None:
    x = torch.tensor(0.0, requires_grad=True)
    y = torch.where(x > 0, torch.sqrt(x), 0.0)
    y.backward()
    print("value", y.item(), "the branch not taken leaves no trace here")
    print("dy/dx", x.grad.item(), "but here: 0 * inf")

    x = torch.tensor(0.0, requires_grad=True)
    safe = torch.where(x > 0, x, 1.0)
    y = torch.where(x > 0, torch.sqrt(safe), 0.0)
    y.backward()
    print("dy/dx, safe", x.grad.item())


def sqrt_at_zero(print: Print) -> None:
    x = torch.tensor(0.0, requires_grad=True)
    torch.sqrt(x).backward()
    print("d sqrt(x)/dx", x.grad.item())

    x = torch.tensor(0.0, requires_grad=True)
    torch.sqrt(x**2).backward()
    print("d sqrt(x**2)/dx", x.grad.item(), "inf * 0")

    x = torch.tensor(0.0, requires_grad=True)
    torch.sqrt(x**2 + 1e-12).backward()
    print("d sqrt(x**2 + 1e-12)/dx", x.grad.item())


def overflow(print: Print) -> None:
    for dtype in (torch.float32, torch.float64):
        w = torch.tensor(1e10, dtype=dtype, requires_grad=True)
        x = torch.tensor(1e10, dtype=dtype)
        loss = (w * x + 0.1 - 5) ** 2
        loss.backward()
        print(f"loss, {dtype}", loss.item())
        print(f"dL/dw, {dtype}", w.grad.item())


def cancellation(print: Print) -> None:
    for dtype in (torch.float32, torch.float64):
        w = torch.tensor(1e4, dtype=dtype, requires_grad=True)
        x = torch.tensor(1e4, dtype=dtype)
        loss = (w * x + 0.5 - 1e8) ** 2
        loss.backward()
        print(f"dL/dw, {dtype}", w.grad.item())


def accumulation(print: Print) -> None:
    w = torch.tensor(1.0, requires_grad=True)
    for turn in range(3):
        loss = (w * 3) ** 2
        loss.backward()
        print(f"turn {turn + 1}: w.grad", w.grad.item())
        if turn == 0:
            saved = w.grad
    print("w.grad, saved in turn 1", saved.item(), "the same tensor, so it grew too")


def detach(print: Print) -> None:
    w = torch.tensor(2.0, requires_grad=True)
    loss = 3 * (w**3) + w
    loss.backward()
    print("dL/dw", w.grad.item())

    w = torch.tensor(2.0, requires_grad=True)
    loss = 3 * (w**3).detach() + w
    loss.backward()
    print("dL/dw, detached", w.grad.item(), "no error, the loss is the same")


def item(print: Print) -> None:
    w = torch.tensor(3.0, requires_grad=True)
    loss = 2 * w * w
    loss.backward()
    print("dL/dw", w.grad.item())

    w = torch.tensor(3.0, requires_grad=True)
    loss = 2 * w * w.item()
    loss.backward()
    print("dL/dw, with .item()", w.grad.item(), "no error, the loss is the same")


def data_in_place(print: Print) -> None:
    w = torch.tensor(2.0, requires_grad=True)
    loss = w**2
    loss.backward()
    print("dL/dw", w.grad.item())

    w = torch.tensor(2.0, requires_grad=True)
    loss = w**2
    w.data.add_(1)
    loss.backward()
    print("dL/dw, after w.data changed", w.grad.item(), "2*w with the new w")


def no_grad(print: Print) -> None:
    w = torch.tensor(3.0, requires_grad=True)
    with torch.no_grad():
        loss = w**2
    print("loss", loss.item())
    print("loss.requires_grad", loss.requires_grad)
    loss.backward()


def saved_in_place(print: Print) -> None:
    w = torch.tensor(0.0, requires_grad=True)
    h = torch.exp(w)
    print("version of h", h._version, "exp keeps its result for backward")
    h.add_(1)
    print("version of h after add_", h._version)
    h.backward()


def second_backward(print: Print) -> None:
    w = torch.tensor(3.0, requires_grad=True)
    loss = w + 1
    loss.backward()
    loss.backward()
    print("w + 1, backward twice", w.grad.item(), "an addition saves nothing: no error")

    w = torch.tensor(3.0, requires_grad=True)
    loss = w**2
    loss.backward()
    print("w**2, backward once", w.grad.item())
    loss.backward()


def non_leaf(print: Print) -> None:
    w = torch.tensor(2.0, requires_grad=True)
    h = w * 3
    (h**2).backward()
    print("w.is_leaf", w.is_leaf)
    print("w.grad", w.grad.item())
    print("h.is_leaf", h.is_leaf)
    print("h.retains_grad", h.retains_grad, "so h.grad is None, and reading it warns")

    h = w * 3
    h.retain_grad()
    (h**2).backward()
    print("h.grad, after retain_grad()", h.grad.item())
