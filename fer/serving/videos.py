"""Videos: uploaded to a file without a name, read frame by frame, answered as JSON or CSV."""

import json
import logging
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from fer.errors import UserError
from fer.inference.container import HEAD
from fer.inference.faces import write_csv_header
from fer.inference.media import media_kind
from fer.inference.reader import Reader
from fer.inference.video import COLUMNS, EndedEarlyError, Frame, read_video
from fer.serving import metrics
from fer.serving.problems import ApiError
from fer.serving.records import record
from fer.serving.settings import Settings
from fer.serving.tasks import Status, Task, Tasks
from fer.serving.uploads import FORM, check_fields, limited, within

logger = logging.getLogger("fer.serving")

HOW = "send multipart/form-data with one file named video, or the video as the body with its type, such as video/mp4"
RAW = ("video/", "application/octet-stream")
#: Seconds between two words about progress.
NEWS_SECONDS = 0.5
#: How much longer than a video may be its reading may take.
PATIENCE = 20
#: Bytes that are answered at a time.
PIECE = 65536


class Videos:
    """Reads videos one after another beside the other requests.

    Args:
        reader: finds and reads faces.
        settings: for the limits.
    """

    def __init__(self, reader: Reader, settings: Settings) -> None:
        self.reader = reader
        self._settings = settings
        self._pool = ThreadPoolExecutor(1, "video")
        self._closing = threading.Event()
        self.tasks = Tasks(settings.max_videos)

    async def submit(self, request: Request) -> Task:
        """Take a video in and begin with it; ApiError 400, 408, 413, 415 or 503."""
        task = self.tasks.create()
        try:
            async with within(self._settings.body_seconds):
                video = await self._upload(request)
        except BaseException:
            self.tasks.remove(task)
            raise
        self._pool.submit(self._read, task, video)
        return task

    def close(self) -> None:
        """Stop what runs."""
        self._closing.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _upload(self, request: Request) -> IO[bytes]:
        """The video in a file that has no name, and so ends with this process whatever happens."""
        check_fields((), request.query_params.multi_items(), "parameter")
        kind = request.headers.get("Content-Type", "").strip().lower()
        body = limited(request, self._settings.max_video_bytes, lambda _: None)
        if kind.startswith(RAW):
            file = TemporaryFile()  # noqa: SIM115 - closed by ``_read``
            async for chunk in body:
                file.write(chunk)
            file.flush()
            return _video(file)
        if not kind.startswith(FORM):
            raise ApiError(415, "unsupported_media_type", f"the body is no video and no form; {HOW}")
        try:
            form = await MultiPartParser(request.headers, body, max_files=1, max_fields=8).parse()
        except MultiPartException as error:
            raise ApiError(400, "bad_form", f"{error.message.rstrip('.')}; {HOW}") from error
        check_fields(["video"], form.multi_items(), "field")
        upload = form.get("video")
        if not isinstance(upload, UploadFile):
            raise ApiError(400, "bad_form", f"no file named video in the form; {HOW}")
        upload.file.fileno()  # a file of the disk from here on, however small
        upload.file.flush()
        return _video(upload.file)

    def _read(self, task: Task, video: IO[bytes]) -> None:
        path = Path(f"/dev/fd/{video.fileno()}")
        try:
            with video:
                task = self._results(task, path)
        except UserError as error:
            message = str(error).replace(str(path), "the video")
            task = task.model_copy(update={"status": Status.FAILED, "message": message})
        except Exception:
            logger.exception("video %s", task.task_id)
            task = task.model_copy(update={"status": Status.FAILED, "message": "something went wrong here"})
        self.tasks.write(task)

    def _results(self, task: Task, path: Path) -> Task:
        """Read all frames into the task's files; how it stands at the end."""
        place, reader = self.tasks.place(task), self.reader
        start = told = time.monotonic()
        with (place / "frames.jsonl").open("w") as lines, (place / "faces.csv").open("w", newline="") as rows:
            table = write_csv_header(rows, COLUMNS, reader.classifier.classes)
            try:
                for frame in read_video(reader, path):
                    if self._closing.is_set():
                        return task.model_copy(update={"status": Status.FAILED, "message": "the service stopped"})
                    if self.tasks.is_cancelled(task):
                        return task.model_copy(update={"status": Status.CANCELED})
                    self._check(frame, time.monotonic() - start, lines.tell())
                    lines.write(json.dumps(frame.to_dict()) + "\n")
                    table.writerows(frame.to_rows())
                    metrics.count_faces("video", frame.faces)
                    record(self._settings, "video", reader.classifier.card.version, frame.faces)
                    task = task.model_copy(update={"frames": frame.index + 1, "seconds": frame.time})
                    if time.monotonic() - told > NEWS_SECONDS:
                        told = time.monotonic()
                        self.tasks.write(task)
            except EndedEarlyError as error:
                task = task.model_copy(update={"message": str(error).replace(str(path), "the video")})
        return task.model_copy(update={"status": Status.COMPLETED})

    def _check(self, frame: Frame, passed: float, written: int) -> None:
        settings = self._settings
        height, width = frame.image.shape[:2]
        if height * width > settings.max_pixels:
            most = f"{settings.max_pixels / 1e6:g} megapixels"
            raise UserError(f"the video has frames of {width}x{height} pixels, more than {most}; send a smaller one")
        if frame.time > settings.max_video_seconds:
            raise UserError(f"the video is longer than {settings.max_video_seconds:g} s; send a part of it")
        if passed > PATIENCE * settings.max_video_seconds or written > settings.max_video_bytes:
            raise UserError("the video has too many frames or faces; send a part of it")


def _video(file: IO[bytes]) -> IO[bytes]:
    """The file itself; closed, and ApiError 415, where it is no video by its first bytes."""
    file.seek(0)
    if media_kind(file.read(HEAD)) != "video":
        file.close()
        raise ApiError(415, "not_a_video", "the file is no MP4, MOV, AVI, MKV or WebM video; send pictures to /analyze")
    file.seek(0)
    return file


def result(tasks: Tasks, task: Task, kind: str) -> Response:
    """What a task has found, as ``json`` (a list of frames) or ``csv`` (a row per face).

    Raises:
        ApiError: 400 for another kind, 409 where the task is not completed.
    """
    if kind not in ("json", "csv"):
        raise ApiError(400, "bad_format", "format must be json or csv")
    if task.status is not Status.COMPLETED:
        raise ApiError(409, "not_completed", f"the task is {task.status}; /video/status says more")
    if kind == "csv":
        return StreamingResponse(_pieces(tasks.place(task) / "faces.csv"), media_type="text/csv; charset=utf-8")
    return StreamingResponse(_list(tasks.place(task) / "frames.jsonl"), media_type="application/json")


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


async def _list(path: Path) -> AsyncIterator[bytes]:
    """The lines of a file as one JSON list."""
    separator = b"["
    with path.open("rb") as file:
        while lines := file.readlines(PIECE):
            yield separator + b",".join(line.rstrip() for line in lines)
            separator = b","
    yield b"]\n" if separator == b"," else b"[]\n"


def task_answer(task: Task) -> dict[str, Any]:
    """What is told of a task."""
    return task.model_dump(mode="json", exclude={"worker"})
