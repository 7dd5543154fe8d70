"""The service's records, read back: damaged lines, rotated files and a line that is being written are no trouble."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from fer.inference.faces import Doubt

#: Below the service's folder of records: a file for each of its processes, and one for each of its former days.
FILES = "fer/data/data.*.log*"
#: A record from later than this was written by a clock that is wrong, and would be the newest for as long.
AHEAD = timedelta(hours=1)

Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """A face as ``fer.inference.records.record_of`` tells it; the service adds the time."""

    model_config = ConfigDict(frozen=True)

    time: AwareDatetime | None = None
    endpoint: str
    model: str
    width: Side
    height: Side
    score: Share | None
    brightness: Number | None
    contrast: Number | None
    sharpness: Number | None
    likeness: Number | None
    emotion: str
    certain: bool
    doubts: list[str]
    probabilities: Annotated[list[Share], Field(min_length=2)]


@dataclass(frozen=True)
class Seen:
    """Records of one model.

    Attributes:
        table: as ``table_of`` makes it, oldest first.
        damaged: lines that are no records, in the files that were read.
        others: records of other models there, by their versions.
    """

    table: pd.DataFrame
    damaged: int = 0
    others: Counter[str] = field(default_factory=Counter)


def parse(line: str | bytes) -> Record | None:
    """The record of a line; None where the line is damaged, or tells no time."""
    try:
        record = Record.model_validate_json(line)
    except ValidationError:
        return None
    return record if record.time else None


def table_of(records: Sequence[Record]) -> pd.DataFrame:
    """A row per record.

    Returns:
        - the columns of ``Record``, ``time`` in UTC.
        - ``side``: the shorter side of the box, in pixels.
        - ``confidence``: the largest probability.
        - ``face``: whether the picture looks like one.
    """
    columns = {name: [getattr(record, name) for record in records] for name in Record.model_fields}
    table = pd.DataFrame(columns)
    for name in ("score", "brightness", "contrast", "sharpness", "likeness"):
        table[name] = table[name].astype("float64")
    table["time"] = pd.to_datetime(table["time"], utc=True)
    return table.assign(
        side=table[["width", "height"]].min(axis=1).astype("float64"),
        confidence=pd.Series([max(row) for row in table["probabilities"]], index=table.index, dtype="float64"),
        face=pd.Series([Doubt.NO_FACE not in row for row in table["doubts"]], index=table.index, dtype=bool),
    )


def read_records(
    folder: Path, model: str, newest: int, since: datetime | None = None, now: datetime | None = None
) -> Seen:
    """The records of a model, from the service's files.

    Files are read from the newest on, and no more of them than are needed.

    Args:
        folder: the service's setting ``monitor``.
        model: the version whose records are wanted.
        newest: how many at most, the latest; with ``since`` all after that are taken.
        since: records after it only.
        now: the present, for records that claim to be from later.
    """
    latest = (now or datetime.now(UTC)) + AHEAD
    kept: list[Record] = []
    damaged, others = 0, Counter[str]()
    for written, path in _files(folder):
        if since and written < since:
            break
        if since is None and len(kept) >= newest and written < min(_times(kept)[-newest:]):
            break
        for line in _lines(path):
            record = parse(line)
            if record is None or record.time is None or record.time > latest:
                damaged += 1
            elif since is None or record.time > since:
                if record.model == model:
                    kept.append(record)
                else:
                    others[record.model] += 1
    kept.sort(key=lambda record: record.time or latest)
    return Seen(table_of(kept if since else kept[-newest:]), damaged, others)


def _times(records: Sequence[Record]) -> list[datetime]:
    return sorted(record.time for record in records if record.time)


def _files(folder: Path) -> list[tuple[datetime, Path]]:
    """The files of records, each with the time of its last line; the newest first."""
    found = []
    for path in folder.glob(FILES):
        try:
            found.append((datetime.fromtimestamp(path.stat().st_mtime, UTC), path))
        except FileNotFoundError:  # renamed this very moment, as its day is over
            continue
    return sorted(found, reverse=True)


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file that are written to their end."""
    try:
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))
    except FileNotFoundError:
        return
