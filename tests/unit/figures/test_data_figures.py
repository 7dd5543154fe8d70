from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from face_datasets import small_dataset, with_images

from fer.data.dataset import FaceDataset
from fer.emotions import EMOTION_COLORS, EMOTIONS, FIVE_EMOTIONS
from fer.figures.data import average_faces, class_distribution, contact_sheet, contrast_images
from fer.figures.style import draw


def sheet(dataset: FaceDataset, path: Path) -> None:
    contact_sheet(dataset.images, dataset.table["emotion"], path, title="small faces (112 images)")


FIGURES = [class_distribution, average_faces, contrast_images, sheet]


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("classes", [EMOTIONS, FIVE_EMOTIONS, ("sad", "neutral")])
def test_a_figure_is_the_same_bytes_on_every_run(
    figure: Callable[[FaceDataset, Path], None], classes: tuple[str, ...], tmp_path: Path
) -> None:
    dataset = small_dataset(train=3, held_out=1, classes=classes)
    figure(dataset, tmp_path / "first.png")
    figure(dataset, tmp_path / "second.png")
    first = (tmp_path / "first.png").read_bytes()
    assert first == (tmp_path / "second.png").read_bytes()
    assert b"Software" not in first
    picture = cv2.imread(str(tmp_path / "first.png"))
    assert picture is not None
    assert picture.shape[1] >= 1000


@pytest.mark.parametrize("figure", [class_distribution, average_faces, contrast_images])
def test_a_figure_shows_the_name_of_its_data_set(figure: Callable[[FaceDataset, Path], None], tmp_path: Path) -> None:
    dataset = small_dataset(train=3, held_out=1)
    figure(dataset, tmp_path / "one.png")
    figure(replace(dataset, name="other faces"), tmp_path / "other.png")
    one, other = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("one", "other"))
    rows = np.flatnonzero((one != other).any(axis=(1, 2)))
    assert rows.size > 0
    assert rows.max() < 80


def test_the_contact_sheet_holds_every_pixel_of_a_face_twice_as_large(tmp_path: Path) -> None:
    dataset = small_dataset(train=3, held_out=1)
    contact_sheet(
        dataset.images, dataset.table["emotion"], tmp_path / "sheet.png", title="faces", columns=4, per_class=3
    )
    picture = cv2.imread(str(tmp_path / "sheet.png"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert all(enlarged(dataset.images[row], picture) for row in (0, 2, 20))
    fourth_of_its_class = dataset.rows("validation")[0]
    assert not enlarged(dataset.images[fourth_of_its_class], picture)


def enlarged(face: np.ndarray, picture: np.ndarray) -> bool:
    """Whether the picture holds the face at twice its size, pixel by pixel."""
    large = face.repeat(2, axis=0).repeat(2, axis=1)
    _, _, (left, top), _ = cv2.minMaxLoc(cv2.matchTemplate(picture, large, cv2.TM_SQDIFF))
    return np.array_equal(picture[top : top + 96, left : left + 96], large)


def test_the_average_is_that_of_train_alone(tmp_path: Path) -> None:
    dataset = small_dataset(train=3, held_out=1)
    average_faces(dataset, tmp_path / "one.png")
    blank = {int(row): np.zeros((48, 48), np.uint8) for row in dataset.rows("test")}
    average_faces(with_images(dataset, blank), tmp_path / "test_changed.png")
    average_faces(with_images(dataset, {0: np.zeros((48, 48), np.uint8)}), tmp_path / "train_changed.png")
    first = (tmp_path / "one.png").read_bytes()
    assert first == (tmp_path / "test_changed.png").read_bytes()
    assert first != (tmp_path / "train_changed.png").read_bytes()


def test_overall_brightness_does_not_show_in_a_contrast_image(tmp_path: Path) -> None:
    dataset = small_dataset(train=3, held_out=1)
    images = np.clip(dataset.images, 30, 225)
    brighter = images.copy()
    angry = dataset.rows("train")[:3]
    brighter[angry] += 20
    contrast_images(replace(dataset, images=images), tmp_path / "one.png")
    contrast_images(replace(dataset, images=brighter), tmp_path / "brighter.png")
    one, other = (cv2.imread(str(tmp_path / f"{name}.png")).astype(int) for name in ("one", "brighter"))
    assert np.abs(one - other).max() <= 2


def test_every_emotion_has_a_colour_of_its_own() -> None:
    assert list(EMOTION_COLORS) == list(EMOTIONS)
    assert len(set(EMOTION_COLORS.values())) == len(EMOTIONS)


def test_a_failed_drawing_leaves_the_former_figure(tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    path.write_bytes(b"former")
    with pytest.raises(RuntimeError), draw(path, 300, 300, "title"):
        raise RuntimeError
    assert path.read_bytes() == b"former"
    assert list(tmp_path.iterdir()) == [path]
