from pathlib import Path

import pytest

from fer.errors import UserError
from fer.training.checkpoint import Checkpoint
from pipelines import train


def test_without_tensorflow_the_checkpoint_is_the_result_and_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"mini: trained, .* copy state/checkpoints/mini-abc to the same place"
    ) as caught:
        train.finish_with_tensorflow.fn("mini", Checkpoint(Path("state/checkpoints/mini-abc")))
    assert "\n" not in str(caught.value)
