"""Traps: short PyTorch programs that do what PyTorch says, but not what one expects.

Each trap's code is a function of `snippets`. Its body is what the page shows, and it is run anew each time.
"""

from __future__ import annotations

from core.gradients import snippets
from core.traps import Observation, Trap, find, run

__all__ = ["NON_LEAF_WARNING", "TRAPS", "Observation", "Trap", "run", "trap"]

NON_LEAF_WARNING = "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed."
"""How PyTorch's warning begins when `.grad` of a non-leaf is read."""


def trap(key: str) -> Trap:
    """The trap called `key`.

    Raises:
        KeyError: if there is none, with the known keys.
    """
    return find(TRAPS, key)


TRAPS: tuple[Trap, ...] = (
    Trap(
        "relu-at-zero",
        "relu at its kink",
        "What is the slope of relu at exactly 0, and does the spelling matter?",
        "At 0 the slope is 0 on the left and 1 on the right, so there is no one derivative. PyTorch picks a "
        "number between them, and each spelling picks its own.",
        "Use one spelling throughout, and do not build on the slope at exactly 0.",
        snippets.relu_at_zero,
    ),
    Trap(
        "abs-at-zero",
        "abs at its kink",
        "What is the slope of |x| at 0?",
        "The slope is -1 on the left and 1 on the right. Every number between is a fair slope (a "
        "subgradient); PyTorch takes the middle, 0.",
        "Where it matters, round the kink off: sqrt(x**2 + eps).",
        snippets.abs_at_zero,
    ),
    Trap(
        "where-nan",
        "NaN from a branch not taken",
        "where() keeps the square root away from 0. Does its gradient stay away, too?",
        "where() computes both branches and only then chooses. Backward sends a zero into the branch not "
        "taken, where the slope of sqrt at 0 is infinite, and zero times infinity is not a number.",
        "Make the input safe before the function: sqrt(where(x > 0, x, 1)).",
        snippets.where_nan,
    ),
    Trap(
        "sqrt-at-zero",
        "A vertical tangent",
        "The square root of 0 is 0. What is its slope there?",
        "The graph of sqrt stands upright at 0: its slope is infinite. One more factor of zero in the chain, "
        "as in sqrt(x**2), makes it NaN, and one NaN spoils every weight it reaches.",
        "Add a small number under the root: sqrt(x**2 + 1e-12).",
        snippets.sqrt_at_zero,
    ),
    Trap(
        "overflow",
        "An infinite loss with a finite gradient",
        "The loss is inf in float32. What is its gradient?",
        "(1e20)**2 is 1e40, and float32 ends near 3.4e38, so the loss is inf. Backward never looks at the "
        "loss: it multiplies 2 * 1e20 * 1e10 = 2e30, which fits, so the gradient looks healthy.",
        "Scale the inputs, and check that the loss is finite, not only the gradient.",
        snippets.overflow,
    ),
    Trap(
        "cancellation",
        "A gradient lost to rounding",
        "w*x + b misses y by 0.5. Why does float32 say that there is nothing to learn?",
        "Near 1e8 the float32 numbers are 8 apart, so adding 0.5 changes nothing and the difference is "
        "exactly 0. The gradient is 0 where the truth is 10000.",
        "Compute differences of large numbers in float64, or centre the data first.",
        snippets.cancellation,
    ),
    Trap(
        "accumulation",
        "Gradients add up",
        "The same loss three times: is w.grad the same three times?",
        "backward() adds to .grad, it does not replace it. That lets one sum over several batches, but who "
        "forgets to clear it takes steps that grow. A saved w.grad is the same tensor, so it changes too.",
        "Call optimizer.zero_grad() (or set w.grad = None) before each backward(); save w.grad.clone().",
        snippets.accumulation,
    ),
    Trap(
        "detach",
        "detach",
        "detach() changes no value. Does it change the gradient?",
        "detach() gives the same number without its history. Backward cannot pass it, so that path's share "
        "of the gradient is missing: 36 of 37.",
        "Detach only what should count as a constant, such as a target.",
        snippets.detach,
    ),
    Trap(
        "item",
        ".item()",
        "What does backward know of a number that .item() took out?",
        ".item() makes a plain Python number, which has no history. Backward takes it for a constant and "
        "finds half of the gradient: 6 of 12.",
        "Keep tensors in the loss; use .item() only to print.",
        snippets.item,
    ),
    Trap(
        "data-in-place",
        "Changing .data",
        "w changes after the forward pass. Which w does backward use?",
        "w**2 keeps w for the backward pass, and .data changes it behind autograd's back: the version "
        "counter does not move, so nothing warns. The gradient is that of another point: 6 for 4.",
        "Change weights under torch.no_grad(), after backward().",
        snippets.data_in_place,
    ),
    Trap(
        "no-grad",
        "A loss made under no_grad",
        "The loss has the right value. Can it be differentiated?",
        "Under no_grad nothing is recorded, so the loss does not know where it came from. This one is loud: "
        "backward() raises.",
        "Compute the loss outside of torch.no_grad().",
        snippets.no_grad,
    ),
    Trap(
        "saved-in-place",
        "Changing a saved tensor in place",
        "exp needs its own result for the backward pass. What if that was changed?",
        "The slope of exp is its result, so exp keeps the result. Each in-place change counts up a tensor's "
        "version; backward compares versions and refuses to use a changed one.",
        "Write h = h + 1 instead of h.add_(1).",
        snippets.saved_in_place,
    ),
    Trap(
        "second-backward",
        "backward() twice",
        "Does a second backward() always fail?",
        "After backward() the tensors saved for it are freed. A second call fails only if something had been "
        "saved: the square saved w, the addition nothing.",
        "Compute the loss again, or call backward(retain_graph=True) the first time.",
        snippets.second_backward,
    ),
    Trap(
        "non-leaf",
        ".grad of a step on the way",
        "Backward passes through h = w*3. Where is h.grad?",
        "Only leaves, the tensors that you made yourself, keep their gradient; one in between is used and "
        f"dropped. Reading its .grad gives None and a warning: “{NON_LEAF_WARNING}”",
        "Call h.retain_grad() before backward().",
        snippets.non_leaf,
    ),
)
