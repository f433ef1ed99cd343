"""What `vivavoce serve` says before it starts anything."""

import pytest

from settings import Settings
from vivavoce.server import show_threshold


@pytest.mark.parametrize(
    ("value", "model", "says"),
    [
        (0.30, None, "  SPEAKER_THRESHOLD=0.3 is not used"),
        (0.45, None, "  SPEAKER_THRESHOLD=0.45 is low for wespeaker-resnet34"),
        (0.30, "pyannote/embedding", "  SPEAKER_THRESHOLD=0.3 is for pyannote/embedding and not used"),
        (0.30, "wespeaker-resnet34", ""),
        (0.60, None, ""),
        (None, None, ""),
    ],
)
def test_a_threshold_of_another_model_is_explained(
    capsys: pytest.CaptureFixture[str], value: float | None, model: str | None, says: str
) -> None:
    show_threshold(Settings(speaker_threshold=value, speaker_threshold_model=model), "wespeaker-resnet34")
    said = capsys.readouterr().err
    assert said.startswith(says)
    assert bool(said) == bool(says)


def test_a_model_without_a_threshold_is_named_before_the_start() -> None:
    with pytest.raises(SystemExit, match="No speaker threshold is known for the embedding model 'somebody/else'"):
        show_threshold(Settings(), "somebody/else")
