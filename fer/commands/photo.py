"""``fer photo``: the faces of photos as a table, JSON lines or CSV, and drawn into copies."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from fer.commands.annotate import draw_faces, enlarged
from fer.commands.options import DetectorName, MinFace, Model, Url, check_format
from fer.commands.progress import progress
from fer.commands.reading import open_reading
from fer.commands.remote import NoAnswerError
from fer.commands.sources import Source, Unread, find_photos, find_targets
from fer.commands.stopping import StoppedError, stopped_by_signals
from fer.commands.tables import Column, Table, detector_line, shortened
from fer.errors import UserError
from fer.files import replace_file
from fer.inference.faces import COLUMNS, Photo, count, percent, place, write_csv_header
from fer.inference.image import load_image

#: Characters of a file's name that the table leaves room for.
NAME_WIDTH = 40
#: Quality of annotated copies, of 100, by the format that has one.
QUALITY = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
}


@dataclass
class Problems:
    """What was not read: JSON has a line for each, people are told at the end."""

    as_json: bool
    found: list[Unread] = field(default_factory=list)

    def add(self, unread: Unread) -> None:
        """One more."""
        self.found.append(unread)
        if self.as_json:
            print(json.dumps({"name": unread.name, "problem": unread.why}), flush=True)


def photo(
    files: Annotated[list[str], typer.Argument(help="Photos, folders (with their subfolders), - for standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line for every photo.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV, a row for every face, and one with face 0 for a photo without.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write the photos with boxes to this folder, or one photo to this file.")
    ] = None,
    url: Url = None,
    model: Model = None,
    detector: DetectorName = None,
    min_face: MinFace = None,
) -> None:
    """Read the faces of photos.

    Photos without a face are listed too. A photo that cannot be read is
    skipped and named at the end; the exit code is then 1.
    """
    check_format(as_json, as_csv)
    sources, absent = find_photos(files)
    problems = Problems(as_json)
    for unread in absent:
        problems.add(unread)
    if not sources:
        if len(absent) == 1:
            raise UserError(str(absent[0]))
        _say(0, 0, absent, "")
        raise typer.Exit(1)
    targets = find_targets(sources, files, output) if output else {}
    reading = open_reading(url, model, detector, min_face)
    show = _json_lines() if as_json else _csv_rows(reading.classes) if as_csv else _table(sources)
    tried = done = faces = 0
    detector = None
    with (
        progress(len(sources) if len(sources) > 1 else None, True, for_programs=as_json or as_csv) as advance,
        stopped_by_signals() as stopping,
    ):
        for source in sources:
            tried += 1
            try:
                with stopping.at_once(source.may_wait):
                    data = source.read()
                found = _read(source.name, data, reading.photo, targets.get(source))
            except StoppedError:
                tried -= 1
                break
            except UserError as error:
                problems.add(Unread(source.name, str(error)))
                if isinstance(error, NoAnswerError):
                    break
            else:
                show(found)
                done, faces, detector = done + 1, faces + len(found.faces), found.detector
            advance(tried)
            if stopping.signal:
                break
    if not (as_json or as_csv) and (line := detector_line(detector)):
        print(line, flush=True)
    if output and done:
        print(f"with boxes: {output}", file=sys.stderr)
    _say(done, faces, problems.found, f"; stopped, {left} left" if (left := len(sources) - tried) else "")
    if stopping.signal or problems.found:
        raise typer.Exit(stopping.exit_code or 1)


def _read(name: str, data: bytes, read: Callable[[bytes], Photo], target: Path | None) -> Photo:
    """The faces of one photo; they are drawn into its copy where it has a target."""
    found = replace(read(data), name=name)
    if target:
        _write(target, draw_faces(*enlarged(load_image(data), found.faces)))
    return found


def _write(target: Path, image: np.ndarray) -> None:
    suffix = target.suffix.lower()
    ok, encoded = cv2.imencode(suffix, image, QUALITY.get(suffix, []))
    if not ok:
        raise UserError(f"{target}: cannot be written in this format; give a name that ends in .jpg or .png")
    try:
        with replace_file(target) as fresh:
            fresh.write_bytes(encoded.tobytes())
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error.strerror}); choose another place") from error


def _table(sources: Sequence[Source]) -> Callable[[Photo], None]:
    width = min(max([len("photo"), *(len(source.name) for source in sources)]), NAME_WIDTH)
    table = Table(
        Column("photo", width),
        Column("emotion", 9),
        Column("probability", 11, right=True),
        Column("face", 22),
        Column("not certain: why", 16),
    )
    lines = iter([table.header])

    def show(photo: Photo) -> None:
        for header in lines:
            print(header)
        name = shortened(photo.name or "", NAME_WIDTH)
        if not photo.faces:
            print(table.row(name, "no face"))
        for face in photo.faces:
            print(table.row(name, face.label, percent(face.probability), place(face.box), ", ".join(face.doubts)))
            name = ""
        sys.stdout.flush()

    return show


def _json_lines() -> Callable[[Photo], None]:
    return lambda photo: print(json.dumps(photo.to_dict()), flush=True)


def _csv_rows(classes: Sequence[str]) -> Callable[[Photo], None]:
    """A row per face; a photo without one has a row whose face is 0 and that says nothing more."""
    writer = write_csv_header(sys.stdout, COLUMNS, classes)

    def show(photo: Photo) -> None:
        nothing: dict[str, Any] = {
            "name": photo.name,
            "width": photo.width,
            "height": photo.height,
            "detector": photo.detector,
            "face": 0,
        }
        writer.writerows(photo.to_rows() or [nothing])
        sys.stdout.flush()

    return show


def _say(photos: int, faces: int, problems: Sequence[Unread], end: str) -> None:
    """The sum on standard error, and every photo that was not read."""
    done = f"{count(photos, 'photo')}, {count(faces, 'face')}" if photos else "no photo was read"
    print(f"{done}{end}", file=sys.stderr)
    if problems:
        print(f"not read: {len(problems)}", *(f"  {problem}" for problem in problems), sep="\n", file=sys.stderr)
