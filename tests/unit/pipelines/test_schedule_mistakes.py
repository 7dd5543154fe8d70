"""What ``schedule`` refuses before it starts a server."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from project import ROOT

from fer.errors import UserError
from pipelines import schedule


def edit(name: str, old: str, new: str) -> Callable[[], None]:
    def change() -> None:
        path = Path(name)
        path.write_text(path.read_text().replace(old, new))

    return change


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (
            edit("prefect.yaml", "0 3 * * *", "* * * * x"),
            r"^prefect\.yaml: retrain: '\* \* \* \* x' is no cron expression; write five fields",
        ),
        (lambda: Path("prefect.yaml").write_text("[]"), r"^prefect\.yaml: not to be read"),
        (lambda: Path("prefect.yaml").unlink(), r"^prefect\.yaml: not to be read"),
        (
            edit("params.yaml", "\npromote:", "\npromoted:"),
            r"^params\.yaml: promoted: unknown key; did you mean promote\?",
        ),
    ],
    ids=["no cron expression", "a list", "no file", "a misspelt key"],
)
def test_a_mistake_is_told_before_any_server_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[], None], reason: str
) -> None:
    for name in ("prefect.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(schedule, "running_server", lambda: pytest.fail("a server is started"))
    damage()
    with pytest.raises(UserError, match=reason) as caught:
        schedule.schedule()
    assert "\n" not in str(caught.value)
