"""Traps with hooks: programs whose hooks stay silent, fire twice, or change what they were only to watch.

Each trap's code is a function of `snippets`. Three more pitfalls are left out, for they would reach beyond
the program into the process that all visitors share: hooks added after `torch.compile` (its cache is shared,
even between models), hooks traced by `torch.export` (it patches `Module.__call__` for all threads), and
global hooks. `tests/core/hooks/test_traps.py` shows them in processes of their own.
"""

from __future__ import annotations

from core import traps
from core.hooks import snippets
from core.rng import seeded
from core.traps import Observation, Trap, find

NO_INPUT_GRAD_WARNING = (
    "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs "
    "require gradients."
)
"""How PyTorch's warning begins when a full backward hook fires early."""

DICT_OUTPUT_WARNING = (
    "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors"
)
"""How PyTorch's warning begins when a full backward hook cannot fire."""

WARNINGS = (NO_INPUT_GRAD_WARNING, DICT_OUTPUT_WARNING)
"""What PyTorch may warn of while a trap runs."""


def run(trap: Trap) -> Observation:
    """Runs a trap, and puts the random numbers back that its layers draw for their weights."""
    with seeded(0):
        return traps.run(trap)


def trap(key: str) -> Trap:
    """The trap called `key`.

    Raises:
        KeyError: if there is none, with the known keys.
    """
    return find(TRAPS, key)


