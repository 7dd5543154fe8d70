"""A page on which a person decides about doubtful labels, and saves a file of corrections. It needs no server."""

import base64

import cv2
import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from fer.data.dataset import FaceDataset

#: Images that the page shows: some 2 KB each.
SHOWN = 500


def correction_page(dataset: FaceDataset, doubtful: pd.DataFrame) -> str:
    """The page as HTML, the pictures inside.

    Args:
        dataset: the faces.
        doubtful: rows of the audit's table with their index, the most doubtful first.
    """
    # Unlike Markdown's, its names and labels are other people's text in HTML.
    environment = Environment(
        loader=PackageLoader("fer.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    shown = doubtful.head(SHOWN)
    facts = shown[["source_id", "sha256", "emotion", "suggested"]].to_dict("records")
    rows = [row | {"png": _png(dataset.images[position])} for position, row in zip(shown.index, facts, strict=True)]
    template = environment.get_template("corrections.html.jinja")
    return template.render(name=dataset.name, rows=rows, total=len(doubtful), classes=dataset.classes)


def _png(image: np.ndarray) -> str:
    return base64.b64encode(cv2.imencode(".png", np.ascontiguousarray(image))[1].tobytes()).decode()
