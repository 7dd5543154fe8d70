"""From uploaded pictures to faces, in threads beside the event loop."""

import asyncio
import copy
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from threading import BoundedSemaphore, Event
from typing import Any, TypeVar

import cv2
import numpy as np

from fer.errors import UserError
from fer.inference.detection import Box, Detection, Detector
from fer.inference.faces import Face, Photo
from fer.inference.formats import read_still
from fer.inference.formats.still import Still
from fer.inference.image import decode
from fer.inference.reader import Reader
from fer.serving.about import version_of
from fer.serving.admission import Admission
from fer.serving.problems import ApiError, overloaded
from fer.serving.settings import Settings, cores
from fer.serving.uploads import Picture

#: Threads that decode crops and wait for their batch. A detector keeps a network for each.
THREADS = 16
#: Photos, and crops of more bytes than this together, are read by as many threads as there are cores: large images
#: are few at a time.
LARGE = 500_000
#: Pixels that are decoded together; of larger images there are as many as cores in memory at a time.
TOGETHER = 4_000_000
#: Bytes of a file that count as one unit of work.
UNIT = 100_000
#: Pixels of the shorter side from which on a picture may be a photo with a readable face in it.
CROP_SIDE = 96
#: Pixels of the longer side at which it is searched: a face that fills a crop is found in far fewer.
CROP_SEARCH = 320
#: A picture is a photo where its largest face takes less than this share of it. Measured: docs/serving.md.
CROP_SHARE = 0.3

Result = TypeVar("Result")


@dataclass(frozen=True)
class Crop:
    """A picture read as one face.

    Attributes:
        name: of the file, where the client gave one.
        face: what was read.
        is_crop: False where a detector finds a face that is much smaller than the picture, which is then no crop but a
            whole photo; None where the picture is too small to tell.
    """

    name: str | None
    face: Face
    is_crop: bool | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"name": self.name, "is_crop": self.is_crop} | self.face.to_dict()


