"""`torch.load` with an unpickler that stops where it would look up a function that runs commands."""

import io
import pickle
import types
import warnings
from typing import Any

import torch


class WouldRunError(Exception):
    """The loader would have got hold of `os.system`."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - whatever a pickle names
        if (module, name) in {("posix", "system"), ("nt", "system"), ("os", "system")}:
            raise WouldRunError
        if module.partition(".")[0] in {"torch", "collections", "_codecs"}:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"not needed here: {module}.{name}")


def _load(file: io.BytesIO, **options: Any) -> Any:  # noqa: ANN401
    return _Unpickler(file, **options).load()


def torch_would_run(data: bytes) -> bool:
    """Whether `torch.load` of these bytes would come to look up `os.system`. Nothing is run."""
    module = types.SimpleNamespace(Unpickler=_Unpickler, load=_load, __name__="tripwire")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            torch.load(io.BytesIO(data), pickle_module=module, weights_only=False)
        except WouldRunError:
            return True
        except Exception:  # noqa: BLE001 - torch refuses broken files in many ways
            return False
    return False
