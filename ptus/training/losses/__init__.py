"""The losses, one family a module."""
