"""What ``GET /model`` says: the card, the limits and the terms of the model that is served."""

from typing import Any

from fer.inference.classifier import Card
from fer.inference.reader import Reader
from fer.serving.settings import Settings

LICENCE = "MIT"
LIMITS = (
    "max_bytes",
    "max_images",
    "max_pixels",
    "max_faces",
    "max_video_bytes",
    "max_video_seconds",
    "max_videos",
    "answer_seconds",
)

USE = {
    "forbidden": [
        "To infer the emotions of people at work or in education, except for medical or safety reasons: "
        "Article 5(1)(f) of Regulation (EU) 2024/1689, the AI Act.",
        "To decide about people.",
    ],
    "duties": [
        "Tell the people whose emotions are read that the system is at work, and process their data lawfully: "
        "Article 50(3) of Regulation (EU) 2024/1689.",
        "Emotion recognition is high-risk under Annex III, point 1(c) of Regulation (EU) 2024/1689; those who put it "
        "into service have further duties.",
    ],
    "not_known": [
        "What a person feels: the model names the expression that a face shows in the eyes of annotators.",
        "How accuracy depends on age, sex, skin or culture: the training faces are no sample of any population.",
    ],
}


def version_of(card: Card) -> dict[str, str]:
    """Which model it is, in short."""
    return {
        "architecture": card.architecture,
        "dataset": card.dataset,
        "fingerprint": card.fingerprint,
        "version": card.version,
    }


def about(reader: Reader, settings: Settings) -> dict[str, Any]:
    """The answer of ``/model``; ``fer.serving.answers.ModelAnswer`` describes it."""
    card = reader.classifier.card
    intervals: dict[str, Any] = getattr(card, "intervals", {})
    return {
        "model": version_of(card),
        "sha256": card.model_sha256,
        "classes": list(card.classes),
        "drawn": card.drawn,
        "figures": dict(card.metrics),
        "intervals": {name: list(ends) for name, ends in intervals.items()},
        "thresholds": dict(card.thresholds),
        "detector": reader.detector.name,
        "limits": {name: getattr(settings, name) for name in LIMITS},
        "records": settings.monitor is not None,
        "licence": LICENCE,
        "use": USE,
    }
