"""What programs call: ``fer.Reader``."""

import concurrent.futures
import io
import json
import multiprocessing
import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_faces import drawn_sample
from hypothesis import given
from hypothesis import strategies as st
from memory_use import peak_growth
from onnx_models import write_card, write_model
from PIL import Image

from fer import Face, Photo, Reader
from fer.emotions import EMOTIONS, FIVE_EMOTIONS
from fer.errors import UserError
from fer.inference import classifier as classifier_module
from fer.inference import reader as reader_module
from fer.inference.boxes import given_boxes
from fer.inference.choice import choose_model
from fer.inference.classifier import BATCH, RELEASED, Classifier
from fer.inference.detection import Detection
from fer.inference.faces import COLUMNS, Doubt
from fer.inference.image import load_image

PICTURE = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
BOXES = [(10, 20, 60, 70), (80, 0, 80, 120)]


@pytest.fixture(scope="module")
def reader(model_folder):
    return Reader(model_folder, "cascade")


@pytest.fixture(scope="module")
def png(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "a photo.png"
    path.write_bytes(encoded(PICTURE))
    return path


def encoded(image: np.ndarray, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def drawn_photo() -> np.ndarray:
    """A drawn face in a larger picture, that the cascade finds."""
    faces, table = drawn_sample(140, 48)
    face = faces[np.flatnonzero(table["flaw"] == "")[0]]
    grey = cv2.copyMakeBorder(cv2.resize(face, (192, 192)), 60, 60, 60, 60, cv2.BORDER_REPLICATE)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def as_pil(image: np.ndarray) -> Image.Image:
    return Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


# What a photo may be


def test_a_photo_is_the_same_however_it_is_given(reader, png):
    want = reader.photo(PICTURE, BOXES)
    assert [face.box for face in want.faces] == BOXES
    data = png.read_bytes()
    views = (PICTURE[:, ::-1][:, ::-1], np.dstack([PICTURE, np.zeros((120, 160), np.uint8)]))
    forms = (png, str(png), data, bytearray(data), memoryview(data), as_pil(PICTURE), PICTURE.tolist(), PICTURE / 255)
    for form in (*forms, *views):
        photo = reader.photo(form, BOXES)
        assert photo.faces == want.faces, type(form)
        assert photo.name == ("a photo.png" if isinstance(form, str | Path) else None)
    assert (want.width, want.height, want.detector, want.name) == (160, 120, "given", None)


@pytest.mark.parametrize("form", ["grey", "column", "pil", "palette", "file"])
def test_a_grey_photo_is_the_same_however_it_is_given(reader, form):
    grey = PICTURE[:, :, 0]
    forms = {
        "grey": grey,
        "column": grey[:, :, None],
        "pil": Image.fromarray(grey),
        "palette": Image.fromarray(grey).convert("P"),
        "file": encoded(grey),
    }
    assert reader.photo(forms[form], BOXES).faces == reader.photo(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), BOXES).faces


def test_a_pil_image_is_turned_upright_as_its_file_is(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees
    as_pil(PICTURE).save(tmp_path / "turned.png", exif=exif)
    turned = load_image(Image.open(tmp_path / "turned.png"))
    assert turned.shape == (160, 120, 3)
    np.testing.assert_array_equal(turned, load_image(tmp_path / "turned.png"))
    np.testing.assert_array_equal(turned, np.rot90(PICTURE, -1))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (PICTURE.astype(np.float32), "floats must lie between 0 and 1"),
        (PICTURE > 100, "must hold numbers, got bool"),
        (PICTURE[:, :, :2], r"got \[120, 160, 2\]"),
        (PICTURE[:0], r"got \[0, 160, 3\]"),
        ([PICTURE], r"got \[1, 120, 160, 3\]; give one image at a time"),
        ([], r"got \[0\]"),
        ({"image": PICTURE}, "cannot be of type dict"),
        (None, "cannot be of type NoneType; give a path"),
        (7, "cannot be of type int; give a path"),
        (io.BytesIO(b"x"), "the file is not a"),
        (b"", "the image is empty"),
        (b"hello, this is no image", "the file is not a"),
        ("nowhere.jpg", r"nowhere.jpg: cannot be read \(No such file"),
        ("zero\0byte.jpg", "is no path"),
        ("https://example.org/a.jpg", "is an address; download the image"),
        (Image.new("F", (40, 40)), "mode F has no fixed range"),
        (Image.new("I;16", (40, 40)), "mode I;16 has no fixed range"),
    ],
)
def test_what_is_no_image_is_one_line(reader, image, words):
    with pytest.raises(UserError, match=words) as caught:
        reader.photo(image)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(reader, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(encoded(PICTURE, ".jpg")[:300])
    (tmp_path / "text.png").write_text("hello")
    for path, words in [(broken, "broken.jpg: "), (tmp_path / "text.png", "text.png: "), (tmp_path, "is a folder")]:
        for form in (path, str(path)):
            with pytest.raises(UserError, match=words) as caught:
                reader.photo(form)
            assert "\n" not in str(caught.value)


def test_a_face_that_is_there_is_found_and_none_where_there_is_none():
    reader = Reader(detector="cascade")
    photo = reader.photo(drawn_photo())
    assert len(photo.faces) == 1
    assert photo.detector == "cascade"
    left, top, width, height = photo.faces[0].box
    assert 60 <= left + width / 2 <= 252
    assert 60 <= top + height / 2 <= 252
    assert reader.photo(np.full((200, 200, 3), 90, np.uint8)).faces == ()


# Boxes of the caller's own


def test_boxes_come_as_lists_arrays_and_fractions(reader):
    want = reader.photo(PICTURE, BOXES).faces
    near = [[10.2, 19.8, 60.1, 70.1], [80, 0, 80, 120]]
    for boxes in (np.array(BOXES), np.array(BOXES, np.float32), [list(box) for box in BOXES], iter(BOXES), near):
        assert reader.photo(PICTURE, boxes).faces == want
    assert reader.photo(PICTURE, []).faces == reader.photo(PICTURE, np.empty((0, 4))).faces == ()


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ([(1, 2, 3)], r"boxes\[0\]: \(1, 2, 3\) is not \(left, top, width, height\)"),
        ((1, 2, 30, 40), r"boxes\[0\]: 1 is not \(left"),
        ([BOXES[0], (1, 2, "a", 4)], r"boxes\[1\]: "),
        ([(1, 2, float("nan"), 4)], "not four numbers of pixels"),
        ([(1, 2, 1e300, 4)], "not four numbers of pixels"),
        ([(1, 2, 0, 4)], "has no pixels; give width and height"),
        ([(100, 50, -60, 20)], "has no pixels; give width and height"),
        ([(160, 0, 10, 10)], "lies outside the image of 160x120"),
        ([(-30, 0, 30, 10)], "lies outside the image of 160x120"),
        (np.zeros((2, 3)), r"boxes\[0\]"),
        ("face", "not a list of boxes"),
        (5, "5: not a list of boxes"),
        ({"left": 1}, "not a list of boxes"),
    ],
)
def test_a_box_that_is_none_is_one_line(reader, boxes, words):
    with pytest.raises(UserError, match=words) as caught:
        reader.photo(PICTURE, boxes)
    assert "\n" not in str(caught.value)


