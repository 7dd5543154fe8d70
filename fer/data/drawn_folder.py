"""A drawn data set as other people's come: a folder of colour photos, unlike the sample in everything but the emotions.

It has other names for splits, labels and columns, 160 pixels, people of whom there are many photos each, groups, a
bias against one group and flaws of every kind. What was planted is known.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from fer.data.colour_faces import draw_colour_face
from fer.data.drawing.canvas import one_thread
from fer.data.drawing.face import Person, draw_person, draw_units
from fer.data.drawing.objects import draw_object
from fer.data.drawing.portrait import Scene, draw_scene
from fer.data.planted import NEAR_COPIES

#: Their word for each emotion, and for faces that they could not read.
FEELINGS = {
    "furious": "angry",
    "repelled": "disgust",
    "frightened": "fear",
    "cheerful": "happy",
    "gloomy": "sad",
    "astonished": "surprise",
    "calm": "neutral",
}
UNSURE = "unsure"
#: Their train and test splits.
GALLERY, PROBE = "gallery", "probe"
SIZE = 160
FEWEST = 144
CAMERAS = ("phone", "studio", "webcam")
#: The part of a life that each band stands for.
AGE_BANDS = {"18-34": (0.0, 0.3), "35-59": (0.3, 0.65), "60+": (0.65, 1.0)}
#: Each region's share of the gallery's people; the probe has as many of each.
REGIONS = {"coast": 0.45, "plain": 0.45, "hills": 0.1}
#: The planted bias: people of this region are under-exposed, show less, and are few in train.
BIASED, EXPOSURE, EXPRESSION = "hills", 0.5, 0.5
#: Of the photos, what share each flaw has. Copies, blanks and things are further files; the others spoil a portrait.
FURTHER = {"copy": 0.012, "near copy": 0.018, "leak": 0.012, "near leak": 0.012, "blank": 0.006, "no face": 0.01}
SPOILT = {"wrong label": 0.03, "inverted": 0.01, "unsure": 0.01}
#: About as many photos of each person.
_PHOTOS_EACH = 25
_PROBE_SHARE = 0.3


@dataclass
class _Photo:
    """One file: ``shown`` is the emotion that is drawn, ``feeling`` their label, ``of`` the photo that it copies."""

    part: str
    subject: int
    camera: str
    feeling: str
    shown: str
    planted: str = ""
    of: int = -1
    name: str = ""


@dataclass(frozen=True)
class _Subject:
    """One of the people photographed."""

    person: Person
    part: str
    region: str
    age_band: str


def draw_folder(folder: Path, images: int, seed: int, steps: Callable[[int, int], None]) -> pd.DataFrame:
    """Draw photos of people into ``<folder>/<split>/<camera>/<number>.jpg``, and their table ``index.csv``.

    Args:
        folder: empty.
        images: portraits, at least 144; flaws that need further files add 7 %.
        seed: same seed and number, same bytes.
        steps: is told how many of how many files are written.

    Returns:
        The truth, one row per file: ``file``, ``shown`` (the emotion that is drawn, in our words; "" where no face
        is), ``planted`` (a key of ``FURTHER`` or ``SPOILT``, or "") and ``copy_of`` (a file, or "").

    Raises:
        ValueError: for fewer than 144 images.
    """
    if images < FEWEST:
        raise ValueError(f"the drawn folder needs at least {FEWEST} images for every person and emotion, got {images}")
    rng = np.random.default_rng([seed, 0])
    subjects = _people(max(18, images // _PHOTOS_EACH), rng)
    photos = _plan(images, subjects, rng)
    _plant(photos, rng)
    for number, place in enumerate(rng.permutation(len(photos))):
        photo = photos[place]
        photo.name = f"{photo.part}/{photo.camera}/{number + 1:05d}.jpg"
    # Copies last: their originals are files by then.
    with one_thread():
        for number, photo in enumerate(photos):
            path = folder / photo.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_file(photo, photos, subjects, folder, np.random.default_rng([seed, 1, number])))
            steps(number + 1, len(photos))
    return _tables(folder, photos, subjects)


def _people(count: int, rng: np.random.Generator) -> list[_Subject]:
    """As many of every region in the probe; in the gallery few of one."""
    probe = max(3, round(count * _PROBE_SHARE) // 3 * 3)
    gallery = count - probe
    rare = max(1, round(gallery * REGIONS[BIASED]))
    common = [region for region in REGIONS if region != BIASED]
    regions = [*(common[i % 2] for i in range(gallery - rare)), *[BIASED] * rare, *(list(REGIONS) * (probe // 3))]
    bands = [list(AGE_BANDS)[i % 3] for i in rng.permutation(count)]
    people = []
    for number, (region, band) in enumerate(zip(regions, bands, strict=True)):
        person = replace(draw_person(rng), age=float(rng.uniform(*AGE_BANDS[band])))
        people.append(_Subject(person, GALLERY if number < gallery else PROBE, region, band))
    return people


def _plan(images: int, subjects: list[_Subject], rng: np.random.Generator) -> list[_Photo]:
    """Every person's portraits, the emotions in turn."""
    words = list(FEELINGS)
    photos = []
    for number in range(images):
        subject, turn = number % len(subjects), number // len(subjects)
        word = words[(turn + subject) % len(words)]
        photos.append(_Photo(subjects[subject].part, subject, str(rng.choice(CAMERAS)), word, FEELINGS[word]))
    return photos


