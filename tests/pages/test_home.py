"""The home page: what this is, the lab's numbers computed now, this machine."""

import platform

import torch

from tests.pages.visit import open_page

HOME = "pages/home.py"


def test_the_card_shows_what_pytorch_computes() -> None:
    w = torch.tensor(0.5, requires_grad=True)
    b = torch.tensor(0.1, requires_grad=True)
    loss = (w * 2 + b - 5) ** 2
    loss.backward()  # type: ignore[no-untyped-call]
    assert w.grad is not None
    assert b.grad is not None
    visit = open_page(HOME)
    assert visit.gradients() == {"w": round(float(w.grad), 4), "b": round(float(b.grad), 4)}
    assert f"= {loss.item():.4f}$" in "".join(text.value for text in visit.app.markdown)
    assert [link.value for link in visit.app.page_link] == [
        "**Autograd**",
        "**Hooks**",
        "**ONNX**",
        "**Pickles**",
        "**Contracts**",
        "**Secrets**",
    ]


def test_the_card_of_hooks_shows_what_pytorch_runs_and_skips() -> None:
    linear = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(linear.weight, 0.5)
    torch.nn.init.constant_(linear.bias, 0.1)
    order: list[str] = []
    linear.register_forward_pre_hook(lambda *_: order.append("model pre hook"))
    linear.register_forward_hook(lambda *_: order.append("model hook"))
    called = linear(torch.tensor([[2.0]])).item()
    assert order == ["model pre hook", "model hook"]
    skipping = linear.forward(torch.tensor([[2.0]])).item()
    assert len(order) == 2
    lanes = open_page(HOME).lanes()
    assert list(lanes) == ["model(x)", "model.forward(x)"]
    for lane, sign, output in zip(lanes.values(), "✓✗", (called, skipping), strict=True):
        assert [item for item in lane if item[0] in "✓✗"] == [f"{sign} {hook}" for hook in order]
        assert lane[-1] == f"{output:.7g}"


def test_the_card_of_contracts_shows_when_each_class_fails() -> None:
    (picture,) = [each.value for each in open_page(HOME).app.html if "class='uth-moments'" in each.value]
    assert "IncompletePredictor: ✗ would fail here at first call" in picture
    assert "RobustPredictor: ✗ would fail here at instantiation" in picture


def test_the_card_of_pickles_shows_the_call_that_would_happen() -> None:
    (tape,) = [each.value for each in open_page(HOME).app.html if "class='uth-tape'" in each.value]
    assert "This call would happen" in tape
    assert "os.system(" in tape


def test_no_card_depends_on_a_visit_to_its_lab() -> None:
    visit = open_page("pages/hooks.py", {"run": "model(x)", "hook": "model forward zero"})
    visit.app.switch_page(HOME)
    visit.run()
    assert visit.gradients() == {"w": -15.6, "b": -7.8}
    assert visit.lanes() == open_page(HOME).lanes()


def test_it_says_what_it_is_in_one_sentence() -> None:
    assert "See, change and measure what PyTorch" in open_page(HOME).text()


def test_this_machine() -> None:
    table = open_page(HOME).app.table[0].value
    facts = dict(zip(table["fact"], table["value"], strict=True))
    assert facts["Python"] == platform.python_version()
    assert facts["torch"] == torch.__version__
    assert "CPUExecutionProvider" in facts["onnxruntime"]
    assert "cores" in facts["Processor"]
    assert "GiB" in facts["Memory"]
    assert facts["GPU"]
    assert not [name for name, value in facts.items() if not str(value).strip() or "None" in str(value)]


def test_it_is_the_same_for_every_link() -> None:
    for query in ({"projector": "true"}, {"projector": "maybe"}, {"w": "abc"}):
        assert open_page(HOME, query).gradients() == {"w": -15.6, "b": -7.8}
