"""Why a language model gave no usable answer. Each message is a sentence that says what to do."""


class LlmError(Exception):
    """Another attempt would end so, too."""


class LlmUnavailableError(Exception):
    """The server does not answer, or is overloaded; it may answer later."""


class LlmOffError(LlmError):
    def __init__(self) -> None:
        super().__init__("No language model is set up: set LLM_URL and LLM_MODEL (docs/summaries.md), and restart the program.")


class RefusedFormatError(LlmError):
    """The server does not know the requested form of answers."""
