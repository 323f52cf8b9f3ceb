import gzip
import io
import struct
import tarfile
import zipfile

import numpy as np
import pytest
import torch

from core.pickles import Verdict, scan
from core.pickles.formats import Format
from core.pickles.lab import wrappers
from core.pickles.lab.assembler import Assembler, assemble

CLEAN = {"epoch": 3, "loss": 0.25}
PICKLE = assemble(wrappers.CLEAN, 2)


def test_torch_itself_loads_the_zip_checkpoint() -> None:
    assert torch.load(io.BytesIO(wrappers.torch_zip(PICKLE)), weights_only=True) == CLEAN


def test_torch_itself_loads_the_legacy_checkpoint() -> None:
    assert torch.load(io.BytesIO(wrappers.torch_legacy(PICKLE)), weights_only=True) == CLEAN


def test_numpy_reads_the_header_and_the_pickle_behind_it() -> None:
    data = wrappers.npy(assemble((5,), 2))
    assert np.load(io.BytesIO(data), allow_pickle=True) == (5,)
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        np.load(io.BytesIO(data))


def test_the_tar_and_the_zips_hold_the_pickle() -> None:
    with tarfile.open(fileobj=io.BytesIO(wrappers.tar(PICKLE))) as archive:
        (member,) = archive.getmembers()
        file = archive.extractfile(member)
        assert file is not None
        assert file.read() == PICKLE
    with zipfile.ZipFile(io.BytesIO(wrappers.nested_zip(PICKLE))) as outer:
        inner = outer.read("weights.zip")
    with zipfile.ZipFile(io.BytesIO(inner)) as archive_within:
        assert archive_within.read("model/data.pkl") == PICKLE


def test_gzip_unpacks_to_what_went_in() -> None:
    assert gzip.decompress(wrappers.gzipped(PICKLE)) == PICKLE
    assert wrappers.gzipped(PICKLE) == wrappers.gzipped(PICKLE)


def test_a_joblib_array_is_aligned_and_read_as_one() -> None:
    numbers = (0.5, -1.25, 3.0, 1e300)
    assembler = Assembler(4)
    wrappers.joblib_array(assembler, numbers)
    assembler.stop()
    packed = struct.pack("<4d", *numbers)
    start = assembler.data.index(packed)
    assert start % 16 == 0
    report = scan(assembler.data, "model.joblib")
    assert (report.format, report.verdict) == (Format.JOBLIB, Verdict.DATA_ONLY)
    raw = [entry for entry in report.ledger.entries if entry.reason == "numbers of a joblib array"]
    assert [entry.end for entry in raw] == [start + len(packed)]