def _plant(photos: list[_Photo], rng: np.random.Generator) -> None:
    """Spoil some of the gallery's portraits in place, and add further files to it."""
    images = len(photos)
    places = {part: [n for n, photo in enumerate(photos) if photo.part == part] for part in (GALLERY, PROBE)}
    queue = iter(rng.permutation(places[GALLERY]).tolist())
    for flaw, share in SPOILT.items():
        for _ in range(max(1, round(share * images))):
            photo = photos[next(queue)]
            photo.planted = flaw
            if flaw == "wrong label":
                photo.feeling = str(rng.choice([word for word in FEELINGS if word != photo.feeling]))
            elif flaw == "unsure":
                photo.feeling = UNSURE
    sources = {GALLERY: queue, PROBE: iter(rng.permutation(places[PROBE]).tolist())}
    for flaw, share in FURTHER.items():
        for _ in range(max(1, round(share * images))):
            of = next(sources[PROBE if "leak" in flaw else GALLERY])
            copies = flaw not in ("blank", "no face")
            photo = replace(photos[of], part=GALLERY, planted=flaw, of=of if copies else -1)
            photos.append(photo if copies else replace(photo, shown=""))


def _file(
    photo: _Photo, photos: list[_Photo], subjects: list[_Subject], folder: Path, rng: np.random.Generator
) -> bytes:
    """The bytes of a photo's file."""
    if photo.of >= 0:
        data = (folder / photos[photo.of].name).read_bytes()
        if photo.planted in ("copy", "leak"):
            return data
        change = NEAR_COPIES[str(rng.choice(list(NEAR_COPIES)))]
        return _jpeg(change(np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)), rng))
    if photo.planted == "blank":
        return _jpeg(np.full((SIZE, SIZE, 3), rng.choice([0, 128, 255]), np.uint8))
    if photo.planted == "no face":
        tint = rng.uniform(0.7, 1.0, 3)
        return _jpeg((draw_object(rng, SIZE)[..., None] * tint).astype(np.uint8))
    subject = subjects[photo.subject]
    units, scene = draw_units(photo.shown, rng), _scene(rng)
    if subject.region == BIASED:
        units = {unit: EXPRESSION * strength for unit, strength in units.items()}
        scene = replace(scene, exposure=EXPOSURE * scene.exposure)
    image = draw_colour_face(subject.person, units, scene, tuple(rng.integers(0, 2**31, 2).tolist()), SIZE)
    return _jpeg(255 - image if photo.planted == "inverted" else image)


def _scene(rng: np.random.Generator) -> Scene:
    """Wider framed and more turned than the sample's."""
    scene = draw_scene(rng)
    return replace(scene, yaw=1.5 * scene.yaw, roll=2 * scene.roll, zoom=float(rng.uniform(0.84, 0.98)))


def _jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def _tables(folder: Path, photos: list[_Photo], subjects: list[_Subject]) -> pd.DataFrame:
    """Write ``index.csv``; the truth. Both are in the order of the files' names."""
    ordered = sorted(photos, key=lambda photo: photo.name)
    people = [subjects[photo.subject] for photo in ordered]
    pd.DataFrame(
        {
            "photo": [photo.name for photo in ordered],
            "feeling": [photo.feeling for photo in ordered],
            "participant": [f"P{photo.subject + 1:03d}" for photo in ordered],
            "age_band": [subject.age_band for subject in people],
            "region": [subject.region for subject in people],
            "camera": [photo.camera for photo in ordered],
        }
    ).to_csv(folder / "index.csv", index=False, sep=";")
    return pd.DataFrame(
        {
            "file": [photo.name for photo in ordered],
            "shown": [photo.shown for photo in ordered],
            "planted": [photo.planted for photo in ordered],
            "copy_of": [photos[photo.of].name if photo.of >= 0 else "" for photo in ordered],
        }
    )