@given(st.lists(st.tuples(*[st.floats(-300, 300)] * 4), max_size=4))
def test_every_box_is_either_accepted_within_a_pixel_or_refused(boxes):
    try:
        found = given_boxes(boxes, 160, 120)
    except UserError:
        return
    assert len(found) == len(boxes)
    for (left, top, width, height), (x, y, w, h) in zip(boxes, found, strict=True):
        assert np.abs([x - left, y - top, x + w - left - width, y + h - top - height]).max() <= 0.5
        assert min(w, h) >= 1
        assert x < 160
        assert y < 120
        assert x + w > 0
        assert y + h > 0


def test_a_box_may_reach_over_the_edge(reader):
    faces = reader.photo(PICTURE, [(-40, -30, 100, 100), (100, 90, 500, 500)]).faces
    assert len(faces) == 2
    for face in faces:
        assert sum(face.probabilities.values()) == pytest.approx(1, abs=1e-5)


# Many faces


def test_an_open_file_is_its_bytes(reader, png):
    with open(png, "rb") as file:
        assert replace(reader.photo(file), name=Path(png).name) == reader.photo(png)
    with open(png, encoding="latin-1") as file, pytest.raises(UserError, match="open it in binary mode"):
        reader.photo(file)


def test_faces_are_read_in_order_in_any_form(reader, png):
    crops = [PICTURE[y : y + h, x : x + w] for x, y, w, h in BOXES]
    found = reader.faces([crops[0], encoded(crops[1]), as_pil(crops[0]), png])
    assert [face.box for face in found] == [(0, 0, 60, 70), (0, 0, 80, 120), (0, 0, 60, 70), (0, 0, 160, 120)]
    assert found[0] == found[2]
    assert found[0].probabilities != found[1].probabilities
    assert reader.faces(crop for crop in crops) == found[:2]
    assert reader.faces([]) == []
    assert len(reader.faces(np.stack([crops[0][:48, :48, 0]] * 3))) == 3


