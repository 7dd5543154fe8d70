"""A finished job as bytes: weights, predictions, and what is told of them."""

import io
import json
from dataclasses import asdict
from typing import Any
from zipfile import BadZipFile

import numpy as np

from fer.errors import UserError
from fer.portable.train import Finished
from fer.training.state import Arrays, Progress


def pack_job(finished: Finished, keep: str) -> bytes:
    """A finished job's bytes; ``keep`` is one of ``fer.portable.folder.KEPT``.

    In half precision it is the kernels that are halved: means, variances and offsets are few, and reach further.
    """
    weights: Arrays = [] if keep == "predictions" else finished.weights
    if keep == "float16":
        weights = [values.astype(np.float16) if values.ndim > 1 else values for values in weights]
    about = {name: getattr(finished, name) for name in ("preprocessing", "temperature", "seconds")}
    about |= {"progress": asdict(finished.progress)}
    arrays: dict[str, Any] = {f"weight_{place:04d}": values for place, values in enumerate(weights)}
    arrays |= {"validation": finished.validation, "ten_views": finished.ten_views}
    stream = io.BytesIO()
    np.savez_compressed(stream, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)
    return stream.getvalue()


def unpack_job(content: bytes, name: str) -> Finished:
    """What ``pack_job`` packed, its weights in float32; none where predictions alone came back.

    Raises:
        UserError: where the bytes are no finished job's.
    """
    try:
        with np.load(io.BytesIO(content)) as arrays:
            about: dict[str, Any] = json.loads(arrays["about"].tobytes())
            places = sorted(key for key in arrays.files if key.startswith("weight_"))
            return Finished(
                weights=[arrays[key].astype(np.float32) for key in places],
                preprocessing=about["preprocessing"],
                temperature=about["temperature"],
                validation=arrays["validation"],
                ten_views=arrays["ten_views"],
                progress=Progress.of(about["progress"]),
                seconds=about["seconds"],
            )
    except (ValueError, KeyError, TypeError, OSError, EOFError, BadZipFile) as error:
        raise UserError(f"{name}: damaged results ({error}); copy them once more") from error
