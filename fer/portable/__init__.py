"""Trainings on an accelerator's machine, which has Keras, JAX or torch, and little else: one folder in, one out."""
