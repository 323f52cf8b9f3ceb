"""Whole files as people save them, by the real writers: all of them are data only.

What a scanner says of these decides whether anybody listens to what it says of others.
"""

from __future__ import annotations

import argparse
import gzip
import io
import lzma
import pickle
import random
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from tests.core.pickles.samples import array, saved

PLAIN = torch.arange(12.0).reshape(3, 4)
MODELS: dict[str, Callable[[], nn.Module]] = {
    "convolution": lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)),
    "recurrent": lambda: nn.LSTM(3, 4, 2),
    "transformer": lambda: nn.TransformerEncoderLayer(8, 2),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
    "lazy": lambda: nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d()),
    "averaged": lambda: torch.optim.swa_utils.AveragedModel(nn.Linear(2, 2)),
}
OPTIMIZERS = (
    "ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "NAdam", "RAdam", "RMSprop", "Rprop",
    "SGD",
)  # fmt: skip
SCHEDULES: dict[str, Callable[[torch.optim.Optimizer], Any]] = {
    "steps": lambda optimizer: lr_scheduler.StepLR(optimizer, 2),
    "milestones": lambda optimizer: lr_scheduler.MultiStepLR(optimizer, [1, 2]),
    "cosine": lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, 2),
    "one cycle": lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.1, 10),
    "plateau": lr_scheduler.ReduceLROnPlateau,
    "a function": lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda epoch: 1.0),
    "one after another": lambda optimizer: lr_scheduler.SequentialLR(
        optimizer,
        [lr_scheduler.LinearLR(optimizer), lr_scheduler.ExponentialLR(optimizer, 0.9)],
        milestones=[2],
    ),
}


def optimizer_state(kind: str) -> dict[str, Any]:
    """Of an optimizer that has made a step."""
    model = nn.Linear(3, 2)
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=0.1)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value: torch.Tensor = model(torch.ones(2, 3)).sum()
        torch.autograd.backward(value)
        return value

    optimizer.step(loss)
    state: dict[str, Any] = optimizer.state_dict()
    return state


def checkpoint() -> dict[str, Any]:
    model = nn.Embedding(4, 3)
    tied = nn.Linear(3, 4, bias=False)
    tied.weight = model.weight
    return {
        "model": nn.ModuleList([model, tied]).state_dict(),
        "optimizer": optimizer_state("AdamW"),
        "epoch": 3,
        "best": float("nan"),
        "arguments": argparse.Namespace(lr=0.1, layers=[1, 2]),
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state(),
        "python": random.getstate(),
        "generator": torch.Generator(),
        "version": torch.__version__,
        "losses": defaultdict(list, train=[1.0]),
        "scaler": torch.amp.GradScaler("cpu").state_dict(),
    }


