"""What ``fer`` does on the command line: a module per command, and what they share."""
