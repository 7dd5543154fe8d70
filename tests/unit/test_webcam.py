from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
from onnx_models import write_model
from typer.testing import CliRunner

from fer.cli import app
from fer.commands.annotate import draw_faces
from fer.data.sample import draw_sample
from fer.emotions import EMOTION_COLORS, EMOTIONS, FIVE_EMOTIONS
from fer.errors import UserError
from fer.inference.classifier import Card, Classifier
from fer.inference.detection import Detection
from fer.inference.faces import Doubt, Face
from fer.inference.image import to_face
from fer.inference.reader import Reader
from fer.webcam import Summary, run_webcam

BOX = (40, 50, 60, 60)
#: The colour of happy, BGR.
HAPPY = tuple(int(EMOTION_COLORS["happy"][at : at + 2], 16) for at in (5, 3, 1))
FRAMES = 7


@dataclass
class Stub:
    """A detector that returns the same boxes for every image and remembers how many it saw."""

    boxes: list = field(default_factory=lambda: [BOX])
    seen: int = 0
    name: str = "stub"

    def detect(self, image):
        self.seen += 1
        return [Detection(box) for box in self.boxes]


@pytest.fixture
def video(tmp_path):
    """Seven grey frames of 200x160 pixels at 10 frames per second."""
    path = tmp_path / "in.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (200, 160))
    for shade in range(FRAMES):
        writer.write(np.full((160, 200, 3), 100 + shade, np.uint8))
    writer.release()
    return path


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("b.png", "a.JPG"):
        cv2.imwrite(str(folder / name), np.full((160, 200, 3), 100, np.uint8))
    (folder / "notes.txt").write_text("not an image")
    return folder


def read_video(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames, capture.get(cv2.CAP_PROP_FPS)


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_video_comes_back_with_a_box_in_every_frame(video, model_folder, tmp_path, suffix):
    output = tmp_path / "new" / f"out{suffix}"
    summary = run_webcam(str(video), model_folder, output, display=False, detector=Stub())
    frames, rate = read_video(output)
    assert summary == Summary(frames=FRAMES, faces=FRAMES)
    assert (len(frames), rate) == (FRAMES, 10)
    for frame in frames:
        x, y, w, h = BOX
        assert frame.shape == (160, 200, 3)
        edge = frame[y + 5 : y + h - 5, x].astype(int)
        inside = frame[y + 10 : y + h - 10, x + 10 : x + w - 10].astype(int)
        assert np.abs(edge - 103).max(axis=1).min() > 30, "the box's left edge is coloured"
        assert np.abs(inside - 103).mean() < 8, "the face itself stays as it was, compression apart"


def test_without_faces_frames_stay_as_they_are(video, model_folder, tmp_path):
    run_webcam(str(video), model_folder, tmp_path / "out.avi", display=False, detector=Stub(boxes=[]))
    frames, _ = read_video(tmp_path / "out.avi")
    assert len(frames) == FRAMES
    assert np.abs(frames[0].astype(int) - 100).max() < 5


def test_a_folder_of_images_is_written_under_the_same_names(images, model_folder, tmp_path):
    stub = Stub()
    summary = run_webcam(str(images), model_folder, tmp_path / "out", display=False, detector=stub)
    assert summary == Summary(frames=2, faces=2)
    assert stub.seen == 2
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a.JPG", "b.png"]
    written = cv2.imread(str(tmp_path / "out" / "b.png"))
    assert (written != 100).any()
    assert (cv2.imread(str(images / "b.png")) == 100).all()


def test_the_real_cascade_is_the_default_and_finds_drawn_faces(model_folder, tmp_path):
    faces, table = draw_sample(140, seed=48)
    whole = np.flatnonzero(table["flaw"] == "")[:10]
    (tmp_path / "in").mkdir()
    for row in whole:
        picture = cv2.copyMakeBorder(cv2.resize(faces[row], (192, 192)), 60, 60, 60, 60, cv2.BORDER_REPLICATE)
        cv2.imwrite(str(tmp_path / "in" / f"{row}.png"), picture)
    summary = run_webcam(str(tmp_path / "in"), model_folder, tmp_path / "out", display=False)
    assert summary.frames == 10
    assert 8 <= summary.faces <= 11


def test_the_real_cascade_finds_nothing_on_a_blank(images, model_folder, tmp_path):
    assert run_webcam(str(images), model_folder, tmp_path / "out", display=False) == Summary(frames=2, faces=0)


def test_a_face_is_what_the_classifier_says_of_its_crop(model_folder):
    image = np.random.default_rng(3).integers(0, 256, (160, 200, 3), dtype=np.uint8)
    boxes = [BOX, (0, 0, 90, 90)]
    classifier = Classifier(model_folder)
    crops = [to_face(image[y : y + h, x : x + w]) for x, y, w, h in boxes]
    expected = classifier.predict(np.stack(crops))
    faces = Reader(model_folder, Stub(boxes)).photo(image).faces
    assert [face.box for face in faces] == boxes
    assert [face.emotion for face in faces] == [EMOTIONS[code] for code in expected.argmax(axis=1)]
    np.testing.assert_allclose([face.probability for face in faces], expected.max(axis=1))


def test_a_five_class_model_names_its_own_classes(tmp_path):
    reader = Reader(write_model(tmp_path, FIVE_EMOTIONS), Stub())
    image = np.random.default_rng(4).integers(0, 256, (160, 200, 3), dtype=np.uint8)
    assert reader.photo(image).faces[0].emotion in FIVE_EMOTIONS


def test_every_emotion_has_a_colour_of_its_own():
    assert set(EMOTION_COLORS) == set(EMOTIONS)
    assert len(set(EMOTION_COLORS.values())) == len(EMOTIONS)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_label_is_legible_on_its_emotions_colour(emotion):
    image = np.full((160, 200, 3), 128, np.uint8)
    drawn = draw_faces(image, [Face((20, 60, 80, 80), {emotion: 0.987}, emotion)])
    label = drawn[40:60, 20:100].reshape(-1, 3).astype(float)
    luma = label @ (0.114, 0.587, 0.299)
    assert np.ptp(luma) > 80, "text and background differ by a third of the range or more"


@pytest.mark.parametrize("box", [(0, 0, 20, 20), (180, 140, 20, 20), (190, 0, 40, 40), (-5, 150, 20, 30)])
def test_a_label_at_the_edge_stays_inside_the_image(box):
    image = np.full((160, 200, 3), 128, np.uint8)
    drawn = draw_faces(image, [Face(box, {"happy": 0.987}, "happy")])
    filled = (drawn == HAPPY).all(axis=2)
    assert filled.sum() > 500, "the label's background is there in full"
    assert (drawn < 60).all(axis=2).any(), "and text on it"
    assert (image == 128).all(), "the input is left alone"


def test_a_prediction_that_is_not_certain_has_a_question_mark():
    image = np.full((160, 200, 3), 128, np.uint8)
    sure, unsure = (
        draw_faces(image, [Face((60, 60, 80, 80), {"happy": 0.4}, "happy", doubts)])
        for doubts in ((), (Doubt.PROBABILITY,))
    )
    label = [(drawn == HAPPY).all(axis=2).any(axis=0).sum() for drawn in (sure, unsure)]
    assert label[1] > label[0], "its label is longer"


def write_bytes(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (lambda tmp: "97", "camera 97: not there or in use"),
        (lambda tmp: tmp / "nowhere", "nowhere: no such file or folder"),
        (lambda tmp: write_bytes(tmp / "text.avi", b"hello"), "text.avi: not a video"),
        (lambda tmp: write_bytes(tmp / "empty.mp4", b""), "empty.mp4: not a video"),
        (lambda tmp: tmp, "holds no images"),
    ],
)
def test_an_unusable_source_is_one_line(tmp_path, model_folder, source, words):
    with pytest.raises(UserError, match=words) as caught:
        run_webcam(str(source(tmp_path)), model_folder, tmp_path / "out.avi", display=False, detector=Stub())
    assert "\n" not in str(caught.value)


