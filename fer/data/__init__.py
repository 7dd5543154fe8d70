"""Face data sets: sources, cleaning and the FaceDataset on disk."""
