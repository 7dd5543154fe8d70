"""Fixtures that several test folders share; this file's folder, and so ``onnx_models``, is importable in every test."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from onnx_models import write_model

# Read by Keras and TensorFlow when a test first imports them.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# YuNet's file, where it is at hand; without it the tests of YuNet are skipped, and none of them downloads it.
YUNET = Path(__file__).parents[2] / "shared" / "weights" / "face_detection_yunet_2023mar.onnx"
if YUNET.is_file():
    os.environ.setdefault("FER_YUNET", str(YUNET))

# How long an example takes says something about the machine, nothing about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model over FER-2013's seven classes; read only."""
    return write_model(tmp_path_factory.mktemp("model"))
