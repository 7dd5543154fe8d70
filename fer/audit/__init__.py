"""The audit of a FaceDataset: what its images measure, its copies, and labels to look at again."""
