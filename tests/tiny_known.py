"""The tiny network of ``tiny_training`` among the architectures."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tiny_training import register_tiny

from fer.models.common import registry


@contextmanager
def tiny_known() -> Iterator[pytest.MonkeyPatch]:
    """Make the network known until the context ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_ARCHITECTURES", dict(registry._ARCHITECTURES))
        register_tiny()
        yield patch
