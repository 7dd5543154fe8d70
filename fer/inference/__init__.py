"""Faces in, probabilities out: decoding, detection, classification by ONNX Runtime."""