@pytest.mark.parametrize(
    ("crops", "words"),
    [
        ([PICTURE, None], r"faces\[1\]: an image cannot be of type NoneType"),
        ("a.jpg", r"faces wants a list of images, not one \(str\); give \[face\], or call photo for a photo"),
        (PICTURE, r"not one \(ndarray\)"),  # its rows would be faces
        (PICTURE[..., 0], r"not one \(ndarray\)"),
        (b"data", r"\(bytes\)"),
        (None, r"\(NoneType\)"),
        (["nowhere.jpg"], r"faces\[0\]: nowhere.jpg: cannot be read"),
    ],
)
def test_faces_that_are_none_are_one_line(reader, crops, words):
    with pytest.raises(UserError, match=words):
        reader.faces(crops)


def test_batches_change_nothing(model_folder):
    faces = np.random.default_rng(1).integers(0, 256, (2 * BATCH + 3, 48, 48), dtype=np.uint8)
    classifier = Classifier(model_folder)
    one_by_one = np.concatenate([classifier.predict(face[None]) for face in faces])
    np.testing.assert_allclose(classifier.predict(faces), one_by_one, atol=1e-6)
    np.testing.assert_allclose(classifier.predict(faces[::-1])[::-1], one_by_one, atol=1e-6)


def test_memory_does_not_grow_with_the_faces():
    before = """
import numpy as np
from fer.inference.classifier import Classifier
classifier = Classifier(threads=1)
face = np.zeros((1, 48, 48), np.uint8)
classifier.predict(np.repeat(face, 64, axis=0))
"""
    megabytes = peak_growth(before, "classifier.predict(np.repeat(face, 1000, axis=0))")
    assert megabytes < 20, "at 0.5 MB a face it would be 500"


# Threads and processes


def read_boxes(reader: Reader) -> tuple[Face, ...]:
    return reader.photo(PICTURE, BOXES).faces


def test_threads_share_one_reader(reader):
    pictures = [np.roll(PICTURE, 13 * number, axis=1) for number in range(24)]
    want = [reader.photo(picture, BOXES) for picture in pictures]
    found = Reader(reader.classifier._arguments[0], "cascade")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda picture: found.photo(picture, BOXES), pictures)) == want


@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_another_process_takes_a_reader(reader, start):
    want = read_boxes(reader)
    context = multiprocessing.get_context(start)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(read_boxes, reader).result(timeout=120) == want


