"""Failures of an audio store that is elsewhere, each with a sentence that says what to do."""

MISSING = "The audio store is not there: create the bucket that AUDIO_URL names, or correct AUDIO_URL."
REFUSED = "The audio store refuses: let its credentials, or the machine's role, list, read, write and delete there."
NO_CREDENTIALS = (
    "The audio store needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role."
)
AWAY = "The audio store does not answer: check AUDIO_URL, AWS_ENDPOINT_URL and the network."


class AudioStoreError(OSError):
    """The audio store refuses or does not answer; the message says what to do. Another attempt may succeed."""


def explained(error: Exception) -> AudioStoreError:
    """What any error of a store elsewhere means. Its own text goes to the log, as the cause."""
    if isinstance(error, FileNotFoundError):
        return AudioStoreError(MISSING)
    if isinstance(error, PermissionError):
        return AudioStoreError(REFUSED)
    # By name: botocore is installed only where the store is in S3.
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
        return AudioStoreError(NO_CREDENTIALS)
    return AudioStoreError(AWAY)
