"""The code of the traps, as functions whose bodies are programs.

The one parameter is what `print` means: the body reads, and runs, as a script of its own. That is why it
hides the built-in (A002), why no docstring stands in it (D103; `traps` says what each one is about), and why
neither ruff nor mypy asks for types that a learner's script would not declare either.

No global hooks, no threads, and no numbers that depend on the initial weights. Layers draw those from the
process's generator, though: `traps.run` puts it back.
"""
# ruff: noqa: A002, ANN001, ANN202, D103
# mypy: disable-error-code="attr-defined, index, method-assign, no-untyped-call, no-untyped-def, union-attr"
# mypy: disable-error-code="var-annotated"

from __future__ import annotations

import torch

from core.traps import Print


def forward_skips(print: Print) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    names = {model: "Sequential", model[0]: "Linear", model[1]: "ReLU"}
    fired = []
    for module in model.modules():
        module.register_forward_hook(lambda module, args, output: fired.append(names[module]))

    x = torch.ones(1, 2)
    called = model(x)
    print("model(x)", ", ".join(fired))
    fired.clear()
    skipped = model.forward(x)
    print("model.forward(x)", ", ".join(fired), "only its own hook is skipped")
    print("outputs are equal", torch.equal(called, skipped))
    print("grad_fn, called", called.grad_fn.name())
    print("grad_fn, skipped", skipped.grad_fn.name())


def firing_order(print: Print) -> None:
    layer = torch.nn.Linear(1, 1)
    layer.register_forward_hook(lambda *_: print("forward", "hook added first"))
    layer.register_forward_hook(lambda *_: print("forward", "prepended"), prepend=True)
    layer.register_forward_hook(lambda *_: print("forward", "hook added last"))

    layer.register_full_backward_hook(lambda *_: print("backward", "full backward hook"))
    layer.register_full_backward_pre_hook(lambda *_: print("backward", "backward pre-hook"))
    weight = layer.weight
    weight.register_post_accumulate_grad_hook(lambda _: print("backward", "weight.grad ready"))
    weight.register_hook(lambda _: print("backward", "tensor hook, weight"))

    x = torch.ones(1, 1, requires_grad=True)
    x.register_hook(lambda _: print("backward", "tensor hook, input"))
    y = layer(x)
    y.register_hook(lambda _: print("backward", "tensor hook, output"))
    y.backward()


def no_input_grad(print: Print) -> None:
    layer = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(layer.weight, 3.0)

    def look(module, grad_input, grad_output):
        print("hook: grad_input", grad_input)
        print("hook: weight.grad", module.weight.grad)

    layer.register_full_backward_hook(look)
    for needed in (True, False):
        x = torch.ones(1, 1, requires_grad=needed)
        print("x.requires_grad", needed)
        layer(x).backward()
        print("after backward: weight.grad", layer.weight.grad)
        layer.weight.grad = None


def always_call(print: Print) -> None:
    layer = torch.nn.Linear(2, 1)
    layer.register_forward_hook(lambda *_: print("plain hook", "fired"))
    layer.register_forward_hook(
        lambda module, args, output: print("always_call, output is None", output is None),
        always_call=True,
    )
    print("call", "2 features")
    layer(torch.ones(1, 2))
    print("call", "3 features, too many")
    layer(torch.ones(1, 3))


def kwargs_unseen(print: Print) -> None:
    layer = torch.nn.Linear(1, 1)
    layer.register_forward_hook(
        lambda module, args, output: print("plain hook, args", len(args)),
    )
    layer.register_forward_hook(
        lambda module, args, kwargs, output: print("with_kwargs, kwargs", list(kwargs)),
        with_kwargs=True,
    )
    x = torch.ones(1, 1)
    print("call", "layer(x)")
    layer(x)
    print("call", "layer(input=x)")
    layer(input=x)


def return_replaces(print: Print) -> None:
    model = torch.nn.Sequential(torch.nn.Identity(), torch.nn.ReLU())
    x = torch.tensor(2.0)
    print("no hook", model(x).item())

    handle = model[0].register_forward_hook(lambda module, args, output: output * 10)
    print("returns output * 10", model(x).item())
    handle.remove()

    model[0].register_forward_hook(lambda module, args, output: f"saw {output}")
    print("returns a string", model[0](x), "nobody checks")
    model(x)


def backward_returns(print: Print) -> None:
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, 3.0)

    def backward(name):
        x = torch.full((1, 1), 2.0, requires_grad=True)
        layer.weight.grad = None
        layer(x).backward()
        print(name, f"x.grad {x.grad.item()}, weight.grad {layer.weight.grad.item()}")

    backward("no hook")
    handle = layer.register_full_backward_hook(lambda module, gin, gout: (gin[0] * 10,))
    backward("full backward hook, * 10")
    handle.remove()
    handle = layer.register_full_backward_pre_hook(lambda module, gout: (gout[0] * 10,))
    backward("backward pre-hook, * 10")
    handle.remove()
    layer.register_full_backward_hook(lambda module, gin, gout: (gin[0], gin[0]))
    backward("two gradients for one input")


def inplace_relu(print: Print) -> None:
    relu = torch.nn.ReLU(inplace=True)
    before = relu.register_forward_pre_hook(
        lambda module, args: print("pre-hook: input", args[0].tolist()),
    )
    after = relu.register_forward_hook(
        lambda module, args, output: print("forward hook: input", args[0].tolist()),
    )
    relu(torch.tensor([-1.0, 2.0]))
    before.remove()
    after.remove()

    w = torch.tensor([-1.0, 2.0], requires_grad=True)
    relu(w * 1).sum().backward()
    print("w.grad, no backward hook", w.grad.tolist())
    relu.register_full_backward_hook(lambda *_: None)
    relu(w * 1)