def test_a_copy_is_made_of_the_same_parts(model_folder, monkeypatch, tmp_path):
    monkeypatch.chdir(model_folder.parent)
    data = pickle.dumps(Reader(model_folder.name, "cascade", min_face=70, threads=1))
    monkeypatch.chdir(tmp_path)  # a relative path still leads to the model
    copy = pickle.loads(data)
    assert copy._arguments == (model_folder, "cascade", 70, 1)
    assert len(data) < 1000
    assert str(RELEASED.parent).encode() not in pickle.dumps(Reader(detector="cascade")), "it may travel"


class Whole:
    """A detector of the caller's own: the whole image is a face."""

    name = "whole"

    def detect(self, image: np.ndarray) -> list[Detection]:
        return [Detection((0, 0, image.shape[1], image.shape[0]), 0.9)]


def test_a_detector_of_the_callers_own(model_folder):
    reader = pickle.loads(pickle.dumps(Reader(model_folder, Whole())))
    photo = reader.photo(PICTURE)
    assert (photo.detector, photo.faces[0].box, photo.faces[0].score) == ("whole", (0, 0, 160, 120), 0.9)
    assert "faces by whole" in repr(reader)


# Models


@pytest.mark.parametrize("detector", [3, None, np.zeros(2)])
def test_what_is_no_detector_is_refused_in_one_line(model_folder, detector):
    with pytest.raises(UserError, match=r"detector: .* give a name, or an object"):
        Reader(model_folder, detector=detector)


def test_the_model_may_be_named_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("released", "fer/released", Path("fer/released"), "standard"):
        assert Reader(name, "cascade").classifier.card == Classifier().card == Classifier(RELEASED).card


def test_a_model_of_the_package_is_named_like_its_folder(tmp_path, monkeypatch):
    """As ``mini`` is; a folder of that name that is here comes first."""
    shutil.copytree(RELEASED, tmp_path / "package" / "standard")
    write_model(tmp_path / "package" / "tiny")
    write_model(tmp_path / "package" / ".tiny.new")
    monkeypatch.setattr(classifier_module, "PACKAGE", tmp_path / "package")
    monkeypatch.setattr(reader_module, "PACKAGE", tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    for model in (Reader("tiny", "cascade").classifier, Classifier("tiny"), Classifier(Path("tiny"))):
        assert model.card.architecture == "tiny"
    assert pickle.loads(pickle.dumps(Reader("tiny", "cascade")))._arguments[0] == "tiny"
    assert classifier_module.packaged_models() == ["standard", "tiny"]
    with pytest.raises(UserError, match=r"tinny: no such folder; .* or a model of the package: 'released' or 'tiny'"):
        Reader("tinny")
    write_model(tmp_path / "tiny")
    write_card(tmp_path / "tiny", architecture="mine")
    assert Classifier("tiny").card.architecture == "mine"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "no", "no: no such folder; give a folder with model.onnx"),
        (lambda folder: folder, "holds no model.onnx; give a folder"),
        (lambda folder: Path(__file__), "is a file; give a folder with model.onnx"),
    ],
)
def test_a_folder_that_is_no_model_is_one_line(tmp_path, make, words):
    with pytest.raises(UserError, match=words):
        Reader(make(tmp_path))


def test_a_detector_that_nobody_knows_is_one_line(model_folder):
    with pytest.raises(UserError, match="no detector is called 'yunett'"):
        Reader(model_folder, "yunett")


def test_the_champion_is_chosen_only_where_it_says_that_it_knows_real_faces(tmp_path):
    champion = tmp_path / "champion"
    assert choose_model(None, champion).folder == RELEASED
    write_model(champion)
    for drawn, folder, why in [
        (False, champion, "the champion of this project"),
        (True, RELEASED, "knows drawn faces alone"),
        (None, RELEASED, "does not say whether its faces were drawn"),
    ]:
        write_card(champion, dataset="mine", drawn=drawn)
        choice = choose_model(None, champion)
        assert choice.folder == folder
        assert why in str(choice)
        assert choose_model(champion, champion).folder == champion, "who names it gets it"
    assert str(choose_model(None, champion)) == (
        f"released (compact, trained on FER-2013); {champion}/ does not say whether its faces were drawn"
    )
    assert str(choose_model(champion, champion)) == f"{champion}/ (tiny, trained on mine)"
    assert str(choose_model("released", champion)) == "released (compact, trained on FER-2013)"


