"""The BentoML service; ONNX Runtime only."""
