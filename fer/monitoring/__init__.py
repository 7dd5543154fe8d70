"""What the service recorded, held against what the champion was validated on."""
