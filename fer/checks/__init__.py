"""Is the data fit to train on? Great Expectations suites over a FaceDataset."""
