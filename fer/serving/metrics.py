"""What Prometheus reads at ``/metrics``: requests by route, and what was read in them."""

import os
from collections.abc import Iterable

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from fer.inference.faces import Face

#: Media type of ``exposition``.
CONTENT_TYPE = CONTENT_TYPE_LATEST
#: A label of its own for every path would fill the memory.
OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})

REQUESTS = Counter("fer_requests", "Answers, by route, method and status.", ["route", "method", "status"])
SECONDS = Histogram(
    "fer_request_seconds",
    "Seconds from a request's head to the end of its answer.",
    ["route"],
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
REJECTED = Counter("fer_rejected", "Requests that were refused, by the error's code.", ["code"])
FACES = Counter("fer_faces", "Faces read.", ["endpoint"])
EMOTIONS = Counter("fer_emotions", "Faces by emotion, and whether it is certain.", ["emotion", "certain"])
DOUBTS = Counter("fer_doubts", "Why faces were not certain; one may have several reasons.", ["reason"])
CONFIDENCE = Histogram(
    "fer_confidence", "The likeliest emotion's probability.", buckets=[tenth / 10 for tenth in range(1, 11)]
)


def count_faces(endpoint: str, faces: Iterable[Face]) -> None:
    """Count faces that were answered."""
    for face in faces:
        FACES.labels(endpoint).inc()
        EMOTIONS.labels(face.emotion, str(face.certain).lower()).inc()
        CONFIDENCE.observe(face.probability)
        for doubt in face.doubts:
            DOUBTS.labels(str(doubt)).inc()


def exposition() -> bytes:
    """The text of ``/metrics``: of all workers, where there are several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)
