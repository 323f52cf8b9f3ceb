"""The engines that a script can repeat: the text of a function for each, by the engine's kind.

Each function gives a call without arguments. It takes the model, what makes inputs, the batch, the names of
the inputs, the ONNX file and the number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core.engines.engine import EngineKind, EngineOptions, Optimization, Spin
from core.engines.ort import SHORT_SPIN_MICROSECONDS
from core.engines.quantized import CALIBRATION_BATCH, CALIBRATION_SEEDS

_LEVELS: Final[Mapping[Optimization, str]] = MappingProxyType({
    Optimization.DISABLE: "ORT_DISABLE_ALL",
    Optimization.BASIC: "ORT_ENABLE_BASIC",
    Optimization.EXTENDED: "ORT_ENABLE_EXTENDED",
    Optimization.ALL: "ORT_ENABLE_ALL",
})  # fmt: skip

_EAGER: Final = '''\
def eager(model, inputs, batch, names, file, threads):
    """The module called in inference mode, one operator after the other."""
    return called(model, *inputs(batch), torch.inference_mode())'''

_GRAD: Final = '''\
def eager_grad(model, inputs, batch, names, file, threads):
    """The same call, recording what a backward pass would need."""
    return called(model, *inputs(batch), torch.enable_grad())'''

_CHANNELS_LAST: Final = '''\
def eager_channels_last(model, inputs, batch, names, file, threads):
    """Images with the channels of a pixel side by side."""
    args, kwargs = inputs(batch)
    if not any(each.dim() == 4 for each in args):
        raise ValueError("no input is a batch of images, which alone can be channels-last")
    model.to(memory_format=torch.channels_last)
    last = {"memory_format": torch.channels_last}
    args = tuple(each.contiguous(**last) if each.dim() == 4 else each for each in args)
    return called(model, args, kwargs, torch.inference_mode())'''

_HALF: Final = '''\
def eager_«DTYPE»(model, inputs, batch, names, file, threads):
    """Weights and inputs in «DTYPE»."""
    args, kwargs = inputs(batch)
    args = tuple(each.to(torch.«DTYPE») for each in args)
    kwargs = {name: each.to(torch.«DTYPE») for name, each in kwargs.items()}
    return called(model.to(torch.«DTYPE»), args, kwargs, torch.inference_mode())'''

_COMPILED: Final = '''\
def compiled(model, inputs, batch, names, file, threads):
    """The module translated to C++ by its first call, which needs a compiler."""
    return called(torch.compile(model), *inputs(batch), torch.inference_mode())'''

_TORCHSCRIPT: Final = '''\
def torchscript(model, inputs, batch, names, file, threads):
    """The module traced on an example and frozen."""
    args, kwargs = inputs(2)
    example = dict(zip(names, args)) | kwargs if kwargs else None
    with torch.no_grad():
        traced = torch.jit.trace(
            model, None if kwargs else args, example_kwarg_inputs=example, check_trace=False, strict=False
        )
    return called(torch.jit.freeze(traced), *inputs(batch), torch.inference_mode())'''

_SESSION: Final = '''\
def ort_call(file, inputs, batch, names, threads):
    """A run of a file in ONNX Runtime, on arrays made once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what is wrong comes as an exception
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.«LEVEL»
«SPIN»    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    args, kwargs = inputs(batch)
    arrays = dict(zip(names, (each.numpy() for each in [*args, *kwargs.values()])))
    feeds = {each.name: arrays[each.name] for each in session.get_inputs()}
    return lambda: session.run(None, feeds)'''

_SPIN: Final[Mapping[Spin, str]] = MappingProxyType({
    Spin.DEFAULT: "",
    Spin.SHORT: (
        "    # Its idle threads wait busily for a millisecond, not for long.\n"
        '    options.add_session_config_entry("session.intra_op.spin_duration_us", '
        f'"{SHORT_SPIN_MICROSECONDS}")\n'
    ),
    Spin.OFF: '    options.add_session_config_entry("session.intra_op.allow_spinning", "0")\n',
})  # fmt: skip

_ORT: Final = '''\
def ort(model, inputs, batch, names, file, threads):
    """The exported graph in ONNX Runtime, on the processor."""
    return ort_call(file, inputs, batch, names, threads)'''

_DYNAMIC: Final = '''\
def ort_int8_dynamic(model, inputs, batch, names, file, threads):
    """Weights in 8 bits; the ranges of what flows are found in each call."""
    import onnx
    from onnxruntime.quantization import quant_pre_process, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        ready, small = f"{folder}/ready.onnx", f"{folder}/small.onnx"
        quant_pre_process(file, ready, skip_symbolic_shape=True)
        quantize_dynamic(ready, small)
        kinds = {node.op_type for node in onnx.load(small).graph.node}
        if not kinds & {"ConvInteger", "MatMulInteger", "DynamicQuantizeLSTM", "QAttention"}:
            raise ValueError("no operator of this model can compute in int8")
        return ort_call(small, inputs, batch, names, threads)'''

_STATIC: Final = '''\
def ort_int8_static(model, inputs, batch, names, file, threads):
    """Weights and what flows in 8 bits, by ranges that examples have shown."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat
    from onnxruntime.quantization import quant_pre_process, quantize_static

    class Examples(CalibrationDataReader):
        def __init__(self):
            self.seeds = iter(range(«FIRST», «LAST»))  # other numbers than those that are measured

        def get_next(self):
            seed = next(self.seeds, None)
            if seed is None:
                return None
            args, kwargs = inputs(«BATCH», seed)
            return dict(zip(names, (each.numpy() for each in [*args, *kwargs.values()])))

    with tempfile.TemporaryDirectory() as folder:
        ready, small = f"{folder}/ready.onnx", f"{folder}/small.onnx"
        quant_pre_process(file, ready, skip_symbolic_shape=True)
        quantize_static(ready, small, Examples(), quant_format=QuantFormat.QDQ)
        if not any(node.op_type == "QuantizeLinear" for node in onnx.load(small).graph.node):
            raise ValueError("no operator of this model can compute in int8")
        return ort_call(small, inputs, batch, names, threads)'''

_FLOAT16: Final = '''\
def ort_float16(model, inputs, batch, names, file, threads):
    """The graph in 16 bits, its inputs and outputs in 32."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    half = convert_float_to_float16(onnx.load(file), keep_io_types=True)
    return ort_call(half.SerializeToString(), inputs, batch, names, threads)'''

REPEATED: Final[Mapping[EngineKind, str]] = MappingProxyType({
    EngineKind.EAGER: _EAGER,
    EngineKind.EAGER_GRAD: _GRAD,
    EngineKind.CHANNELS_LAST: _CHANNELS_LAST,
    EngineKind.BFLOAT16: _HALF.replace("«DTYPE»", "bfloat16"),
    EngineKind.FLOAT16: _HALF.replace("«DTYPE»", "float16"),
    EngineKind.COMPILED: _COMPILED,
    EngineKind.TORCHSCRIPT: _TORCHSCRIPT,
    EngineKind.ORT: _ORT,
    EngineKind.ORT_INT8_DYNAMIC: _DYNAMIC,
    EngineKind.ORT_INT8_STATIC: (
        _STATIC.replace("«FIRST»", str(CALIBRATION_SEEDS.start))
        .replace("«LAST»", str(CALIBRATION_SEEDS.stop))
        .replace("«BATCH»", str(CALIBRATION_BATCH))
    ),
    EngineKind.ORT_FLOAT16: _FLOAT16,
})  # fmt: skip
"""The engines that run on a processor with PyTorch and ONNX Runtime alone."""
NOT_REPEATED: Final = "this script measures the processor"


def function(kind: EngineKind) -> str:
    """What an engine's function is called."""
    return kind.value.replace("-", "_")


def session(options: EngineOptions) -> str:
    """The function that opens ONNX Runtime, with these options."""
    return _SESSION.replace("«LEVEL»", _LEVELS[options.optimization]).replace("«SPIN»", _SPIN[options.spin])
