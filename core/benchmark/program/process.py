"""The parts of the script that run an engine: the imports, and a process that times calls when asked to.

Text of a program that is given away: nothing of it runs in this process. Blanks are written `«NAME»`.
"""

from __future__ import annotations

from typing import Final

IMPORTS: Final = """\
import argparse
import contextlib
import gc
import io
import json
import logging
import math
import multiprocessing
import os
import random
import signal
import statistics
import sys
import tempfile
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn"""

TOOLS: Final = '''\
def flat(output):
    """The arrays of a model's output, in order; fewer bits are widened to float32."""
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, (list, tuple)):
        return [array for each in output for array in flat(each)]
    if isinstance(output, torch.Tensor):
        output = (output.float() if output.is_floating_point() else output).detach().numpy()
    return [output]


def called(model, args, kwargs, mode):
    """A call without arguments that runs the model once. Making a mode takes time too: it is one object."""

    def call():
        with mode:
            return model(*args, **kwargs)

    return call'''

PROCESS: Final = '''\
def serve(pipe, engine, name, batch, threads, file):
    """A process with one engine: loads it, then times its calls whenever it is asked to."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(threads)
    if sys.platform == "linux":
        # A stopped process cannot see that its parent has died: the system shall end it (PR_SET_PDEATHSIG).
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    make, inputs, names = MODELS[name]
    try:
        start = time.perf_counter()
        call = ENGINES[engine](make(), inputs, batch, names, file, threads)
        loaded = time.perf_counter()
        output = call()
        first = time.perf_counter()
        pipe.send(("ready", loaded - start, first - loaded, flat(output)))
        gc.collect()
        gc.freeze()
        while True:
            calls = pipe.recv()
            gc.collect()
            gc.disable()
            call()  # not counted: the process has been stopped, and its caches are cold
            start = time.perf_counter()
            for _ in range(calls):
                call()
            seconds = (time.perf_counter() - start) / calls
            gc.enable()
            pipe.send(("time", seconds))
    except EOFError:
        pass  # the other end has closed: there is nothing more to do
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        pipe.send(("failed", f"{type(error).__name__}: {said}"))


class Failed(Exception):
    """An engine that cannot be measured."""


class Worker:
    """The measuring side of such a process; it stands still unless it is asked for something."""

    def __init__(self, engine, name, batch, threads, file):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=serve, args=(theirs, engine, name, batch, threads, file), daemon=True
        )
        self.process.start()
        theirs.close()
        try:
            self.load_seconds, self.first_seconds, self.outputs = self.receive()
        except Failed:
            self.close()
            raise
        self.stop()

    def time(self, calls):
        """The seconds of one call, as the mean over so many."""
        self.signal("SIGCONT")
        try:
            self.pipe.send(calls)
            return self.receive()[0]
        except OSError:
            raise Failed("its process ended") from None
        finally:
            self.stop()

    def receive(self):
        """What the process says: waiting on the pipe takes nothing from it, asking again and again would."""
        try:
            if not self.pipe.poll(«LOAD_SECONDS»):
                raise Failed("no answer for «LOAD_SECONDS» s")
            kind, *answer = self.pipe.recv()
        except (EOFError, OSError):
            raise Failed("its process ended") from None
        if kind == "failed":
            raise Failed(answer[0])
        return answer

    def stop(self):
        """Has its threads use no processor while another engine is timed."""
        self.signal("SIGSTOP")

    def signal(self, name):
        if hasattr(signal, name) and self.process.is_alive():
            os.kill(self.process.pid, getattr(signal, name))

    def close(self):
        self.pipe.close()
        self.process.kill()
        self.process.join()'''
