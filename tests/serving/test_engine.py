"""What the service's threads do beside the event loop."""

import asyncio
import time

import pytest
from services import encode, noise

from fer.inference.reader import Reader
from fer.serving.engine import Engine
from fer.serving.problems import ApiError
from fer.serving.settings import Settings
from fer.serving.uploads import Picture


class SlowDetector:
    """Finds nothing, and takes its time."""

    name = "slow"

    def __init__(self) -> None:
        self.calls = 0

    def detect(self, image):
        self.calls += 1
        time.sleep(0.1)
        return []


@pytest.mark.parametrize("endpoint", ["analyze", "classify"])
def test_work_that_nobody_waits_for_any_more_ends(model_folder, endpoint):
    detector = SlowDetector()
    engine = Engine(Reader(model_folder, detector), Settings(answer_seconds=0.3))
    # In /classify a group is decoded together: these are large enough for one each.
    side = 120 if endpoint == "analyze" else 2048
    pictures = [Picture(encode(noise(8, 8).repeat(side // 8, 0).repeat(side // 8, 1)))] * 40

    async def ask() -> None:
        await (engine.analyze(pictures, [None] * 40) if endpoint == "analyze" else engine.classify(pictures))

    with pytest.raises(ApiError) as refused:
        asyncio.run(ask())
    assert refused.value.status == 503
    time.sleep(0.5)
    calls = detector.calls
    time.sleep(0.5)
    assert detector.calls == calls < 40, "the thread goes on"
    engine.close()
