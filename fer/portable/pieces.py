"""What comes back: finished jobs one behind the other, cut into pieces that a mail or a copy tool takes."""

import hashlib
import json
from pathlib import Path
from typing import Any

from fer.errors import UserError
from fer.files import replace_file, write_text

RESULTS, PIECE = "results.json", "results.{:02d}"
#: Bytes of a piece at most.
LARGEST = 15_000_000


class Results:
    """The output folder: ``results.json``, and beside it the jobs' bytes in pieces.

    Every job is there, or not, as a whole: ``results.json`` is written last. A later entry of a job replaces an earlier
    one, whose bytes stay where they are.

    Args:
        folder: what is there of an earlier run is removed.
        about: what stands in ``results.json`` beside pieces and jobs.
        room: bytes that all pieces may have together.
    """

    def __init__(self, folder: Path, about: dict[str, Any], room: int):
        self.folder, self.about, self.room = folder, about, room
        self.jobs: dict[str, dict[str, Any]] = {}
        self.used = 0
        self._last = b""
        folder.mkdir(parents=True, exist_ok=True)
        for old in [folder / RESULTS, *sorted(folder.glob("results.[0-9][0-9]"))]:
            old.unlink(missing_ok=True)
        self.write()

    def fits(self, content: bytes) -> bool:
        """Whether there is room for it."""
        return self.used + len(content) <= self.room

    def add(self, name: str, content: bytes, told: dict[str, Any]) -> None:
        """Write a job's bytes, and what is told of it."""
        where = {"start": self.used, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        while content:
            number = self.used // LARGEST
            more, content = content[: (number + 1) * LARGEST - self.used], content[(number + 1) * LARGEST - self.used :]
            self._last += more
            with replace_file(self.folder / PIECE.format(number)) as fresh:
                fresh.write_bytes(self._last)
            self.used += len(more)
            if self.used % LARGEST == 0:
                self._last = b""
        self.tell(name, told | where)

    def tell(self, name: str, told: dict[str, Any]) -> None:
        """Write what is told of a job that has no bytes, or none yet."""
        self.jobs[name] = told
        self.write()

    def write(self) -> None:
        """Write ``results.json``."""
        count = -(-self.used // LARGEST)
        sizes = [min(LARGEST, self.used - number * LARGEST) for number in range(count)]
        pieces = [{"name": PIECE.format(number), "bytes": size} for number, size in enumerate(sizes)]
        content = self.about | {"pieces": pieces, "jobs": self.jobs}
        write_text(self.folder / RESULTS, json.dumps(content, indent=1) + "\n")


def read_results(folder: Path) -> dict[str, Any]:
    """``results.json``.

    Raises:
        UserError: where there is none, or it is damaged.
    """
    path = folder / RESULTS
    try:
        content = json.loads(path.read_bytes())
        if not isinstance(content["jobs"], dict) or not isinstance(content["pieces"], list):
            raise ValueError("another kind of file")
        return content
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the results of python -m fer.portable ({error}); copy it once more") from error


def read_job(folder: Path, results: dict[str, Any], name: str) -> bytes:
    """The bytes of a job.

    Raises:
        UserError: where a piece that holds some of them is missing or damaged.
    """
    told = results["jobs"][name]
    start, stop = told["start"], told["start"] + told["bytes"]
    content, names = b"", []
    for number, piece in enumerate(results["pieces"]):
        first = number * LARGEST
        if first < stop and start < first + piece["bytes"]:
            path = folder / piece["name"]
            names.append(piece["name"])
            if not path.is_file():
                raise UserError(f"{path}: missing, and {name} is in it; copy it once more")
            if path.stat().st_size < piece["bytes"]:
                raise UserError(
                    f"{path}: {path.stat().st_size} bytes of {piece['bytes']}, and {name} is in it; copy it once more"
                )
            content += path.read_bytes()[max(0, start - first) : stop - first]
    if hashlib.sha256(content).hexdigest() != told["sha256"]:
        raise UserError(f"{folder}: {', '.join(names)}: damaged, and {name} is in it; copy it once more")
    return content
