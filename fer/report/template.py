"""Markdown from the Jinja templates of ``fer/report/templates``."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(name: str, filters: Mapping[str, Callable[..., str]], values: Mapping[str, Any]) -> str:
    """A template filled in.

    In a template a paragraph or list item may be broken into lines anywhere; in the page it is one line. Several empty
    lines become one.

    Args:
        name: the template's file.
        filters: beyond Jinja's own.
        values: the names that the template uses; another one is an error.
    """
    environment = Environment(
        loader=PackageLoader("fer.report"),
        autoescape=False,  # Markdown, not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters
    text = environment.get_template(name).render(values)
    # A line that begins a table's row, a heading, a list item or an image stays one.
    text = re.sub(r"(?<=\S)\n *(?=[^\s|#!-])", " ", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
