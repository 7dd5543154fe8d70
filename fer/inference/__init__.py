"""Faces in, probabilities out: decoding, detection, classification by ONNX Runtime."""

import os

# From 1.29 on, ONNX Runtime's wheels for Linux and macOS report every session to their maker from the moment that they
# are imported; this variable, read then, is what stops them (its Privacy.md). Who sets it keeps his own choice.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
