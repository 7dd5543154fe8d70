"""Facial emotion recognition: data, models, training, inference and serving."""

#: Of the distribution ``fer-pipeline`` too: its pyproject.toml reads it here, as a Bento has this file and no metadata.
__version__ = "0.1.0"
