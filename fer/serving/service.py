"""The BentoML service: what a Bento carries, and what ``fer serve`` runs."""

import gc
from pathlib import Path

import bentoml
from bentoml.models import BentoModel
from pydantic import BaseModel

from fer.errors import UserError
from fer.inference.classifier import RELEASED, Card
from fer.inference.reader import Reader
from fer.serving.batching import BatchingClassifier
from fer.serving.connections import guard_connections
from fer.serving.container import IMAGE
from fer.serving.engine import Bounded, Engine
from fer.serving.follow import Follower, state_of
from fer.serving.front import Front
from fer.serving.routes import ROUTES, ServiceState, routes_of
from fer.serving.settings import service_settings
from fer.serving.shadow import Shadow
from fer.serving.videos import Videos


class Arguments(BaseModel):
    """What a Bento is built with: the tag of its model. Without one ``FER_SERVE_MODEL`` names a folder."""

    model: str = ""


ARGUMENTS = bentoml.use_arguments(Arguments)
SETTINGS = service_settings()
STATE = ServiceState(SETTINGS)
#: The Bento's own model; None where a folder is served.
CHAMPION = BentoModel(ARGUMENTS.model) if ARGUMENTS.model else None
guard_connections()


def model_folder() -> Path:
    """Where the model is that this service serves."""
    return Path(CHAMPION.resolve().path) if CHAMPION else SETTINGS.model or RELEASED


@bentoml.service(
    name="fer",
    image=IMAGE,
    workers=SETTINGS.worker_count,
    # Front counts, logs, limits and answers errors itself: BentoML's labels are raw paths, and its errors tracebacks.
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
@bentoml.asgi_app(routes_of(STATE), path="/")
class FerService:
    """Facial emotion recognition."""

    champion = CHAMPION

    @bentoml.on_deployment
    @staticmethod
    def check_model() -> None:
        """Once, before ``bentoml serve`` starts a worker: one that cannot start would be started again for ever."""
        try:
            Card.load(model_folder())
            SETTINGS.check_monitor()
        except UserError as error:
            raise SystemExit(f"error: {error}") from error

    def __init__(self) -> None:
        folder = model_folder()
        seen = state_of(folder)
        self._shadow = Shadow(SETTINGS.shadow, SETTINGS.monitor) if SETTINGS.shadow and SETTINGS.monitor else None
        reader = self._batching(Reader(folder, threads=1))
        reader.detector = Bounded(reader.detector, SETTINGS.max_faces)
        STATE.engine = Engine(reader, SETTINGS)
        STATE.videos = Videos(reader, SETTINGS)
        STATE.take(reader)
        # A Bento's model is the Bento's; a folder may be given another one.
        self._follower = Follower(folder, seen, self._another, self._take) if CHAMPION is None else None
        # What is loaded now stays: every search of all of it for garbage held the requests up by 50 to 90 ms.
        gc.collect()
        gc.freeze()

    def _batching(self, reader: Reader) -> Reader:
        classifier = self._shadow.beside(reader.classifier) if self._shadow else reader.classifier
        reader.classifier = BatchingClassifier(classifier, SETTINGS.thread_count)
        return reader

    def _another(self, folder: Path) -> Reader:
        """A reader by the model that is in the folder now, with the same detector."""
        detector = STATE.ready_engine.reader.detector
        return self._batching(Reader(folder, detector=detector, threads=1))

    def _take(self, reader: Reader) -> str:
        STATE.take(reader)
        return f"{reader.classifier.card.architecture}, version {STATE.ready_engine.version}"

    @bentoml.on_shutdown
    def close(self) -> None:
        """What is in flight has been answered; videos stop."""
        for beside in (self._follower, self._shadow):
            if beside:
                beside.close()
        STATE.close()


FerService.add_asgi_middleware(Front, settings=SETTINGS, routes=ROUTES, facts=STATE.facts)  # type: ignore[attr-defined]
