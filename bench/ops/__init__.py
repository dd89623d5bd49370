"""The cases of each op."""
