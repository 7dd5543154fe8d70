"""The drawn sample: a small data set of rendered faces with FER-2013's class imbalance, softened, and known flaws.

It shows that every part of the pipeline works. Its emotions are drawn plainly, so its scores say nothing about
photographs, and its differences between architectures nothing about their rank on FER-2013.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fer.data.dataset import SPLITS
from fer.data.drawing.canvas import one_thread
from fer.data.drawing.face import draw_person, draw_units
from fer.data.drawing.objects import draw_object
from fer.data.drawing.portrait import draw_face, draw_scene
from fer.data.reading import Reading, settle
from fer.data.source import Loaded, SourceFaces, SourceRows
from fer.emotions import EMOTIONS
from fer.inference.face_size import FACE_SIZE

#: FER-2013's images per emotion over all its splits (Goodfellow et al. 2013).
FER2013_COUNTS = {
    "angry": 4953,
    "disgust": 547,
    "fear": 5121,
    "happy": 8989,
    "sad": 6077,
    "surprise": 4002,
    "neutral": 6198,
}

#: Share of all images that each flaw takes, of the train split only.
FLAW_SHARES = {
    "blank": 0.006,
    "duplicate": 0.010,
    "conflict": 0.002,
    "leak": 0.008,
    "wrong_label": 0.016,
    "inverted": 0.006,
    "dark": 0.006,
    "not_a_face": 0.006,
}

#: Flaws that even the smallest sample has; the others come in from 300 images at the latest.
_ALWAYS = ("blank", "duplicate", "leak")
_SMALLEST = 70

#: Share of every class in validation, and in test: predicted from ten views, a face costs more there than in training.
SPLIT_SHARE = 0.07

#: Share of the images that every class has at least. Of FER-2013's 1.5 % of disgust a short training learns nothing.
LEAST_SHARE = 0.1


@dataclass
class _Row:
    """One image to draw; ``true_emotion`` is what is drawn, ``copy_of`` a row number or -1."""

    emotion: str
    split: str
    true_emotion: str
    flaw: str = ""
    copy_of: int = -1


def read_sample(images: int, seed: int, reading: Reading) -> SourceFaces:
    """The drawn sample as a source; ``images`` and ``seed`` are those of ``draw_sample``."""
    faces, table = draw_sample(images, seed, reading.image_size)
    rows = SourceRows(
        "drawn sample",
        "the drawn sample",
        table.rename(columns={"emotion": "label"}),
        lambda rows: Loaded(faces if len(rows) == len(faces) else faces[rows], np.ones(len(rows), bool)),
        "label",
        lambda row: f"{table['source_id'].iloc[row]}: label",
        lambda row: f"{table['source_id'].iloc[row]}: split",
    )
    return settle(rows, reading)


def draw_sample(images: int, seed: int, size: int = FACE_SIZE) -> tuple[np.ndarray, pd.DataFrame]:
    """Draw faces of random people that show Ekman's emotions, some of the train rows flawed.

    The faces follow the action units of Ekman & Friesen's Facial Action Coding System (1978) in the combinations of
    the EMFACS prototypes. Classes have FER-2013's shares, but disgust has 10 % (FER-2013: 1.5 %) and the others make
    room for it; every class has an image in every split. Splits are 86/7/7 and stratified. Only train rows carry a
    flaw; a copy's original may be in another split.

    Args:
        images: how many, at least 70.
        seed: same seed, number and size, same bytes.
        size: S, of the images in pixels; drawn on one canvas of 192 pixels, larger ones hold no more detail.

    Returns:
        uint8 ``[images, S, S]``, 0 black to 255 white, and a table with one row per image: ``emotion`` (the
        label), ``split``, ``source_id`` (``sample-00042``), ``flaw`` (a key of ``FLAW_SHARES`` or ""), ``flaw_of``
        (a copy's original by source_id, or ""), ``true_emotion`` (what is drawn; "" where no face is) and
        ``occlusion`` (none, glasses, hand or hair; "" where no face is).

    Raises:
        ValueError: for fewer than 70 images.
    """
    if images < _SMALLEST:
        raise ValueError(f"a sample needs at least {_SMALLEST} images to have every class in every split, got {images}")
    rng = np.random.default_rng(seed)
    rows = _plan(images, rng)
    _plan_flaws(rows, rng)
    pixels = np.zeros((images, size, size), np.uint8)
    occlusions = [""] * images
    with one_thread():
        for number, row in enumerate(rows):
            if row.copy_of < 0:
                pixels[number], occlusions[number] = _draw(row, np.random.default_rng([seed, number]), size)
    for number, row in enumerate(rows):
        if row.copy_of >= 0:
            pixels[number], occlusions[number] = pixels[row.copy_of], occlusions[row.copy_of]
    table = pd.DataFrame(
        {
            "emotion": [row.emotion for row in rows],
            "split": [row.split for row in rows],
            "source_id": [_source_id(number) for number in range(images)],
            "flaw": [row.flaw for row in rows],
            "flaw_of": [_source_id(row.copy_of) if row.copy_of >= 0 else "" for row in rows],
            "true_emotion": [row.true_emotion for row in rows],
            "occlusion": occlusions,
        }
    )
    return pixels, table


def class_shares() -> dict[str, float]:
    """FER-2013's share of every class, at least ``LEAST_SHARE``, which the other classes make room for."""
    shares = {emotion: FER2013_COUNTS[emotion] / sum(FER2013_COUNTS.values()) for emotion in EMOTIONS}
    rest = sum(share for share in shares.values() if share >= LEAST_SHARE)
    room = 1 - LEAST_SHARE * sum(share < LEAST_SHARE for share in shares.values())
    return {emotion: share / rest * room if share >= LEAST_SHARE else LEAST_SHARE for emotion, share in shares.items()}


def _source_id(number: int) -> str:
    return f"sample-{number:05d}"


def _plan(images: int, rng: np.random.Generator) -> list[_Row]:
    """Unflawed rows in random order: the classes' shares, each class split 86/7/7."""
    rows = []
    for emotion, count in class_counts(images).items():
        held_out = max(1, round(count * SPLIT_SHARE))
        for split, size in zip(SPLITS, (count - 2 * held_out, held_out, held_out), strict=True):
            rows += [_Row(emotion, split, emotion) for _ in range(size)]
    return [rows[position] for position in rng.permutation(images)]


def class_counts(images: int) -> dict[str, int]:
    """The classes' shares of ``images``, rounded by largest remainder, at least three of each class."""
    shares = np.array(list(class_shares().values()))
    counts = np.maximum(np.floor(shares * images), 3)
    while counts.sum() < images:
        counts[np.argmax(shares * images - counts)] += 1
    while counts.sum() > images:
        counts[np.argmax(counts - shares * images - 1e9 * (counts <= 3))] -= 1
    return {emotion: int(count) for emotion, count in zip(EMOTIONS, counts, strict=True)}


def _plan_flaws(rows: list[_Row], rng: np.random.Generator) -> None:
    """Mark train rows as flawed in place.

    Half of every class's train rows stay clean, so that no class is spoilt and every copy has a clean original.
    """
    spoilable: list[int] = []
    originals: dict[tuple[str, str], list[int]] = {}
    for emotion in EMOTIONS:
        for split in SPLITS:
            numbers = [n for n, row in enumerate(rows) if row.emotion == emotion and row.split == split]
            numbers = [int(number) for number in rng.permutation(numbers)]
            spoilt = len(numbers) // 2 if split == "train" else 0
            spoilable += numbers[:spoilt]
            originals[emotion, split] = numbers[spoilt:]
    queue = iter(rng.permutation(spoilable))
    for flaw, share in FLAW_SHARES.items():
        least = 1 if flaw in _ALWAYS or len(rows) >= 300 else 0
        for _ in range(max(least, round(share * len(rows)))):
            _spoil(rows, next(queue), flaw, originals, rng)


def _spoil(
    rows: list[_Row],
    number: int,
    flaw: str,
    originals: dict[tuple[str, str], list[int]],
    rng: np.random.Generator,
) -> None:
    row = rows[number]
    row.flaw = flaw

    def choose(candidates: list[int]) -> int:
        # A copy comes after its original where it can, since cleaning keeps the first of two equal images.
        return int(rng.choice([n for n in candidates if n < number] or candidates))

    others = [emotion for emotion in EMOTIONS if emotion != row.emotion]
    if flaw in ("blank", "not_a_face"):
        row.true_emotion = ""
    elif flaw == "wrong_label":
        row.true_emotion = str(rng.choice(others))
    elif flaw == "duplicate":
        row.copy_of = choose(originals[row.emotion, "train"])
    elif flaw == "leak":
        row.copy_of = int(rng.choice(originals[row.emotion, "test"] + originals[row.emotion, "validation"]))
    elif flaw == "conflict":
        row.copy_of = choose(originals[str(rng.choice(others)), "train"])
        row.true_emotion = rows[row.copy_of].emotion


def _draw(row: _Row, rng: np.random.Generator, size: int) -> tuple[np.ndarray, str]:
    """The image of a row that is no copy, and what covers its face."""
    if row.flaw == "blank":
        return np.full((size, size), rng.choice([0, 0, 255]), np.uint8), ""
    if row.flaw == "not_a_face":
        return draw_object(rng, size), ""
    scene = draw_scene(rng)
    image = draw_face(draw_person(rng), draw_units(row.true_emotion, rng), scene, rng, size)
    if row.flaw == "inverted":
        image = 255 - image
    elif row.flaw == "dark":
        image = (image // np.uint8(rng.integers(18, 30))).astype(np.uint8)
    return image, scene.occlusion