def kept_reference(print: Print) -> None:
    linear = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(linear.weight, -3.0)
    model = torch.nn.Sequential(linear, torch.nn.ReLU(inplace=True))
    kept = {}

    def keep(module, args, output):
        kept["output"] = output
        kept["output.detach()"] = output.detach()
        kept["output.detach().clone()"] = output.detach().clone()

    linear.register_forward_hook(keep)
    model(torch.ones(1, 1))
    for name, tensor in kept.items():
        print(name, tensor.item())


def extra_nodes(print: Print) -> None:
    layer = torch.nn.Identity()
    x = torch.ones(1, requires_grad=True) * 3
    x.register_hook(lambda grad: None)
    print("tensor hook: layer(x) is x", layer(x) is x)
    print("tensor hook: grad_fn", layer(x).grad_fn.name())

    layer.register_full_backward_hook(lambda *_: None)
    print("full backward hook: layer(x) is x", layer(x) is x)
    print("full backward hook: grad_fn", layer(x).grad_fn.name())


def dict_output(print: Print) -> None:
    class Head(torch.nn.Module):
        def forward(self, x):
            return {"score": x * 2}

    head = Head()
    head.register_forward_hook(lambda *_: print("forward hook", "fired"))
    head.register_full_backward_hook(lambda *_: print("full backward hook", "fired"))
    x = torch.tensor(1.0, requires_grad=True)
    head(x)["score"].backward()
    print("x.grad", x.grad.item(), "backward did pass through")


def reused_module(print: Print) -> None:
    relu = torch.nn.ReLU()
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), relu, torch.nn.Linear(3, 1), relu)
    print("modules that are a ReLU", sum(module is relu for module in model.modules()))
    relu.register_forward_hook(
        lambda module, args, output: print("forward hook: shape", tuple(output.shape)),
    )
    relu.register_full_backward_hook(
        lambda module, gin, gout: print("backward hook: shape", tuple(gout[0].shape)),
    )
    model(torch.ones(1, 2)).backward()


def checkpoint(print: Print) -> None:
    from torch.utils.checkpoint import checkpoint

    model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1))
    fired = []
    model[0].register_forward_hook(lambda *_: fired.append("first forward"))
    model[1].register_forward_hook(lambda *_: fired.append("second forward"))
    model[0].register_full_backward_hook(lambda *_: fired.append("first backward"))
    x = torch.ones(1, 1, requires_grad=True)

    model(x).backward()
    print("model(x)", ", ".join(fired))
    fired.clear()
    checkpoint(model, x, use_reentrant=False).backward()
    print("checkpoint(model, x)", ", ".join(fired))


def never_called(print: Print) -> None:
    attention = torch.nn.MultiheadAttention(2, 1)
    attention.register_forward_hook(lambda *_: print("MultiheadAttention", "fired"))
    attention.out_proj.register_forward_hook(lambda *_: print("its out_proj", "fired"))
    x = torch.ones(3, 1, 2)
    attention(x, x, x)

    layers = torch.nn.ModuleList([torch.nn.Linear(2, 2), torch.nn.ReLU()])
    layers.register_forward_hook(lambda *_: print("ModuleList", "fired"))
    for layer in layers:
        layer.register_forward_hook(lambda *_: print("a layer in the ModuleList", "fired"))
        x = layer(x)


def fast_path(print: Print) -> None:
    layer = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()
    entered = []
    forward = layer.linear1.forward

    def counted(x):
        entered.append("linear1")
        return forward(x)

    layer.linear1.forward = counted
    x = torch.linspace(-1, 1, 12).reshape(1, 3, 4)
    with torch.no_grad():
        layer(x)
        print("no hook: linear1 runs", len(entered), "one fused operation does it all")
        layer.linear2.register_full_backward_hook(lambda *_: None)
        layer(x)
        print("full backward hook: linear1 runs", len(entered))
        layer.linear2.register_forward_hook(lambda *_: None)
        layer(x)
        print("forward hook: linear1 runs", len(entered), "layer by layer")


def raising_stays(print: Print) -> None:
    layer = torch.nn.Identity()
    x = torch.tensor(2.0)

    def broken(module, args, output):
        raise ValueError("my hook is broken")

    handle = layer.register_forward_hook(broken)
    for turn in (1, 2):
        try:
            layer(x)
        except ValueError as error:
            print(f"call {turn}", error)
    handle.remove()
    print("call 3, after handle.remove()", layer(x).item())


def deepcopy(print: Print) -> None:
    import copy

    layer = torch.nn.Identity()
    handle = layer.register_forward_hook(lambda module, args, output: output * 10)
    twin = copy.deepcopy(layer)
    x = torch.tensor(2.0)
    print("layer", layer(x).item())
    print("copy", twin(x).item())
    handle.remove()
    print("layer, after handle.remove()", layer(x).item())
    print("copy, after handle.remove()", twin(x).item())


def late_registration(print: Print) -> None:
    fired = []

    class Late(torch.nn.Module):
        def forward(self, x):
            self.register_forward_hook(lambda *_: fired.append("hook"))
            return x

    late = Late()
    for turn in (1, 2, 3):
        late(torch.ones(1))
        print(f"call {turn}: hooks there, hooks fired", (turn, len(fired)))
        fired.clear()
