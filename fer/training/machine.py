"""The machine that a training runs on."""

import keras


def accelerator() -> str:
    """What JAX or torch computes on, by its maker's name; empty for a CPU."""
    if keras.backend.backend() == "jax":
        import jax

        device = jax.devices()[0]
        return "" if device.platform == "cpu" else device.device_kind
    if keras.backend.backend() == "torch":
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return ""
