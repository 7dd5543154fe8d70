"""Faces out of photos: found and framed as the service does it."""

import cv2
import numpy as np
import pytest
from drawn_faces import drawn_sample
from face_files import write_image

from fer.data import faces
from fer.data.faces import FaceReader
from fer.data.folder_source import read_folder
from fer.data.reading import Reading
from fer.errors import UserError
from fer.inference.alignment import aligned_face
from fer.inference.detection import open_detector


@pytest.fixture(autouse=True)
def cascade(monkeypatch):
    """The detector that every machine has."""
    monkeypatch.setattr(faces, "open_detector", lambda: open_detector("cascade"))


def photo(*sides: int) -> np.ndarray:
    """Drawn faces of some sides beside each other on a grey ground."""
    drawn = [
        cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
        for face, side in zip(drawn_sample(70, 3)[0][4:], sides, strict=False)
    ]
    ground = np.full((320, 640, 3), 128, np.uint8)
    for number, face in enumerate(drawn):
        left = 40 + 300 * number
        ground[40 : 40 + len(face), left : left + len(face)] = face[..., None]
    return ground


def test_the_largest_face_is_taken_as_the_service_frames_it(tmp_path):
    image = photo(120, 240)
    found = open_detector("cascade").detect(image)
    assert len(found) == 2
    write_image(tmp_path / "happy/two.png", image)
    write_image(tmp_path / "happy/none.png", np.full((200, 300, 3), 90, np.uint8))
    source = read_folder(tmp_path, Reading(find_faces=True, image_size=64))
    largest = max(found, key=lambda detection: detection.box[2])
    np.testing.assert_array_equal(source.images, [aligned_face(image, largest, 64)])
    assert source.table["source_id"].tolist() == ["happy/two.png"]
    assert (
        "faces found and framed by cascade; 1 images have more than one face, and the largest was taken"
        in source.readings
    )
    assert "left out 1 of 2 images, in which no face was found, such as happy/none.png" in source.readings


def test_photos_without_a_face_are_one_line(tmp_path):
    write_image(tmp_path / "happy/none.png", np.full((200, 300, 3), 90, np.uint8))
    with pytest.raises(UserError, match=r"no face found in any of 1 images; set data.find_faces to false"):
        read_folder(tmp_path, Reading(find_faces=True))


def test_a_box_wins_over_the_detector():
    image = photo(120)
    data = cv2.imencode(".png", image)[1].tobytes()
    face = FaceReader(48, find_faces=True).read(data, (40, 40, 160, 160))
    np.testing.assert_array_equal(face, FaceReader(48).read(cv2.imencode(".png", image[40:160, 40:160])[1].tobytes()))
