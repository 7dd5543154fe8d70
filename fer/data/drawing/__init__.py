"""Faces drawn from action units: geometry, features, hair, covers, and the portrait that puts them together."""
