"""Label changes per minute on a still face, frame by frame and followed: ``python benchmarks/flicker.py [IMAGE...]``.

Every image's largest face stands still for 12 s at 25 frames a second, as a cheap camera shows it: noise of the sensor
(standard deviation 5 of 255 levels), a box that jitters by up to 1 pixel, and light that flickers by 5 %. Each frame is
read by the released model; ``fer.inference.tracks`` then follows it with its defaults, and with parts of them switched
off. Without an image, drawn faces of the sample stand still. Faces are found by the detector that the machine has.
"""

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from fer.inference.detection import Box
from fer.inference.faces import Face
from fer.inference.image import load_image
from fer.inference.reader import Reader
from fer.inference.tracks import Smoothing, Tracker

SECONDS, RATE = 12, 25
NOISE, JITTER, FLICKER = 5.0, 1, 0.05
#: Side in pixels that a face has in the picture; the pipeline's own faces are as large at arm's length.
SIDE = 120
DRAWN = 12


def portraits(reader: Reader, paths: Sequence[str]) -> Iterator[tuple[str, np.ndarray, Box]]:
    """A name, an image and the box of its face, which is ``SIDE`` pixels wide."""
    for path in paths:
        image = load_image(path)
        found = reader.photo(image).faces
        if not found:
            print(f"{Path(path).name}: no face found, left out")
            continue
        x, y, width, height = found[0].box
        edge = width // 4  # the room that an aligned crop may want
        part = image[max(y - edge, 0) : y + height + edge, max(x - edge, 0) : x + width + edge]
        scale = SIDE / width
        small = cv2.resize(
            part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        )
        left, top = min(x, edge) * scale, min(y, edge) * scale
        yield Path(path).name, small, (round(left), round(top), SIDE, round(height * scale))


def drawn() -> Iterator[tuple[str, np.ndarray, Box]]:
    """Faces of the sample, enlarged."""
    from fer.data.sample import draw_sample

    faces, table = draw_sample(140, seed=48)
    for row in np.flatnonzero(table["flaw"] == "")[:DRAWN]:
        face = cv2.cvtColor(cv2.resize(faces[row], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)
        edge = SIDE // 4
        image = cv2.copyMakeBorder(face, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        yield f"drawn {table['emotion'].iloc[row]}", image, (edge, edge, SIDE, SIDE)


def filmed(reader: Reader, image: np.ndarray, box: Box, seed: int = 0) -> Iterator[tuple[float, Face]]:
    """Times, and the still face as it is read in every frame."""
    chance = np.random.default_rng(seed)
    for at in range(SECONDS * RATE):
        light = 1 + FLICKER * np.sin(2 * np.pi * 3.1 * at / RATE) + FLICKER / 3 * chance.standard_normal()
        frame = image * light + NOISE * chance.standard_normal(image.shape, np.float32)
        x, y, width, height = box
        dx, dy = chance.integers(-JITTER, JITTER + 1, 2)
        moved = (x + int(dx), y + int(dy), width, height)
        yield at / RATE, reader.photo(frame.clip(0, 255).astype(np.uint8), boxes=[moved]).faces[0]


def changes(values: Sequence[object]) -> float:
    """Changes per minute."""
    return sum(was != now for was, now in itertools.pairwise(values)) * 60 / SECONDS


def main(paths: Sequence[str]) -> None:
    reader = Reader(threads=1)
    thresholds = reader.classifier.card.thresholds
    whole = Smoothing(thresholds=thresholds)
    ways = {
        "every frame alone": replace(whole, time_constant=0.0, margin=0.0, hold=0.0),
        "smoothed": replace(whole, margin=0.0, hold=0.0),
        "hysteresis": replace(whole, time_constant=0.0),
        "both (default)": whole,
    }
    rows = []
    print(f"{reader!r}\nlabel changes per minute:", *ways, sep="\t")
    for name, image, box in portraits(reader, paths) if paths else drawn():
        trackers = {way: Tracker(smoothing) for way, smoothing in ways.items()}
        told: dict[str, list[Face]] = {way: [] for way in ways}
        for time, face in filmed(reader, image, box):
            for way, tracker in trackers.items():
                told[way].extend(tracker.step(time, [face]))
        labels = [changes([face.emotion for face in told[way]]) for way in ways]
        certain = [changes([face.certain for face in told[way]]) for way in ways]
        rows.append(labels + certain)
        print(name, *(f"{value:.0f}" for value in labels), sep="\t", flush=True)
    means = np.mean(rows, axis=0)
    print(f"mean of {len(rows)}", *(f"{value:.1f}" for value in means[: len(ways)]), sep="\t")
    print("changes of 'certain', mean", *(f"{value:.1f}" for value in means[len(ways) :]), sep="\t")


if __name__ == "__main__":
    main(sys.argv[1:])
