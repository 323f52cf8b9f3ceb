"""From a PyTorch model to an ONNX file that other languages run: export, check, look inside."""
