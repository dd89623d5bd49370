"""Errors that are the user's to mend."""


class UserError(Exception):
    """Something the user gave cannot be used; the message is one line and says what to do about it."""