TRAPS: tuple[Trap, ...] = (
    Trap(
        "forward-skips",
        "Calling forward() yourself",
        "Which hooks fire if you write model.forward(x) instead of model(x)?",
        "Hooks are called by `__call__`, and model.forward(x) goes around it. But forward calls the children "
        "as usual, so their hooks do fire. Output and autograd graph are the same, and nothing tells you "
        "that a hook was skipped.",
        "Write model(x), never model.forward(x).",
        snippets.forward_skips,
    ),
    Trap(
        "firing-order",
        "Who comes first",
        "A layer, its weight and its input all have hooks. In which order do they fire?",
        "Forward hooks fire in the order in which they were added, save that prepend=True jumps the queue. "
        "Backward goes from the output to the input, and on its way stores the weight's gradient before it "
        "calls the full backward hook.",
        "Where the order matters, use one hook that does both things, or prepend=True.",
        snippets.firing_order,
    ),
    Trap(
        "no-input-grad",
        "A layer fed with data",
        "A full backward hook reads weight.grad. Is it there yet?",
        "The hook waits for the gradient of the layer's input. Data need no gradient, so at the first layer "
        "it cannot wait: it fires early, before weight.grad is there, and its grad_input is None. PyTorch "
        f"warns: “{NO_INPUT_GRAD_WARNING}”",
        "Read a weight's gradient in weight.register_post_accumulate_grad_hook().",
        snippets.no_input_grad,
    ),
    Trap(
        "always-call",
        "When forward fails",
        "forward raises an error. Does a forward hook still fire?",
        "A forward hook fires after forward, so an error skips it. One with always_call=True fires all the "
        "same, but there is no output to give it: it gets None.",
        "In a hook with always_call=True, check for output is None first.",
        snippets.always_call,
    ),
    Trap(
        "kwargs-unseen",
        "Arguments with a name",
        "The same layer, called as layer(x) and as layer(input=x). What does a hook get?",
        "A hook gets the arguments without a name only. What was passed by name stays out of its sight "
        "unless it was added with with_kwargs=True, and then it takes one parameter more: kwargs.",
        "Add with_kwargs=True, and look into args and kwargs.",
        snippets.kwargs_unseen,
    ),
    Trap(
        "return-replaces",
        "A hook that returns something",
        "A forward hook was to look only, but returns a value. What becomes of it?",
        "Whatever a forward hook returns takes the output's place, unless it is None. PyTorch does not "
        "check it: a string goes out of the layer, too, and the error comes from the next one.",
        "Return nothing from a hook that only looks.",
        snippets.return_replaces,
    ),
    Trap(
        "backward-returns",
        "Changing a gradient",
        "A backward hook returns ten times the gradient. Does the layer's weight learn faster?",
        "A full backward hook changes only what flows on to the layers before; the weight's gradient stays. "
        "A backward pre-hook changes what comes in, and so both. Return one gradient for each that you were "
        "given, or PyTorch raises an error.",
        "To change a weight's gradient use weight.register_hook(); to change all, a backward pre-hook.",
        snippets.backward_returns,
    ),
    Trap(
        "inplace-relu",
        "A layer that works in place",
        "ReLU(inplace=True) writes into its input. What do hooks make of that?",
        "A forward hook fires when the input has been overwritten, so it sees the output in its place. For a "
        "full backward hook PyTorch passes the input through a node of its own, and nobody may write into "
        "what that gives: the forward pass raises an error.",
        "Set inplace=False on the layers that you watch, and look at inputs in a pre-hook.",
        snippets.inplace_relu,
    ),
    Trap(
        "kept-reference",
        "Keeping an output",
        "A hook keeps a layer's output. Is it still the same after the forward pass?",
        "A hook gets the tensor itself, not a copy. The next layer works in place and writes into it, and "
        "detach() does not help: it shares the memory.",
        "Keep output.detach().clone().",
        snippets.kept_reference,
    ),
    Trap(
        "extra-nodes",
        "A hook that shows in the graph",
        "Identity gives back its input itself. Does it still, with a hook that does nothing?",
        "For a full backward hook PyTorch adds nodes of its own to the autograd graph, around the layer. "
        "The output is a new tensor with another grad_fn. A tensor hook adds none.",
        "To leave the graph as it is, use output.register_hook() in a forward hook.",
        snippets.extra_nodes,
    ),
    Trap(
        "dict-output",
        "Outputs in a dictionary",
        "A layer gives back a dictionary. Does its full backward hook fire?",
        "PyTorch looks for the tensors to watch in the output itself or in a tuple, not in a dictionary. So "
        f"the hook never fires, though backward works. PyTorch warns: “{DICT_OUTPUT_WARNING} …”",
        'Give back a tuple, or call output["score"].register_hook() in a forward hook.',
        snippets.dict_output,
    ),
    Trap(
        "reused-module",
        "One layer, used twice",
        "The same ReLU stands in two places. How often does its hook fire?",
        "A hook belongs to the layer, not to the place: it fires at each call. Backward visits the calls in "
        "reverse. A result kept under the layer's name is overwritten by the second call.",
        "Make a layer for each place, or keep a list of results per layer.",
        snippets.reused_module,
    ),
    Trap(
        "checkpoint",
        "Checkpointing",
        "One forward pass, one backward pass, with checkpoint(). How often does a forward hook fire?",
        "checkpoint() does not keep what backward needs, it runs forward once more. So forward hooks fire "
        "again, but not all: the second run stops as soon as backward has what it needs, here inside the "
        "last layer, before its hook.",
        "Do not count forward passes with a hook in a checkpointed part.",
        snippets.checkpoint,
    ),
    Trap(
        "never-called",
        "A layer that is never called",
        "The layer is there and has a hook. Is that enough?",
        "A hook fires when its layer is called. MultiheadAttention only reads the weights of out_proj, and "
        "a ModuleList is a list: you call what is in it. Their hooks never fire, and nothing warns you.",
        "Put the hook on the layer that is called: the attention itself, or each item of the list.",
        snippets.never_called,
    ),
    Trap(
        "fast-path",
        "A hook that changes the route",
        "A hook on linear2 only looks. Can it change what linear1 does?",
        "Without gradients a TransformerEncoderLayer in eval mode takes a fast path: one fused operation, "
        "which calls none of its layers. A forward hook on it or on one of them turns that off, so now they "
        "all run. A full backward hook does not.",
        "Measure the speed without hooks.",
        snippets.fast_path,
    ),
    Trap(
        "raising-stays",
        "A hook that fails",
        "A hook raises an error. Is it gone at the next call?",
        "The error ends the call, but the hook stays where it is, so the next call fails as well. Only the "
        "handle removes it.",
        "Call handle.remove() in a finally block.",
        snippets.raising_stays,
    ),
    Trap(
        "deepcopy",
        "Copies keep their hooks",
        "A model with a hook is copied, then the hook is removed. Is the copy free of it?",
        "deepcopy copies the hooks, too. The handle knows the original only: after remove() the copy still "
        "has the hook, and no handle for it.",
        "Remove hooks before you copy a model.",
        snippets.deepcopy,
    ),
    Trap(
        "late-registration",
        "A hook added on the way",
        "A hook is added while forward runs. Does it fire in that call?",
        "`__call__` looks for hooks before forward. If there are none it takes a short cut, which calls "
        "forward and nothing else, so a hook added there is missed. If there is one already, a forward hook "
        "added on the way does fire.",
        "Add hooks before the call.",
        snippets.late_registration,
    ),
)
