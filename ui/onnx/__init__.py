"""The parts of the ONNX lab's page."""