def values() -> dict[str, object]:
    """What is saved, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        schedules = {}
        for kind, make in SCHEDULES.items():
            optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1, momentum=0.9)
            schedules[f"the schedule by {kind}"] = make(optimizer).state_dict()
        return {
            **{f"the weights of the {kind} model": make().state_dict() for kind, make in MODELS.items()},
            **{f"the state of {kind}": optimizer_state(kind) for kind in OPTIMIZERS},
            **schedules,
            "a checkpoint": checkpoint(),
            "a transposed view": PLAIN.t(),
            "a part": PLAIN[1:, ::2],
            "a conjugate": PLAIN.to(torch.complex64).conj(),
            "a negated part of a conjugate": PLAIN.to(torch.complex64).conj().imag,
            "channels last": torch.ones(1, 2, 3, 3).to(memory_format=torch.channels_last),
            "nothing": torch.empty(0, 3),
            "sparse": [PLAIN.to_sparse(), PLAIN.to_sparse_csr(), PLAIN.to_sparse_csc()],
            "sparse, not added up": torch.sparse_coo_tensor(
                torch.tensor([[0, 0]]), torch.tensor([1.0, 2.0]), (2,)
            ),
            "quantized": torch.quantize_per_tensor(PLAIN, 0.1, 0, torch.quint8),
            "jagged": torch.nested.nested_tensor([PLAIN, PLAIN[:1]], layout=torch.jagged),
            "nested": torch.nested.nested_tensor([PLAIN, PLAIN[:1]]),
            "a storage": PLAIN.untyped_storage(),
            "the same tensor thrice": [PLAIN, PLAIN, {"first row": PLAIN[0]}],
            "a parameter and a buffer": OrderedDict(a=nn.Parameter(PLAIN), b=nn.Buffer(PLAIN)),
            "meta": torch.empty(2, device="meta"),
        }


VALUES = values()


def zeros(dtype: torch.dtype) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "ComplexHalf support is experimental")
        return torch.zeros(4, dtype=dtype)


def torch_dtypes() -> list[torch.dtype]:
    """Those of which torch can save zeros."""
    found = []
    for dtype in {value for value in vars(torch).values() if isinstance(value, torch.dtype)}:
        try:
            saved(zeros(dtype))
        except (RuntimeError, KeyError, NotImplementedError):
            continue
        found.append(dtype)
    return sorted(found, key=str)


DTYPES = torch_dtypes()


def test_there_are_many_dtypes() -> None:
    assert {torch.float32, torch.bfloat16, torch.uint16, torch.bool, torch.float8_e5m2} <= set(DTYPES)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("kind", VALUES)
def test_what_torch_saves_is_data_only(kind: str, legacy: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = scan(saved(VALUES[kind], legacy=legacy), "model.pt")
    assert found.verdict is Verdict.DATA_ONLY, found.findings


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tensors_of_every_dtype_are_data_only(dtype: torch.dtype) -> None:
    for legacy in (False, True):
        found = scan(saved(zeros(dtype), legacy=legacy), "model.pt")
        assert found.verdict is Verdict.DATA_ONLY, found.findings


GENERATOR = np.random.default_rng(0)
ARRAYS: dict[str, Any] = {
    "numbers": GENERATOR.random((3, 4)),
    "many numbers": GENERATOR.random(5_000),
    "Fortran's order": np.asfortranarray(GENERATOR.random((3, 4))),
    "every second": np.arange(10)[::2],
    "a single value": np.array(3.0),
    "no values": np.zeros((0, 3)),
    "words": np.array(["a", "bcd"]),
    "words of any length": np.array(["a", "b" * 50], dtype=np.dtypes.StringDType()),
    "objects": np.array([1, "a", None, {"a": [1]}], dtype=object),
    "rows": np.zeros(2, dtype=[("a", [("x", "f4"), ("y", "i2", (2,))]), ("b", "S3")]),
    "rows with objects": np.zeros(2, dtype=[("a", "i4"), ("b", "O")]),
    "times": np.array(["2020-01-01"], dtype="M8[ns]"),
    "the other byte order": np.arange(3, dtype=">i4"),
    "bfloat16": np.ones(3, dtype=ml_dtypes.bfloat16),
    "int4": np.ones(3, dtype=ml_dtypes.int4),
    "masked": np.ma.masked_less(np.arange(5), 2),
    "a matrix": np.ones((1, 2)).view(np.matrix),
    "letters": np.char.array(["ab"]),
    "records": np.rec.array([(1, "a")], dtype=[("a", "i4"), ("b", "U1")]),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_what_numpy_saves_is_data_only(kind: str) -> None:
    value = ARRAYS[kind]
    several = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stored array in format")
        warnings.filterwarnings("ignore", "Custom dtypes are saved")
        files = {"one.npy": array(np.asarray(value))}
        np.savez_compressed(several, first=value, second=np.arange(3))
    files["several.npz"] = several.getvalue()
    for name, data in files.items():
        found = scan(data, name)
        assert found.verdict is Verdict.DATA_ONLY, (name, found.findings)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_in_a_pickle_are_data_only(kind: str, protocol: int) -> None:
    fitted = {"coef_": ARRAYS[kind], "classes_": np.array(["a", "b"]), "n_iter_": np.int32(4), "C": 1.0}
    data = pickle.dumps(fitted, protocol)
    for name, packed in {"a.pkl": data, "a.gz": gzip.compress(data), "a.xz": lzma.compress(data)}.items():
        found = scan(packed, name)
        assert found.verdict is Verdict.DATA_ONLY, found.findings
