"""The program in C++17, for ONNX Runtime's C++ API."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from core.export.snippets import quoting
from core.export.snippets.run import Input, Run

_TYPES: Final = MappingProxyType({
    "float": "float", "double": "double", "float16": "Ort::Float16_t", "bfloat16": "Ort::BFloat16_t",
    "int8": "int8_t", "int16": "int16_t", "int32": "int32_t", "int64": "int64_t", "uint8": "uint8_t",
    "uint16": "uint16_t", "uint32": "uint32_t", "uint64": "uint64_t", "bool": "bool",
})  # fmt: skip

_PROGRAM: Final = """\
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <type_traits>
#include <vector>

// Simple numbers, the same in every language: 64ths are exact in every floating-point type.
template <typename T>
Ort::Value filled(const std::vector<int64_t>& shape) {
    Ort::AllocatorWithDefaultOptions allocator;
    Ort::Value tensor = Ort::Value::CreateTensor<T>(allocator, shape.data(), shape.size());
    T* numbers = tensor.GetTensorMutableData<T>();
    const std::size_t count = tensor.GetTensorTypeAndShapeInfo().GetElementCount();
    for (std::size_t i = 0; i < count; ++i) {
        if constexpr (std::is_integral_v<T>) {
            numbers[i] = static_cast<T>(i % 2);
        } else {
            numbers[i] = T(static_cast<float>(i % 61) / 64);
        }
    }
    return tensor;
}

template <typename T>
void show(const char* name, const Ort::Value& tensor) {
    const T* numbers = tensor.GetTensorData<T>();
    const auto info = tensor.GetTensorTypeAndShapeInfo();
    std::cout << name << " (";
    const char* separator = "";
    for (int64_t size : info.GetShape()) {
        std::cout << separator << size;
        separator = ", ";
    }
    std::cout << ')';
    for (std::size_t i = 0; i < std::min<std::size_t>(8, info.GetElementCount()); ++i) {
        if constexpr (std::is_arithmetic_v<T>) {
            std::cout << ' ' << +numbers[i];
        } else {
            std::cout << ' ' << numbers[i].ToFloat();
        }
    }
    std::cout << '\\n';
}

int main() {
    Ort::Env environment;
    const std::filesystem::path path = std::filesystem::u8path(«FILE»);
    Ort::Session session(environment, path.c_str(), Ort::SessionOptions{});

    std::vector<const char*> input_names = «INPUT_NAMES»;
    std::vector<Ort::Value> inputs;
«INPUTS»
    std::vector<const char*> output_names = «OUTPUT_NAMES»;
    std::vector<Ort::Value> outputs =
        session.Run(Ort::RunOptions{}, input_names.data(), inputs.data(), inputs.size(),
                    output_names.data(), output_names.size());
«SHOW»}
"""


def write(run: Run) -> tuple[str, str]:
    """The program and a note.

    Raises:
        UnfitError: if an input is of a type that the program cannot fill.
    """
    run = run.limited("C++", _TYPES)
    code = quoting.fill(
        _PROGRAM,
        {
            "FILE": quoting.cpp(run.file_name),
            "INPUT_NAMES": _braces([quoting.cpp(each.name) for each in run.inputs]),
            "INPUTS": "".join(f"    inputs.push_back({_tensor(each)});\n" for each in run.inputs),
            "OUTPUT_NAMES": _braces([quoting.cpp(each.name) for each in run.outputs]),
            "SHOW": "".join(
                f"    show<{_TYPES[each.dtype]}>(output_names[{index}], outputs[{index}]);\n"
                for index, each in enumerate(run.outputs)
            ),
        },
    )
    return code, run.note


def _braces(parts: list[str]) -> str:
    return f"{{{', '.join(parts)}}}"


def _tensor(each: Input) -> str:
    return f"filled<{_TYPES[each.dtype]}>({_braces([str(size) for size in each.shape])})"
