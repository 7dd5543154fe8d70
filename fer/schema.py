"""JSON files checked by a schema: a damaged or foreign file is one line, and a bug of ours stays a traceback."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from fer.errors import UserError

Content = TypeVar("Content")
#: Missing keys that a message names before it stops.
NAMED = 3


def read_as(kind: type[Content], path: Path, remedy: str) -> Content:
    """A JSON file as a ``kind``: a pydantic model, or a type such as ``dict[str, float]``. Nothing is coerced.

    Raises:
        UserError: where the file is missing, no JSON, or has another form, with ``remedy`` at its end.
    """
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes(), strict=True)
    except OSError as error:
        raise UserError(f"{path}: not to be read ({error.strerror}); {remedy}") from error
    except ValidationError as error:
        raise UserError(f"{path}: {_complaint(error)}; {remedy}") from error


def _complaint(error: ValidationError) -> str:
    details: list[Any] = error.errors()
    if missing := [_key(detail) for detail in details if detail["type"] == "missing"]:
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        return f"lacks {', '.join(missing[:NAMED])}{more}"
    first, where = details[0], _key(details[0])
    if first["type"] == "json_invalid":
        return f"not to be read ({first['msg'].lower()})"
    return f"{where}{': ' if where else ''}{first['msg'].lower()}, got {first['input']!r:.60}"


def _key(detail: Any) -> str:
    return ".".join(map(str, detail["loc"]))
