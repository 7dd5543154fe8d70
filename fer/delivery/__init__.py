"""From a trained model to what is served: promotion, the Bento, the released model."""
