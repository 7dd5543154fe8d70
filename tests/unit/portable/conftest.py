"""A plan of three tiny jobs, packed and trained once for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_jobs import SHORT, tiny_job, write_packed
from tiny_known import tiny_known
from tiny_training import write_pretrained

from fer.portable import pieces
from fer.portable.folder import Packed
from fer.portable.run import run
from fer.training.beginning import make_deterministic


@pytest.fixture(scope="package", autouse=True)
def tiny() -> Iterator[None]:
    make_deterministic()  # the portable training leaves that to its machine: on a busy one the last digits would differ
    with tiny_known() as patch:
        patch.setenv("FER_CACHE", "/nonexistent/cache")
        patch.setattr(pieces, "LARGEST", 3000)
        yield


@pytest.fixture(scope="package")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    folder = tmp_path_factory.mktemp("packed")
    weights = write_pretrained(folder / "weights")
    return write_packed(
        folder / "packed",
        tiny_job("one"),
        tiny_job("two", 4, **SHORT, job={"keep": "predictions"}),
        tiny_job("student", 5, **SHORT, job={"teachers": ("one", "two"), "share": 1.0}),
        weights=weights,
    )


@pytest.fixture(scope="package")
def out(packed: Packed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "out"
    said: list[str] = []
    run(packed, folder, folder.with_name("state"), None, 10**6, said.append)
    (folder / "said").write_text("\n".join(said))
    return folder
