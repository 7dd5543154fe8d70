"""What the service keeps of a request once it is answered."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

#: The whole service with BentoML's own middlewares, in one process; how many timers run on after 20 answers.
PROGRAM = """
import asyncio
import httpx
from fer.serving.service import FerService

async def main():
    app = FerService.to_asgi()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://fer") as client:
        for _ in range(20):
            assert (await client.get("/openapi.json")).status_code == 200
    print(sum(not timer.cancelled() for timer in asyncio.get_running_loop()._scheduled))

asyncio.run(main())
"""


def test_no_timer_runs_on_after_an_answer(tmp_path):
    environment = os.environ | {"BENTOML_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0"]
