"""Facial emotion recognition: data, models, training, inference and serving."""
