"""Training: augmentation, batches, checkpoints and the fit."""
