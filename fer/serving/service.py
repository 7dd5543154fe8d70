"""The service behind ``bentoml serve``: a face image in, the probabilities of the emotions out."""

from pathlib import Path

import bentoml
from bentoml.exceptions import InvalidArgument
from bentoml.models import BentoModel
from pydantic import BaseModel

from fer.errors import UserError
from fer.inference.image import load_image
from fer.inference.reader import Reader
from fer.serving.container import IMAGE
from fer.serving.upload import ImageUpload


class Arguments(BaseModel):
    """What a Bento is built with: the tag of its model. A Bento of another day has another."""

    model: str = "fer-classifier:latest"


ARGUMENTS = bentoml.use_arguments(Arguments)


class ModelInfo(BaseModel):
    """Which model it was: ``version`` is the first 12 hex digits of its file's SHA-256."""

    architecture: str
    dataset: str
    fingerprint: str
    version: str


class Classification(BaseModel):
    """The likeliest emotion, every class's probability (0 to 1, together 1), and the model that says so.

    ``certain`` says whether the emotion's probability lies above its class's threshold, from which on the model's
    predictions on validation images were right as often as the pipeline was asked for.
    """

    emotion: str
    certain: bool
    probabilities: dict[str, float]
    model: ModelInfo


@bentoml.service(name="fer", traffic={"timeout": 30}, threads=4, image=IMAGE)
class FerService:
    """Facial emotion recognition."""

    champion = BentoModel(ARGUMENTS.model)

    def __init__(self) -> None:
        stored = self.champion
        # Four requests at a time on few cores: a pool of threads for each call costs more than it brings
        # (benchmarks/serving.py).
        self.reader = Reader(stored.path, threads=1)
        card = self.reader.classifier.card
        self.info = ModelInfo(
            architecture=card.architecture,
            dataset=card.dataset,
            fingerprint=card.fingerprint,
            version=stored.tag.version,
        )

    @bentoml.api(input_spec=ImageUpload)
    def classify(self, image: Path) -> Classification:
        """Classify an image that shows one face, cropped to it: PNG, JPEG, WebP or BMP, 25 megapixels at most."""
        try:
            face = self.reader.faces([load_image(image.read_bytes())])[0]
        except UserError as error:
            raise InvalidArgument(str(error)) from error
        return Classification(
            emotion=face.emotion, certain=face.certain, probabilities=face.probabilities, model=self.info
        )
