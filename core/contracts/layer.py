"""The `__call__` story to change: `PythonicLinearLayer`, in plain Python, for the sandbox.

It is the class with hooks of `core.hooks.story` under the article's name, for a visitor to break and mend.
Each lesson is the program with one thing changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_LAYER: Final = '''\
class PythonicLinearLayer:
    """Computes w * x + b, and lets others watch."""

    def __init__(self, w, b):
        self.w = w
        self.b = b
        self.forward_pre_hooks = []

    def register_forward_pre_hook(self, hook):
        """From now on, hook sees every input first."""
        self.forward_pre_hooks.append(hook)

    def compute_forward_pass(self, x):
        """The output for the input x."""
        return self.w * x + self.b

    def __call__(self, x):
        """What model(x) does."""
        for hook in self.forward_pre_hooks:
            hook(self, x)
        return self.compute_forward_pass(x)
'''

_USE: Final = """\
def telemetry(model, x):
    print(f"[Telemetry] Input value passed: {x}")


model = PythonicLinearLayer(w=0.5, b=0.1)
model.register_forward_pre_hook(telemetry)
output = model(2.0)
print(f"Output: {output}")
"""

PROGRAM: Final = f"{_LAYER}\n\n{_USE}"
"""The class, a hook, a call."""


@dataclass(frozen=True)
class Lesson:
    """A change to try.

    Attributes:
        name: for the address.
        title: the change, in a few words.
        change: what is different from `PROGRAM`.
        program: the changed program.
        expected: what it prints.
        says: what that shows, and what PyTorch does.
    """

    name: str
    title: str
    change: str
    program: str
    expected: str
    says: str


def _changed(*changes: tuple[str, str]) -> str:
    """The program with texts in it replaced; each must be there once."""
    program = PROGRAM
    for old, new in changes:
        if program.count(old) != 1:
            raise ValueError(f"The program has {old!r} {program.count(old)} times, expected once.")
        program = program.replace(old, new)
    return program


_PRINT: Final = """\
    print(f"[Telemetry] Input value passed: {x}")
"""

_REGISTER: Final = """\
model.register_forward_pre_hook(telemetry)
"""

_TRY_REGISTER: Final = """\
try:
    model.register_forward_pre_hook(telemetry)
except AttributeError as error:
    print(f"No hook: {error}")
"""

_RUN: Final = """\
output = model(2.0)
print(f"Output: {output}")
"""

_TRY_RUN: Final = """\
try:
    output = model(2.0)
    print(f"Output: {output}")
except RuntimeError as error:
    print(f"No output: {error}")
"""

_CALL: Final = """\
        for hook in self.forward_pre_hooks:
            hook(self, x)
"""

_CALL_WITH_RESULT: Final = """\
        for hook in self.forward_pre_hooks:
            changed = hook(self, x)
            if changed is not None:
                x = changed
"""

_SUBCLASS: Final = '''\
class ScaledLayer(PythonicLinearLayer):
    """Computes scale * (w * x + b); forgets super().__init__."""

    def __init__(self, w, b, scale):
        self.w = w
        self.b = b
        self.scale = scale

    def compute_forward_pass(self, x):
        return self.scale * super().compute_forward_pass(x)


'''

LESSONS: Final[tuple[Lesson, ...]] = (
    Lesson(
        name="direct",
        title="Call the method, not the model",
        change="The last call is model.compute_forward_pass(2.0) instead of model(2.0).",
        program=_changed(("model(2.0)", "model.compute_forward_pass(2.0)")),
        expected="Output: 1.1\n",
        says="The same output, and no telemetry: the hooks are in __call__, and nobody went through it. "
        "model.forward(x) does the same in PyTorch.",
    ),
    Lesson(
        name="result",
        title="A hook that returns a value",
        change="telemetry returns 10 * x, and __call__ takes what a hook returns for the input.",
        program=_changed(
            (_CALL, _CALL_WITH_RESULT),
            (_PRINT, f"{_PRINT}    return 10 * x\n"),
        ),
        expected="[Telemetry] Input value passed: 2.0\nOutput: 10.1\n",
        says="Now a hook can change what the layer sees, as in PyTorch, where a forward pre-hook that "
        "returns something other than None replaces the input. Undo the change of __call__, and "
        "the value is lost.",
    ),
    Lesson(
        name="raises",
        title="A hook that raises",
        change="telemetry raises an error instead of printing.",
        program=_changed(
            (_PRINT, '    raise RuntimeError("the telemetry server is away")\n'),
            (_RUN, _TRY_RUN),
        ),
        expected="No output: the telemetry server is away\n",
        says="A hook runs inside the call: what it raises ends the call before the layer computes. PyTorch "
        "catches it no more than this class does, so a hook that only watches should catch its own errors.",
    ),
    Lesson(
        name="super",
        title="Forget super().__init__()",
        change="A subclass sets w and b itself, and does not call the base's __init__.",
        program=_changed(
            ("def telemetry(", f"{_SUBCLASS}def telemetry("),
            ("PythonicLinearLayer(w=0.5, b=0.1)", "ScaledLayer(w=0.5, b=0.1, scale=10)"),
            (_REGISTER, _TRY_REGISTER),
            (_RUN, _RUN.replace("model(2.0)", "model.compute_forward_pass(2.0)")),
        ),
        expected="No hook: 'ScaledLayer' object has no attribute 'forward_pre_hooks'\nOutput: 11.0\n",
        says="The list of hooks is made in the __init__ that was not called. The layer computes all the "
        "same, and fails where the list is needed: when a hook is registered, or at model(x). In "
        "PyTorch too.",
    ),
)
"""In the order of the page."""
