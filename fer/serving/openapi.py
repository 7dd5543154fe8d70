"""The service's OpenAPI description, made from the forms of its answers."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import fer
from fer.inference.formats import NAMES
from fer.serving import answers
from fer.serving.settings import Settings

#: What a refusal may be, by status.
REFUSALS = {
    400: "The form, a field or a parameter is broken, or not known.",
    401: "The service wants a key.",
    404: "There is no such task.",
    408: "The body came too slowly.",
    409: "The task is not completed.",
    413: "More bytes, images or boxes than the service takes.",
    415: "The body is no image and no form; or the file is no video.",
    422: "An image that cannot be read.",
    503: "No time; `Retry-After` says when to try again.",
}
OF_IMAGES = (400, 401, 408, 413, 415, 422, 503)
OF_TASKS = (400, 401, 404, 503)
MODELS: tuple[type[BaseModel], ...] = (
    answers.Error,
    answers.CropAnswer,
    answers.PhotoAnswer,
    answers.FrameAnswer,
    answers.TaskAnswer,
    answers.ModelAnswer,
)
TEMPLATE = "#/components/schemas/{model}"
TASK_ID = {
    "name": "task_id",
    "in": "query",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
    "example": answers.EXAMPLE_TASK["task_id"],
}
BOXES = {
    "type": "string",
    "contentMediaType": "application/json",
    "description": "JSON: for each image a list of boxes [left, top, width, height] in pixels, or null to look.",
    "examples": ["[[[211, 94, 143, 178]]]"],
}


def description(settings: Settings) -> dict[str, Any]:
    """OpenAPI 3.1, as JSON."""
    _, schemas = models_json_schema([(model, "serialization") for model in MODELS], ref_template=TEMPLATE)
    components: dict[str, Any] = {"schemas": schemas["$defs"]}
    content: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "fer",
            "version": fer.__version__,
            "summary": "Facial emotion recognition.",
            "description": "Faces in, probabilities of emotions out. `GET /model` says what it may not be used for.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {
            "/classify": {"post": _classify(settings)},
            "/analyze": {"post": _analyze(settings)},
            "/video/submit": {"post": _submit(settings)},
            "/video/status": {"get": _task("status", "How work on a video stands.")},
            "/video/get": {"get": _fetch()},
            "/video/cancel": {"put": _task("cancel", "Stop work on a video.")},
            "/model": {"get": _get("model", "The model's card, limits and terms.", _ref("ModelAnswer"), (401, 503))},
        },
        "components": components,
    }
    if settings.api_key:
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        content["security"] = [{"key": []}]
    return content


def _classify(settings: Settings) -> dict[str, Any]:
    return {
        "operationId": "classify",
        "summary": "Read face crops: one face for each image.",
        "requestBody": _images(settings, {}),
        "responses": _responses(
            "A face for each image, in their order.",
            {"type": "array", "items": _ref("CropAnswer")},
            OF_IMAGES,
            [answers.EXAMPLE_CROP],
        ),
    }


def _analyze(settings: Settings) -> dict[str, Any]:
    return {
        "operationId": "analyze",
        "summary": "Find and read every face of photos.",
        "parameters": [
            {
                "name": "boxes",
                "in": "query",
                "description": f"{BOXES['description']} For a body that is an image; a form has a field.",
                "schema": {"type": "string"},
                "example": "[[[211, 94, 143, 178]]]",
            }
        ],
        "requestBody": _images(settings, {"boxes": BOXES}),
        "responses": _responses(
            "A photo for each image, in their order.",
            {"type": "array", "items": _ref("PhotoAnswer")},
            OF_IMAGES,
            [answers.EXAMPLE_PHOTO],
        ),
    }


def _submit(settings: Settings) -> dict[str, Any]:
    form = {
        "type": "object",
        "properties": {"video": {"type": "string", "format": "binary"}},
        "required": ["video"],
        "additionalProperties": False,
    }
    return {
        "operationId": "submit",
        "summary": "Begin to read a video; ask after it with the task_id of the answer.",
        "requestBody": {
            "required": True,
            "description": f"At most {settings.max_video_bytes} bytes and {settings.max_video_seconds:g} seconds.",
            "content": {
                "multipart/form-data": {"schema": form},
                "video/mp4": {"schema": {"type": "string", "format": "binary"}},
            },
        },
        "responses": _responses("The task.", _ref("TaskAnswer"), (400, 401, 408, 413, 415, 503), answers.EXAMPLE_TASK),
    }


def _task(name: str, summary: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [TASK_ID],
        "responses": _responses("The task.", _ref("TaskAnswer"), OF_TASKS, answers.EXAMPLE_TASK),
    }


def _fetch() -> dict[str, Any]:
    kind = {
        "name": "format",
        "in": "query",
        "description": "A list of frames, or a table with a row for each face.",
        "schema": {"type": "string", "enum": ["json", "csv"], "default": "json"},
    }
    responses = _responses(
        "The faces of every frame.",
        {"type": "array", "items": _ref("FrameAnswer")},
        (*OF_TASKS, 409),
        [answers.EXAMPLE_FRAME],
    )
    responses["200"]["content"]["text/csv"] = {"schema": {"type": "string"}}
    return {
        "operationId": "fetch",
        "summary": "What was found in a video.",
        "parameters": [TASK_ID, kind],
        "responses": responses,
    }


def _images(settings: Settings, fields: dict[str, Any]) -> dict[str, Any]:
    files = {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "minItems": 1,
        "maxItems": settings.max_images,
        "description": f"{NAMES} files, of which the first picture is read, turned upright by its EXIF tag.",
    }
    form = {
        "type": "object",
        "properties": {"images": files} | fields,
        "required": ["images"],
        "additionalProperties": False,
    }
    whole = {"schema": {"type": "string", "format": "binary"}}
    return {
        "required": True,
        "description": f"At most {settings.max_bytes} bytes together, and {settings.max_pixels} pixels an image.",
        "content": {"multipart/form-data": {"schema": form}, "image/jpeg": whole, "image/png": whole},
    }


def _get(name: str, summary: str, schema: dict[str, Any], refusals: tuple[int, ...]) -> dict[str, Any]:
    return {"operationId": name, "summary": summary, "responses": _responses(summary, schema, refusals)}


def _responses(text: str, schema: dict[str, Any], refusals: tuple[int, ...], example: Any = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema}
    if example is not None:
        content["example"] = example
    good = {"description": text, "content": {"application/json": content}, "headers": _version()}
    error = {"application/json": {"schema": _ref("Error")}}
    return {"200": good} | {str(status): {"description": REFUSALS[status], "content": error} for status in refusals}


def _version() -> dict[str, Any]:
    return {"X-Model-Version": {"description": "First digits of the model's SHA-256.", "schema": {"type": "string"}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": TEMPLATE.format(model=name)}
