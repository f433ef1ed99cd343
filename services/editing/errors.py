"""Why a transcript is not changed."""


class EditError(RuntimeError):
    """The transcript cannot be changed so; the message says why."""
