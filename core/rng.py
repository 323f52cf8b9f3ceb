"""PyTorch's global random numbers, for one user at a time.

Initial weights and dropout draw from one generator per process, which all threads share. Whoever needs them
to repeat takes it here: seeded, alone, and put back afterwards.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

_LOCK: Final = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds the CPU's default generator for a block of code, and restores it afterwards.

    Blocks of other threads wait: keep it short. It can be nested in one thread.

    Args:
        seed: from 0 to 2**63 - 1.
    """
    with _LOCK:
        state = torch.random.get_rng_state()
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            torch.random.set_rng_state(state)
