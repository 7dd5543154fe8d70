"""What the architectures share: a network around them, their blocks, preprocessing, pretrained files, the registry."""
