"""Fixtures that several rooms share; this file's folder, and so ``onnx_models``, is importable in every test."""

from pathlib import Path

import pytest
from onnx_models import write_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model over FER-2013's seven classes; read only."""
    return write_model(tmp_path_factory.mktemp("model"))
