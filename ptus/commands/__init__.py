"""The sub-commands of `ptus`, one a module."""
