"""The desktop client: a camera, a video or a folder of images with every face boxed and named."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fer.commands.annotate import draw_faces
from fer.errors import UserError
from fer.inference.detection import Detector
from fer.inference.image import decode_image
from fer.inference.reader import Reader

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
#: Codecs that OpenCV's own wheel writes everywhere, by the output's suffix.
CODECS = {".avi": "MJPG", ".mp4": "mp4v"}
WINDOW = "fer (q or Esc quits)"
#: Frames per second of a source that does not say.
DEFAULT_RATE = 25.0


@dataclass(frozen=True)
class Source:
    """Where frames come from: ``frames`` yields a name (of the image file, or "") and a uint8 ``[H, W, 3]`` BGR image.

    ``rate`` is in frames per second; None for a folder of images.
    """

    rate: float | None
    frames: Iterator[tuple[str, np.ndarray]]


@dataclass(frozen=True)
class Summary:
    """How many frames were read and how many faces were found in them."""

    frames: int
    faces: int


def run_webcam(
    source: str, model: Path, output: Path | None, display: bool, detector: Detector | None = None
) -> Summary:
    """Print which model predicts, then box and name the faces of a camera, a video or a folder of images.

    Args:
        source: a camera's number, a video file, or a folder of images.
        model: a folder with ``model.onnx`` and ``card.json``.
        output: a video file (``.avi``, ``.mp4``) to write, or for a folder of images the folder to write to.
        display: show a window; q or Esc ends the run.
        detector: finds the faces; OpenCV's frontal face cascade by default.

    Raises:
        UserError: when a camera, file, folder, model or display is missing or unusable.
    """
    if output is None and not display:
        raise UserError("nothing to do: ask for a window (--display), a file to write (--output), or both")
    reader = Reader(model, detector or "auto")
    card = reader.classifier.card
    print(f"{model}: {card.architecture}, trained on {card.dataset}", flush=True)
    frames = faces = 0
    with ExitStack() as stack:
        opened = stack.enter_context(_open_source(source))
        write = stack.enter_context(_open_output(output, source, opened.rate)) if output else None
        show = stack.enter_context(_open_window(opened.rate)) if display else None
        for name, image in opened.frames:
            found = reader.photo(image).faces
            frames += 1
            faces += len(found)
            annotated = draw_faces(image, found)
            if write:
                write(name, annotated)
            if show and not show(annotated):
                break
    return Summary(frames, faces)


@contextmanager
def _open_source(source: str) -> Iterator[Source]:
    path = Path(source)
    if path.is_dir():
        yield Source(None, _images(path))
        return
    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_SILENT
    )  # OpenCV writes ten lines of its own about a camera that is not there
    if source.isdecimal():
        capture = cv2.VideoCapture(min(int(source), 2**31 - 1))
        problem = f"camera {source}: not there or in use; try another number, or give a video file"
    elif path.is_file():
        capture = cv2.VideoCapture(source)
        problem = f"{path}: not a video that OpenCV can read; convert it to .mp4 or .avi"
    else:
        raise UserError(f"{source}: no such file or folder; give a camera's number, a video file or a folder of images")
    try:
        ok, first = capture.read()
        if not ok:
            raise UserError(problem)
        yield Source(capture.get(cv2.CAP_PROP_FPS) or DEFAULT_RATE, _video(capture, first))
    finally:
        capture.release()


def _video(capture: cv2.VideoCapture, image: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    ok = True
    while ok:
        yield "", image
        ok, image = capture.read()


def _images(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise UserError(f"{folder}: holds no images ({', '.join(IMAGE_SUFFIXES)}); give a folder that does")
    for file in files:
        try:
            yield file.name, decode_image(file.read_bytes())
        except UserError as error:
            raise UserError(f"{file}: {error}") from error


@contextmanager
def _open_output(output: Path, source: str, rate: float | None) -> Iterator[Callable[[str, np.ndarray], None]]:
    """Yield a function that writes one frame, given its name and image."""
    if rate is None:
        yield _folder_writer(output, Path(source))
        return
    if output.suffix.lower() not in CODECS:
        raise UserError(f"{output}: not a video file's name; end it in {' or '.join(CODECS)}")
    if Path(source).resolve() == output.resolve():
        raise UserError(f"{output}: is the source itself; write to another file")
    output.parent.mkdir(parents=True, exist_ok=True)
    codec = cv2.VideoWriter.fourcc(*CODECS[output.suffix.lower()])
    writer = cv2.VideoWriter()

    def write(name: str, image: np.ndarray) -> None:
        if not writer.isOpened() and not writer.open(str(output), codec, rate, (image.shape[1], image.shape[0])):
            raise UserError(f"{output}: cannot be written; check the folder's permissions and space")
        writer.write(image)

    try:
        yield write
    finally:
        writer.release()


def _folder_writer(output: Path, source: Path) -> Callable[[str, np.ndarray], None]:
    if output.resolve() == source.resolve():
        raise UserError(f"{output}: is the source itself; write to another folder")
    if output.exists() and not output.is_dir():
        raise UserError(f"{output}: is a file; give a folder, as the source is a folder of images")
    output.mkdir(parents=True, exist_ok=True)

    def write(name: str, image: np.ndarray) -> None:
        if not cv2.imwrite(str(output / name), image):
            raise UserError(f"{output / name}: cannot be written; check the folder's permissions and space")

    return write


@contextmanager
def _open_window(rate: float | None) -> Iterator[Callable[[np.ndarray], bool]]:
    """Yield a function that shows one image and returns whether to go on.

    Moving pictures play as fast as they are classified; an image of a folder stays until a key is pressed.
    """
    remedy = "leave the window out and write to a file (--output)"
    # OpenCV's window library ends the process, without an exception, where there is no display to open
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise UserError(f"no display to show a window on (DISPLAY is not set); {remedy}")
    try:
        cv2.namedWindow(WINDOW, cv2.WINDOW_NORMAL)
    except cv2.error as error:
        raise UserError(f"this OpenCV cannot show windows; {remedy}") from error
    delay = 1 if rate else 0

    def show(image: np.ndarray) -> bool:
        cv2.imshow(WINDOW, image)
        key = cv2.waitKey(delay) & 0xFF
        return key not in (ord("q"), 27)

    try:
        yield show
    finally:
        cv2.destroyWindow(WINDOW)
