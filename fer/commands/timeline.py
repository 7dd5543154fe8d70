"""A picture of a video's emotions: time from left to right, a band per person."""

from collections import Counter

import cv2
import numpy as np

from fer.commands.annotate import bgr
from fer.emotions import EMOTION_COLORS
from fer.inference.video import Frame

#: Bins that the time axis starts with; when time runs over the last one, every two become one.
BINS = 1024
#: Seconds of a bin at first.
FIRST_BIN = 0.05
#: Bands in one picture: those of the people who were seen longest.
MOST_BANDS = 20
#: Pixels of the picture.
PLOT, LEFT, RIGHT, TOP, BAND, GAP, BOTTOM = 1024, 150, 36, 70, 34, 12, 44
PAPER, INK, GREY = (255, 255, 255), (45, 40, 36), (226, 222, 218)
FONT, SMALL = cv2.FONT_HERSHEY_SIMPLEX, 0.46

#: Seconds by (emotion, certain).
Bin = Counter[tuple[str, bool]]


class Timeline:
    """Adds frames up into bins of time: constant in memory, however long the video is."""

    def __init__(self) -> None:
        self._width = FIRST_BIN
        self._bands: dict[int, dict[int, Bin]] = {}
        self._end = 0.0

    def add(self, frame: Frame, interval: float) -> None:
        """Count a frame that stands for ``interval`` seconds."""
        self._end = max(self._end, frame.time + interval)
        while self._end > BINS * self._width:
            self._halve()
        first, last = int(frame.time / self._width), int((frame.time + 0.999 * interval) / self._width)
        for face in frame.faces:
            assert face.track is not None
            band = self._bands.setdefault(face.track, {})
            for at in range(first, min(last, first + BINS) + 1):  # a frame may be longer than a bin
                band.setdefault(at, Counter())[face.emotion, face.certain] += interval / (last - first + 1)  # type: ignore[assignment]

    def draw(self) -> np.ndarray:
        """The picture, uint8 ``[H, W, 3]`` BGR: a band in the emotions' colours; half as high where not certain."""
        seen = {track: sum(sum(part.values()) for part in band.values()) for track, band in self._bands.items()}
        shown = sorted(sorted(seen, key=lambda track: (-seen[track], track))[:MOST_BANDS])
        bottom = TOP + max(len(shown), 1) * (BAND + GAP)
        canvas = np.full((bottom + BOTTOM, LEFT + PLOT + RIGHT, 3), PAPER, np.uint8)
        _draw_legend(canvas)
        _write(canvas, "person", (14, TOP - 10))
        _write(canvas, "seen", (70, TOP - 10))
        self._draw_axis(canvas, bottom)
        for row, track in enumerate(shown):
            top = TOP + row * (BAND + GAP)
            _write(canvas, f"{track}", (14, top + 23), scale=0.6)
            _write(canvas, f"{seen[track]:.1f} s", (70, top + 22))
            self._draw_band(canvas, self._bands[track], top)
        if not shown:
            _write(canvas, "no face", (LEFT + 8, TOP + 22))
        elif len(seen) > len(shown):
            _write(canvas, f"and {len(seen) - len(shown)} more, seen less", (14, bottom + 36))
        return canvas

    def _halve(self) -> None:
        self._width *= 2
        for track, band in self._bands.items():
            merged: dict[int, Bin] = {}
            for at, part in band.items():
                merged.setdefault(at // 2, Counter()).update(part)
            self._bands[track] = merged

    def _x(self, time: float) -> int:
        return LEFT + round(PLOT * time / max(self._end, FIRST_BIN))

    def _draw_band(self, canvas: np.ndarray, band: dict[int, Bin], top: int) -> None:
        for at, part in sorted(band.items()):
            (emotion, certain), _ = part.most_common(1)[0]
            left, right = self._x(at * self._width), self._x(min((at + 1) * self._width, self._end))
            inset = 0 if certain else BAND // 4
            box = (left, top + inset), (max(right - 1, left), top + BAND - 1 - inset)
            cv2.rectangle(canvas, *box, bgr(EMOTION_COLORS[emotion]), cv2.FILLED)

    def _draw_axis(self, canvas: np.ndarray, bottom: int) -> None:
        step = next(step for step in _STEPS if self._end / step <= 10 or step == _STEPS[-1])
        for tick in range(int(self._end / step) + 1):
            x = self._x(tick * step)
            cv2.line(canvas, (x, TOP - 6), (x, bottom), GREY, 1)
            text = clock(tick * step, 0 if step >= 1 else 1)
            width = cv2.getTextSize(text, FONT, SMALL, 1)[0][0]
            _write(canvas, text, (x - width // 2, bottom + 18))


#: Seconds between two ticks of the axis.
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 36000, 86400)


def clock(seconds: float, decimals: int = 0) -> str:
    """A time for people: ``0:07``, or ``0:07.50`` with two decimals; ``1:02:03``."""
    whole, part = divmod(round(seconds * 10**decimals), 10**decimals)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
    return f"{text}.{part:0{decimals}}" if decimals else text


def _draw_legend(canvas: np.ndarray) -> None:
    x = LEFT
    for emotion, colour in EMOTION_COLORS.items():
        cv2.rectangle(canvas, (x, 16), (x + 15, 31), bgr(colour), cv2.FILLED)
        _write(canvas, emotion, (x + 22, 29))
        x += 22 + cv2.getTextSize(emotion, FONT, SMALL, 1)[0][0] + 24
    cv2.rectangle(canvas, (x, 20), (x + 15, 27), INK, cv2.FILLED)
    _write(canvas, "not certain", (x + 22, 29))


def _write(canvas: np.ndarray, text: str, origin: tuple[int, int], scale: float = SMALL) -> None:
    cv2.putText(canvas, text, origin, FONT, scale, INK, 1, cv2.LINE_AA)