def test_a_text_file_among_the_images_is_named(images, model_folder, tmp_path):
    (images / "c.jpg").write_text("hello")
    with pytest.raises(UserError, match=r"c\.jpg: the file is not a PNG"):
        run_webcam(str(images), model_folder, tmp_path / "out", display=False, detector=Stub())


def test_unusable_outputs_are_one_line(video, images, model_folder, tmp_path):
    file = write_bytes(tmp_path / "file", b"")
    for source, output, words in [
        (video, tmp_path / "out.gif", "end it in .avi or .mp4"),
        (video, video, "is the source itself"),
        (images, images, "is the source itself"),
        (images, file, "is a file; give a folder"),
    ]:
        with pytest.raises(UserError, match=words):
            run_webcam(str(source), model_folder, output, display=False, detector=Stub())
    assert len(read_video(video)[0]) == FRAMES


def test_no_display_is_one_line(video, model_folder, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(UserError, match="no display to show a window on"):
        run_webcam(str(video), model_folder, None, display=True, detector=Stub())


def test_neither_window_nor_output_is_one_line(video, model_folder):
    with pytest.raises(UserError, match="nothing to do"):
        run_webcam(str(video), model_folder, None, display=False)


@pytest.mark.parametrize(("key", "frames"), [(ord("q"), 1), (27, 1), (-1, FRAMES)])
def test_q_and_esc_end_the_run(video, model_folder, monkeypatch, key, frames):
    shown = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "namedWindow", lambda *_: None)
    monkeypatch.setattr(cv2, "destroyWindow", lambda *_: None)
    monkeypatch.setattr(cv2, "imshow", lambda _, image: shown.append(image))
    monkeypatch.setattr(cv2, "waitKey", lambda _: key)
    summary = run_webcam(str(video), model_folder, None, display=True, detector=Stub())
    assert (summary.frames, len(shown)) == (frames, frames)


def test_a_model_that_is_not_there_is_one_line(video, tmp_path):
    with pytest.raises(UserError, match=r"card\.json: cannot be read"):
        run_webcam(str(video), tmp_path / "no-model", tmp_path / "out.avi", display=False)


def test_the_command_says_first_which_model_predicts_and_what_it_was_trained_on(images, model_folder, tmp_path):
    arguments = ["webcam", str(images), "--model", str(model_folder), "--output", str(tmp_path / "out"), "--no-display"]
    result = CliRunner().invoke(app, arguments)
    card = Card.load(model_folder)
    assert result.output.splitlines() == [
        f"{model_folder}: {card.architecture}, trained on {card.dataset}",
        "2 frames, 0 faces",
    ]
