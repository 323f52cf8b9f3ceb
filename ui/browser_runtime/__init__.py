"""ONNX Runtime Web: a model runs in the visitor's own browser, from files that the app serves itself."""
