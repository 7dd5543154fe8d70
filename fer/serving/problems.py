"""What a request may get wrong, and the one form in which the service says it."""

import json
from http import HTTPStatus
from typing import Any


class ApiError(Exception):
    """An answer that is no success: a status, a code for programs and a sentence for people.

    Args:
        status: of HTTP, 400 to 599.
        code: short, lower case; the same for the same kind of mistake.
        message: one sentence: what is wrong, and what to send instead.
        headers: to answer with, such as ``Retry-After``.
    """

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def to_dict(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"error": {"code": self.code, "message": self.message}}

    def to_json(self) -> bytes:
        """The body of the answer, encoded; it ends with a newline, as every JSON answer."""
        return f"{json.dumps(self.to_dict())}\n".encode()


#: The codes of statuses that the framework below gives without a word of its own.
CODES = {
    404: ("not_found", "there is nothing at this address; GET /openapi.json describes what there is"),
    405: ("method_not_allowed", "this address does not take that method; the Allow header names those that it takes"),
    500: ("internal", "something went wrong here; the service's log says what"),
}


def of_status(status: int) -> ApiError:
    """The problem of a bare HTTP status."""
    phrase = HTTPStatus(status).phrase
    code, message = CODES.get(status, (phrase.lower().replace(" ", "_"), phrase))
    return ApiError(status, code, message)


def overloaded(seconds: float) -> ApiError:
    """503: come back later."""
    wait = max(1, round(seconds))
    return ApiError(
        503,
        "overloaded",
        f"more is waiting than can be answered in time; try again in {wait} s",
        {"Retry-After": str(wait)},
    )
