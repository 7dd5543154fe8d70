"""The endpoints, as a Starlette app that the BentoML service mounts."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fer.inference.reader import Reader
from fer.serving import metrics
from fer.serving.about import about
from fer.serving.engine import Engine
from fer.serving.front import EXCHANGE
from fer.serving.openapi import description
from fer.serving.page_app import page_app
from fer.serving.problems import ApiError
from fer.serving.records import record
from fer.serving.settings import Settings
from fer.serving.uploads import Uploads, boxes_of, check_fields
from fer.serving.videos import Videos, result, task_answer

#: Of every answer: the model that gave it, or would.
VERSION = "X-Model-Version"
STARTING = ApiError(503, "starting", "the service is starting; try again in 1 s", {"Retry-After": "1"})

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass
class ServiceState:
    """What the endpoints share; engine and videos are there once the service has started.

    Attributes:
        settings: of the service.
        engine: reads pictures.
        videos: reads videos.
        facts: headers of every answer.
    """

    settings: Settings
    engine: Engine | None = None
    videos: Videos | None = None
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def ready_engine(self) -> Engine:
        """The engine; ApiError 503 before there is one."""
        if self.engine is None:
            raise STARTING
        return self.engine

    @property
    def ready_videos(self) -> Videos:
        """The videos; ApiError 503 before there are any."""
        if self.videos is None:
            raise STARTING
        return self.videos

    def take(self, reader: Reader) -> None:
        """Read by another reader from the next request and the next video on; those inside keep theirs."""
        self.engine = self.ready_engine.with_reader(reader)
        self.ready_videos.reader = reader
        self.facts[VERSION] = self.engine.version

    def close(self) -> None:
        """Let what runs stop."""
        if self.engine and self.videos:
            self.engine.close()
            self.videos.close()


def routes_of(state: ServiceState) -> Starlette:
    """The endpoints of a service, and its page."""
    uploads = Uploads(state.settings)

    async def classify(request: Request) -> Response:
        engine = state.ready_engine
        engine.admission.check()
        async with uploads.read(request) as upload:
            crops = await engine.classify(upload.pictures)
        faces = [crop.face for crop in crops]
        metrics.count_faces("classify", faces)
        record(state.settings, "classify", engine.version, faces)
        return answer([crop.to_dict() for crop in crops], {VERSION: engine.version})

    async def analyze(request: Request) -> Response:
        engine = state.ready_engine
        engine.admission.check()
        async with uploads.read(request, ["boxes"]) as upload:
            photos = await engine.analyze(upload.pictures, boxes_of(upload, state.settings))
        faces = [face for photo in photos for face in photo.faces]
        metrics.count_faces("analyze", faces)
        record(state.settings, "analyze", engine.version, faces)
        return answer([photo.to_dict() for photo in photos], {VERSION: engine.version})

    async def submit(request: Request) -> Response:
        return answer(task_answer(await state.ready_videos.submit(request)))

    async def status(request: Request) -> Response:
        return answer(task_answer(state.ready_videos.tasks.find(task_id(request))))

    async def fetch(request: Request) -> Response:
        tasks = state.ready_videos.tasks
        return result(tasks, tasks.find(task_id(request, "format")), request.query_params.get("format", "json"))

    async def cancel(request: Request) -> Response:
        tasks = state.ready_videos.tasks
        task = tasks.find(task_id(request))
        tasks.cancel(task)
        return answer(task_answer(task))

    async def model(_: Request) -> Response:
        return answer(about(state.ready_engine.reader, state.settings))

    async def openapi(_: Request) -> Response:
        return answer(description(state.settings))

    async def figures(_: Request) -> Response:
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    return Starlette(
        routes=[
            Route("/classify", answered(classify), methods=["POST"]),
            Route("/analyze", answered(analyze), methods=["POST"]),
            Route("/video/submit", answered(submit), methods=["POST"]),
            Route("/video/status", answered(status), methods=["GET"]),
            Route("/video/get", answered(fetch), methods=["GET"]),
            Route("/video/cancel", answered(cancel), methods=["PUT"]),
            Route("/model", answered(model), methods=["GET"]),
            Route("/openapi.json", answered(openapi), methods=["GET"]),
            # Where BentoML has a description of its own, and its clients look.
            Route("/docs.json", answered(openapi), methods=["GET"]),
            Route("/metrics", answered(figures), methods=["GET"]),
            *page_app().routes,
        ]
    )


#: The paths that metrics name.
ROUTES = (
    "/",
    "/page",
    "/classify",
    "/analyze",
    "/video",
    "/model",
    "/openapi.json",
    "/docs.json",
    "/metrics",
    "/livez",
    "/readyz",
    "/healthz",
)


def answered(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose problems are answers."""

    async def respond(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ApiError as problem:
            request.scope[EXCHANGE].problem = problem
            return Response(problem.to_json(), problem.status, problem.headers, "application/json")

    return respond


def task_id(request: Request, *more: str) -> str:
    """The task that a request asks for; ApiError 400 where it names none, or gives more than that and ``more``."""
    check_fields(["task_id", *more], request.query_params.multi_items(), "parameter")
    if not (given := request.query_params.get("task_id")):
        raise ApiError(400, "no_task_id", "name the task: ?task_id=...")
    return given


def answer(content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; its newline keeps a shell's prompt off it."""
    return Response(
        f"{json.dumps(content, allow_nan=False)}\n".encode(), headers=headers, media_type="application/json"
    )