class Engine:
    """Reads pictures for the service: bounded in memory and in waiting, used from one event loop.

    Args:
        reader: finds and reads faces.
        settings: for the limits.
    """

    def __init__(self, reader: Reader, settings: Settings) -> None:
        self.reader = reader
        self._settings = settings
        self.admission = Admission(settings.queue_seconds)
        self._large_images = BoundedSemaphore(cores())
        self._small = ThreadPoolExecutor(THREADS, "small")
        self._large = ThreadPoolExecutor(cores(), "large")

    def with_reader(self, reader: Reader) -> "Engine":
        """The same engine, with its threads and its queue, that reads by another reader."""
        other = copy.copy(self)
        other.reader = reader
        return other

    @property
    def version(self) -> str:
        """The model's, in short."""
        return version_of(self.reader.classifier.card)["version"]

    async def classify(self, pictures: Sequence[Picture]) -> list[Crop]:
        """Every picture as the crop of one face."""
        size = sum(len(picture.data) for picture in pictures)
        return await self._run(self._large if size > LARGE else self._small, self._crops, pictures)

    async def analyze(self, pictures: Sequence[Picture], boxes: Sequence[list[Box] | None]) -> list[Photo]:
        """Every face of every photo; those under the caller's boxes where there are some."""
        return await self._run(self._large, lambda given, late: self._photos(given, boxes, late), pictures)

    def close(self) -> None:
        """Let the threads end."""
        for pool in (self._small, self._large):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _run(
        self, pool: Executor, work: Callable[[Sequence[Picture], Event], Result], pictures: Sequence[Picture]
    ) -> Result:
        """``work`` in a thread of the pool; nobody waits for it once the event that it is given is set."""
        size, late = sum(len(picture.data) for picture in pictures), Event()
        with self.admission.enter(len(pictures) + size / UNIT):
            try:
                async with asyncio.timeout(self._settings.answer_seconds):
                    return await asyncio.get_running_loop().run_in_executor(pool, work, pictures, late)
            except TimeoutError as error:
                raise overloaded(self._settings.answer_seconds) from error
            finally:
                late.set()

    def _crops(self, pictures: Sequence[Picture], late: Event) -> list[Crop]:
        crops = []
        for group in self._groups(pictures):
            with self._room(group.pixels):
                if late.is_set():
                    break
                images = [given.pixels() for given in group.pictures]
                whether = [is_crop(image, self.reader.detector) for image in images]
                faces = self.reader.faces(images)
            names = [given.name for given in group.pictures]
            crops += [Crop(*found) for found in zip(names, faces, whether, strict=True)]
        return crops

    def _photos(self, pictures: Sequence[Picture], boxes: Sequence[list[Box] | None], late: Event) -> list[Photo]:
        wanted, photos = iter(boxes), []
        for group in self._groups(pictures, most=0):
            with self._room(group.pixels):
                if late.is_set():
                    break
                photos += [self._photo(given, next(wanted)) for given in group.pictures]
        return photos

    def _photo(self, given: "_Given", boxes: list[Box] | None) -> Photo:
        image = given.pixels()
        try:
            photo = self.reader.photo(image, boxes)
        except (UserError, ValueError) as error:
            if boxes is None:
                raise
            raise ApiError(422, "bad_boxes", f"{given.where}: {error}") from error
        return replace(photo, name=given.name)

    def _groups(self, pictures: Sequence[Picture], most: int = TOGETHER) -> list["_Group"]:
        """The pictures in groups that are decoded together, all sizes checked before the first pixel is."""
        groups: list[_Group] = []
        for number, picture in enumerate(pictures, 1):
            given = self._given(picture, _where(picture, number, len(pictures)))
            pixels = given.still.width * given.still.height
            if not groups or groups[-1].pixels + pixels > most:
                groups.append(_Group())
            groups[-1].pictures.append(given)
            groups[-1].pixels += pixels
        return groups

    def _given(self, picture: Picture, where: str) -> "_Given":
        """What the file says of its picture; ApiError where that has too many pixels, or it is no image."""
        try:
            still = read_still(picture.data)
        except UserError as error:
            raise ApiError(422, "unreadable_image", f"{where}: {error}") from error
        pixels = still.width * still.height
        if pixels > (most := self._settings.max_pixels):
            what = f"the image has {still.width}x{still.height} pixels, more than {most / 1e6:g} megapixels"
            raise ApiError(413, "too_many_pixels", f"{where}: {what}; send a smaller one")
        if pixels * still.bits > 32 * most:
            what = f"the image takes {pixels * still.bits / 8e6:.0f} MB when decoded, more than {4 * most / 1e6:g}"
            raise ApiError(413, "too_many_pixels", f"{where}: {what}; send a smaller one, or 8 bits")
        return _Given(picture.name, where, still)

    def _room(self, pixels: int) -> AbstractContextManager[object]:
        return self._large_images if pixels > TOGETHER else nullcontext()


@dataclass(frozen=True)
class _Given:
    """A picture whose header was read; ``where`` is how an error names it."""

    name: str | None
    where: str
    still: Still

    def pixels(self) -> np.ndarray:
        """uint8 ``[H, W, 3]`` BGR, upright; ApiError where it cannot be decoded."""
        try:
            return decode(self.still)
        except UserError as error:
            raise ApiError(422, "unreadable_image", f"{self.where}: {error}") from error


@dataclass
class _Group:
    pictures: list[_Given] = field(default_factory=list)
    pixels: int = 0


class Bounded:
    """A detector that gives no more than a number of faces, the largest.

    Args:
        detector: who looks.
        most: faces of one image.
    """

    def __init__(self, detector: Detector, most: int) -> None:
        self._detector = detector
        self._most = most
        self.name = detector.name

    def detect(self, image: np.ndarray) -> list[Detection]:
        """As the detector does."""
        return self._detector.detect(image)[: self._most]


def is_crop(image: np.ndarray, detector: Detector) -> bool | None:
    """Whether a picture shows one face cropped to it, as far as a detector can tell; None where it cannot."""
    height, width = image.shape[:2]
    if min(height, width) < CROP_SIDE:
        return None
    scale = CROP_SEARCH / max(height, width)
    if scale < 1:
        width, height = max(1, round(scale * width)), max(1, round(scale * height))
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    found = detector.detect(image)
    if not found:
        return None
    _, _, face_width, face_height = found[0].box
    return face_width * face_height >= CROP_SHARE * width * height


def _where(picture: Picture, number: int, total: int) -> str:
    name = f" {picture.name!r:.80}" if picture.name else ""
    return f"image {number} of {total}{name}" if total > 1 else f"image{name}"
