import numpy as np
import onnx
import pytest
from onnx_models import write_card, write_model

from fer.emotions import EMOTIONS, FIVE_EMOTIONS
from fer.errors import UserError
from fer.inference.classifier import Classifier

FACES = np.random.default_rng(2).integers(0, 256, (5, 48, 48), dtype=np.uint8)


def test_probabilities_are_those_of_the_graph(model_folder):
    weights = onnx.numpy_helper.to_array(onnx.load(model_folder / "model.onnx").graph.initializer[0])
    logits = FACES.reshape(5, -1).astype(np.float64) / 255 @ weights
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    predicted = Classifier(model_folder).predict(FACES)
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted, expected, atol=1e-5)


def test_a_batch_is_predicted_as_its_faces_are_alone(model_folder):
    classifier = Classifier(model_folder, threads=1)
    alone = np.concatenate([classifier.predict(face[np.newaxis]) for face in FACES])
    np.testing.assert_allclose(classifier.predict(FACES), alone, atol=1e-6)


def test_the_card_names_classes_and_origin(tmp_path):
    classifier = Classifier(write_model(tmp_path, FIVE_EMOTIONS))
    assert classifier.classes == FIVE_EMOTIONS
    assert (classifier.card.architecture, classifier.card.dataset) == ("tiny", "drawn")
    assert classifier.card.metrics == {"test.accuracy": 0.5}


@pytest.mark.parametrize("threads", [0, -3])
def test_fewer_threads_than_one_are_refused(model_folder, threads):
    with pytest.raises(UserError, match=f"threads: {threads} is none; give 1 or more"):
        Classifier(model_folder, threads)


def test_no_faces_give_no_rows(model_folder):
    assert Classifier(model_folder).predict(FACES[:0]).shape == (0, len(EMOTIONS))


@pytest.mark.parametrize("faces", [FACES.astype(np.float32), FACES[0], FACES[:, :40], FACES[..., np.newaxis]])
def test_other_shapes_and_types_are_refused(model_folder, faces):
    with pytest.raises(ValueError, match="faces must be uint8"):
        Classifier(model_folder).predict(faces)


def remove_model(folder):
    (folder / "model.onnx").unlink()


def remove_card(folder):
    (folder / "card.json").unlink()


def break_card(folder):
    (folder / "card.json").write_text("{")


def card_is_a_list(folder):
    (folder / "card.json").write_text("[]")


def card_without_a_key(folder):
    (folder / "card.json").write_text('{"architecture": "tiny"}')


def thresholds_that_are_a_list(folder):
    write_card(folder, thresholds=["happy"])


def a_threshold_that_is_no_number(folder):
    write_card(folder, thresholds={"happy": None})


def a_digest_that_is_a_number(folder):
    write_card(folder, model_sha256=12)


def classes_that_are_one_text(folder):
    write_card(folder, classes="happy")


def a_metric_that_is_text(folder):
    write_card(folder, metrics={"test.accuracy": 0.5, "test.f1": "high"})


def a_side_without_end(folder):
    write_card(folder, face_size=float("inf"))


def corrupt_model(folder):
    path = folder / "model.onnx"
    path.write_bytes(path.read_bytes()[:-100])


def corrupt_model_with_matching_card(folder):
    (folder / "model.onnx").write_bytes(b"no model at all")
    write_card(folder)


def wrong_number_of_classes(folder):
    write_card(folder, classes=["happy", "sad"])


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (remove_model, r"holds no model\.onnx; give a folder"),
        (remove_card, r"card\.json: cannot be read"),
        (break_card, r"card\.json: not a model card"),
        (card_is_a_list, r"card\.json: not a model card"),
        (card_without_a_key, r"card\.json: the key 'classes' is missing"),
        (thresholds_that_are_a_list, r"card\.json: not a model card"),
        (a_threshold_that_is_no_number, r"card\.json: not a model card"),
        (a_digest_that_is_a_number, r"card\.json: not a model card \(model_sha256: 12, where text is needed\)"),
        (
            classes_that_are_one_text,
            r"not a model card \(classes: 'happy', where a list of names is needed\)",
        ),
        (
            a_metric_that_is_text,
            r"not a model card \(metrics\.test\.f1: 'high', where a number is needed\)",
        ),
        (a_side_without_end, r"card\.json: not a model card"),
        (corrupt_model, r"model\.onnx: not the model that card\.json describes"),
        (corrupt_model_with_matching_card, r"model\.onnx: not a usable ONNX model"),
        (wrong_number_of_classes, r"model\.onnx: gives \(1, 7\) for 2 classes"),
    ],
)
def test_an_unusable_model_folder_is_one_line(tmp_path, harm, words):
    folder = write_model(tmp_path / "model")
    harm(folder)
    with pytest.raises(UserError, match=words) as caught:
        Classifier(folder)
    assert "\n" not in str(caught.value)
