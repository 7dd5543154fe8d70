"""Predictions measured and compared: metrics with intervals, calibration, ensembles, the reject option, slices."""
