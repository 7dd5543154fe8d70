"""What the commands of ``fer`` do; ``fer.cli`` gives them their options."""
