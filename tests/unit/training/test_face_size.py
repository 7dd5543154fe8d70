"""A data set of another size than 48 pixels: trained, exported, described by its card and served at its own."""

import hashlib
from dataclasses import replace

import cv2
import numpy as np
import onnx
import pytest
from drawn_faces import drawn_sample
from tiny_known import tiny_known
from tiny_training import CLASSES, NAME, dataset, make_job

from fer.delivery.promotion import card_of
from fer.errors import UserError
from fer.inference.classifier import MODEL_FILE, Card, Classifier
from fer.inference.reader import Reader
from fer.sections import Promote
from fer.training.checkpoint import Checkpoint
from fer.training.fit import fit
from fer.training.save import write_outputs

SIZE = 100


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """The tiny network's, trained for an epoch on faces of 100 pixels."""
    folder = tmp_path_factory.mktemp("sized")
    with tiny_known():
        small = dataset()
        images = np.stack([cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) for image in small.images])
        large = replace(small, images=images)
        job = make_job(pretrained="none", epochs=1, head_epochs=0)
        trained = fit(large, job, None, Checkpoint(folder / "checkpoint"))
        outputs = write_outputs(folder / NAME, large, job, trained)
        settings = Promote.model_construct(certain_precision=0.9)
        card_of(outputs, settings, large).save(folder / NAME)
        yield folder / NAME


def test_the_network_takes_faces_of_the_data_sets_size(model_folder):
    shape = onnx.load(model_folder / MODEL_FILE).graph.input[0].type.tensor_type.shape
    assert [dim.dim_value for dim in shape.dim[1:]] == [SIZE, SIZE]
    card = Card.load(model_folder)
    assert card.face_size == SIZE
    assert card.classes == CLASSES
    probabilities = Classifier(model_folder).predict(np.zeros((3, SIZE, SIZE), np.uint8))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    with pytest.raises(ValueError, match=r"faces must be uint8 \[N, 100, 100\], got uint8 \(1, 48, 48\)"):
        Classifier(model_folder).predict(np.zeros((1, 48, 48), np.uint8))


def test_a_photo_is_read_at_the_models_size(model_folder):
    face = cv2.resize(drawn_sample(70, 1)[0][0], (300, 300))
    reader = Reader(model_folder, detector="cascade")
    (whole,) = reader.faces([face])
    (boxed,) = reader.photo(face, boxes=[[0, 0, 300, 300]]).faces
    assert whole.probabilities == pytest.approx(boxed.probabilities, abs=1e-6)
    expected = Classifier(model_folder).predict(cv2.resize(face, (SIZE, SIZE), interpolation=cv2.INTER_AREA)[None])[0]
    assert list(whole.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-5)


def test_a_card_of_another_size_is_refused(model_folder, tmp_path):
    (tmp_path / MODEL_FILE).write_bytes((model_folder / MODEL_FILE).read_bytes())
    replace(Card.load(model_folder), face_size=48).save(tmp_path)
    assert hashlib.sha256((tmp_path / MODEL_FILE).read_bytes()).hexdigest() == Card.load(tmp_path).model_sha256
    with pytest.raises(UserError, match=r"takes faces of \[100, 100\] pixels, and card.json says 48"):
        Classifier(tmp_path)