# What comes out


def face(emotion: str = "happy", probability: float = 0.934, doubts: tuple[Doubt, ...] = ()) -> Face:
    rest = (1 - probability) / (len(EMOTIONS) - 1)
    probabilities = {name: probability if name == emotion else rest for name in EMOTIONS}
    return Face((310, 120, 180, 181), probabilities, emotion, doubts, 0.91)


def test_results_print_well():
    unsure = face("sad", 0.41, (Doubt.SMALL, Doubt.PROBABILITY))
    photo = Photo(1280, 960, "yunet", (face(), unsure), "party.jpg")
    assert repr(face()) == "Face(happy 93 %, box=(310, 120, 180, 181))"
    assert repr(unsure) == "Face(sad? 41 %, box=(310, 120, 180, 181); small face, low probability)"
    assert repr(photo) == "Photo('party.jpg', 1280x960, 2 faces: happy 93 %, sad? 41 %)"
    assert str(photo).splitlines() == [
        "party.jpg: 1280x960, 2 faces by yunet",
        "   1  happy      93 %  180x181 at 310,120",
        "   2  sad?       41 %  180x181 at 310,120   small face, low probability",
    ]
    assert str(Photo(640, 480, "yunet")) == "photo: 640x480, no face"
    assert repr(Photo(640, 480, "yunet")) == "Photo(640x480, no face)"
    assert repr(Photo(640, 480, "yunet", (face(),) * 7)).endswith("happy 93 %, and 2 more)")


def test_a_dict_is_ready_for_json(reader, png):
    photo = reader.photo(png, BOXES)
    content = json.loads(json.dumps(photo.to_dict()))
    assert (content["name"], content["width"], content["height"], content["detector"]) == (png.name, 160, 120, "given")
    assert [tuple(found["box"]) for found in content["faces"]] == BOXES
    assert set(content["faces"][0]["probabilities"]) == set(EMOTIONS)


def test_a_frame_has_a_row_per_face(reader, tmp_path):
    frame = reader.photo(PICTURE, BOXES).to_frame()
    assert list(frame.columns) == [*COLUMNS, *EMOTIONS]
    assert frame[["box_left", "box_top", "box_width", "box_height"]].to_numpy().tolist() == [list(b) for b in BOXES]
    np.testing.assert_allclose(frame[list(EMOTIONS)].sum(axis=1), 1, atol=1e-5)
    assert list(frame["face"]) == [1, 2]
    empty = reader.photo(PICTURE, []).to_frame()
    assert (len(empty), list(empty.columns)) == (0, list(frame.columns))
    assert empty["certain"].dtype == frame["certain"].dtype == bool
    five = Reader(write_model(tmp_path, FIVE_EMOTIONS), "cascade").photo(PICTURE, BOXES).to_frame()
    assert list(five.columns) == [*COLUMNS, *FIVE_EMOTIONS]


WITHOUT_PANDAS = """
import sys
sys.modules["pandas"] = None
from fer import Photo
from fer.errors import UserError
try:
    Photo(1, 1, "given").to_frame()
except UserError as error:
    print(error)
"""


def test_without_pandas_a_frame_is_one_line():
    done = subprocess.run([sys.executable, "-c", WITHOUT_PANDAS], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("to_frame needs pandas: pip install pandas")


LIGHT = """
import sys
import fer
assert "numpy" not in sys.modules and "cv2" not in sys.modules, "import fer is light"
assert {"Reader", "Photo", "Face"} <= set(dir(fer))
try:
    fer.Raeder
except AttributeError as error:
    print(error)
from fer import Reader
assert "pandas" not in sys.modules and "PIL" not in sys.modules
"""


def test_the_package_alone_loads_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout == "module 'fer' has no attribute 'Raeder'\n"
