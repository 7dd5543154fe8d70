"""The form of the service's answers, for its OpenAPI description and those who generate clients from it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fer.inference.faces import Doubt

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Answer(BaseModel):
    """What all answers share: no field that is not described."""

    model_config = ConfigDict(extra="forbid")


class ErrorDetail(Answer):
    """A code for programs and a sentence for people."""

    code: str
    message: str


class Error(Answer):
    """Any answer that is no success."""

    error: ErrorDetail


class ModelVersion(Answer):
    """Which model it was: ``version`` is the first 12 hex digits of its file's SHA-256."""

    architecture: str
    dataset: str
    fingerprint: str
    version: str


class FaceAnswer(Answer):
    """A face that was read; ``box`` is left, top, width and height in pixels of the upright image.

    ``landmarks`` are right eye, left eye (the person's own), tip of the nose, right and left corner of the mouth.
    """

    box: Annotated[list[int], Field(min_length=4, max_length=4)]
    emotion: str
    probability: Share
    certain: bool
    doubts: list[Doubt]
    probabilities: dict[str, Share]
    score: Share | None
    landmarks: list[Annotated[list[float], Field(min_length=2, max_length=2)]] | None


class CropAnswer(FaceAnswer):
    """A picture that was read as one face.

    ``is_crop`` is false where the picture is a whole photo with a much smaller face: send it to ``/analyze``. It is
    null where that cannot be told.
    """

    name: str | None
    is_crop: bool | None


class TrackedFace(FaceAnswer):
    """A face in a video: whose it is, and when."""

    track: int
    time: float


class FrameAnswer(Answer):
    """A frame of a video, numbered from 0, and its faces; ``time`` in seconds."""

    frame: Count
    time: float
    detector: str | None
    faces: list[TrackedFace]


class TaskAnswer(Answer):
    """How work on a video stands: ``frames`` read, showing ``seconds``; ``message`` says what went wrong."""

    task_id: str
    status: Literal["in_progress", "completed", "failed", "canceled"]
    created_at: str
    frames: Count
    seconds: float
    message: str | None


class PhotoAnswer(Answer):
    """A photo and its faces, the largest first; or those under the caller's boxes, in their order."""

    name: str | None
    width: Count
    height: Count
    detector: str
    faces: list[FaceAnswer]


class Use(Answer):
    """What the model may not be used for, and what those who use it must tell."""

    forbidden: list[str]
    duties: list[str]
    not_known: list[str]


class ModelAnswer(Answer):
    """The answer of ``/model``: its card, its limits and its terms.

    ``records`` says whether predictions are kept, without pictures.
    """

    model: ModelVersion
    sha256: str
    classes: list[str]
    drawn: bool | None
    figures: dict[str, float]
    intervals: dict[str, Annotated[list[float], Field(min_length=2, max_length=2)]]
    thresholds: dict[str, float]
    detector: str
    limits: dict[str, float]
    records: bool
    licence: str
    use: Use


EXAMPLE_MODEL = {
    "architecture": "compact",
    "dataset": "FER-2013",
    "fingerprint": "7bfa7eb87bc0a5e6",
    "version": "e4bf867c79ce",
}
EXAMPLE_FACE = {
    "box": [211, 94, 143, 178],
    "emotion": "happy",
    "probability": 0.94,
    "certain": True,
    "doubts": [],
    "probabilities": {
        "angry": 0.01,
        "disgust": 0.0,
        "fear": 0.01,
        "happy": 0.94,
        "sad": 0.01,
        "surprise": 0.01,
        "neutral": 0.02,
    },
    "score": 0.93,
    "landmarks": [[250.1, 160.3], [315.8, 161.0], [283.5, 199.2], [256.6, 229.4], [310.9, 229.8]],
}
EXAMPLE_CROP = EXAMPLE_FACE | {
    "box": [0, 0, 48, 48],
    "score": None,
    "landmarks": None,
    "name": "face.png",
    "is_crop": None,
}
EXAMPLE_PHOTO = {"name": "party.jpg", "width": 640, "height": 480, "detector": "yunet", "faces": [EXAMPLE_FACE]}
EXAMPLE_TASK = {
    "task_id": "0f2c4c1d8a5b4f6e9d3a7b1c2e4f6a8b",
    "status": "in_progress",
    "created_at": "2026-01-31T12:00:00+00:00",
    "frames": 120,
    "seconds": 4.8,
    "message": None,
}
EXAMPLE_FRAME = {"frame": 0, "time": 0.0, "detector": "yunet", "faces": [EXAMPLE_FACE | {"track": 1, "time": 0.0}]}
