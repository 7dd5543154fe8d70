"""A grey drawing surface in face units, with soft-edged shapes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np

#: Pixels per face unit, and the canvas's side: 3.2 face units.
SCALE = 60
SIDE = 192
#: Where the point between the eyes lies, in pixels.
ORIGIN = (96, 80)

#: Where the pose takes points ``[..., 2]`` of the frontal face.
Turn = Callable[[np.ndarray], np.ndarray]

_SHIFT = 4


@contextmanager
def one_thread() -> Iterator[None]:
    """OpenCV by one thread: on areas as small as a face's several wait for each other, a third more processor time."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


class Canvas:
    """float32 pixels ``[SIDE, SIDE]``, 0 black to 255 white; points are ``[n, 2]`` in face units."""

    def __init__(self, tone: float) -> None:
        self.pixels = np.full((SIDE, SIDE), tone, np.float32)

    def fill(self, points: np.ndarray, tone: float | np.ndarray, opacity: float = 1.0, blur: float = 0.0) -> None:
        """Paint a polygon with a tone, or with the pixels of another ``[SIDE, SIDE]`` array; blur in face units."""
        self._blend(_Shape(points, blur).polygon(), tone, opacity)

    def line(self, points: np.ndarray, width: float, tone: float, opacity: float = 1.0, blur: float = 0.0) -> None:
        """Paint an open line of ``width`` face units."""
        self._blend(_Shape(points, blur + width).line(width, blur), tone, opacity)

    def shade(self, points: np.ndarray, factor: float, blur: float = 0.0) -> None:
        """Multiply the pixels of a polygon."""
        self._scale(_Shape(points, blur).polygon(), factor)

    def crease(self, points: np.ndarray, width: float, depth: float, blur: float = 0.0) -> None:
        """Darken a line by ``depth`` (0 to 1), as a furrow of the skin."""
        if depth > 0.02:
            self._scale(_Shape(points, blur + width).line(width, blur), 1 - depth)

    def _blend(self, shape: "_Shape", tone: float | np.ndarray, opacity: float) -> None:
        part = self.pixels[shape.rows, shape.columns]
        under = tone[shape.rows, shape.columns] if isinstance(tone, np.ndarray) else np.float32(tone)
        part += (under - part) * (shape.mask * np.float32(opacity))

    def _scale(self, shape: "_Shape", factor: float) -> None:
        part = self.pixels[shape.rows, shape.columns]
        part *= 1 + shape.mask * np.float32(factor - 1)


class _Shape:
    """A mask 0 to 1 over the window that a shape covers: small windows make small work."""

    def __init__(self, points: np.ndarray, margin: float) -> None:
        pixels = points * SCALE + ORIGIN
        reach = 3 * margin * SCALE + 2
        left, top = (_within(value - reach) for value in pixels.min(axis=0).tolist())
        right, bottom = (_within(value + reach) for value in pixels.max(axis=0).tolist())
        self.rows, self.columns = slice(top, bottom), slice(left, right)
        self.size = (bottom - top, right - left)
        self.points = ((pixels - (left, top)) * (1 << _SHIFT) + 0.5).astype(np.int32)
        self.blur = margin * SCALE
        self.mask = np.zeros((0, 0), np.float32)

    def polygon(self) -> "_Shape":
        raw = np.zeros(self.size, np.uint8)
        if raw.size:
            cv2.fillPoly(raw, [self.points], 255, cv2.LINE_8, _SHIFT)
        return self._soften(raw, self.blur)

    def line(self, width: float, blur: float) -> "_Shape":
        raw = np.zeros(self.size, np.uint8)
        if raw.size:
            cv2.polylines(raw, [self.points], False, 255, max(1, round(width * SCALE)), cv2.LINE_8, _SHIFT)
        return self._soften(raw, blur * SCALE)

    def _soften(self, raw: np.ndarray, sigma: float) -> "_Shape":
        if raw.size and sigma > 0.3:
            raw = cv2.GaussianBlur(raw, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        self.mask = raw.astype(np.float32) / np.float32(255)
        return self


def _within(pixel: float) -> int:
    return min(max(int(pixel), 0), SIDE)


_CIRCLE = np.stack([trace(np.linspace(0, 2 * np.pi, 24, endpoint=False)) for trace in (np.cos, np.sin)], axis=1)


def ellipse(centre: np.ndarray | tuple[float, float], half_width: float, half_height: float) -> np.ndarray:
    """``[24, 2]`` points of an upright ellipse, in face units."""
    return _CIRCLE * (half_width, half_height) + centre


def moved(points: np.ndarray, x: float, y: float) -> np.ndarray:
    """Points shifted by face units to the right and down."""
    return points + np.array([x, y])


def smooth(points: np.ndarray, steps: int = 8) -> np.ndarray:
    """A Catmull-Rom curve through an open run of points: ``[(n - 1) * steps + 1, 2]``."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.arange(steps)[:, None] / steps
    before, start, end, after = (padded[i : len(points) - 1 + i, None] for i in range(4))
    bend = 2 * before - 5 * start + 4 * end - after + t * (3 * (start - end) + after - before)
    curve = start + 0.5 * t * (end - before + t * bend)
    return np.concatenate([curve.reshape(-1, 2), points[-1:]])
