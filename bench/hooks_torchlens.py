"""A recording against TorchLens's trace: `python -m bench.hooks_torchlens ROUNDS` prints seconds as JSON.

TorchLens leaves PyTorch's functions wrapped, which would slow whatever is measured after it in the process.
"""

import json
import sys
import warnings
from functools import partial

import torch

from bench.hooks import bare, examples, fastpath, timed, whole
from core.hooks.spec import Action


@torch.no_grad()
def measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds per call, by model and by what was called."""
    # Here, because importing it changes PyTorch.
    import torchlens

    found: dict[str, dict[str, list[float]]] = {}
    for example in examples():
        model, call = example.model, partial(example.model, example.x)
        ways = {
            "bare": partial(bare, call),
            "ours": partial(bare, partial(whole, model, example.specs(), call, read=True)),
            "ours, values only": partial(bare, partial(whole, model, example.specs(Action.CAPTURE), call)),
            "TorchLens": partial(bare, partial(torchlens.trace, model, example.x)),
        }
        with fastpath(enabled=False):
            found[example.name] = timed(ways, rounds, calls=1)
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # TorchLens's own
    print(json.dumps(measure(int(sys.argv[1]))))
