"""Diarization errors, measured with pyannote.metrics."""

from collections.abc import Sequence

from pipeline.evaluation.error_rates import DiarizationErrors
from pipeline.types import Span, Turn


def diarization_errors(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], scored: Sequence[Span], *, collar: float = 0.0
) -> DiarizationErrors:
    """The errors within `scored`, overlaps included, except for `collar` seconds on either side of each boundary.

    NIST's collar is 0.25. pyannote counts both sides together and calls that 0.5.
    """
    # Imported at the first call: pyannote.metrics imports pandas and scikit-learn.
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    def annotation(turns: Sequence[Turn]) -> Annotation:
        result = Annotation()
        for track, turn in enumerate(turns):
            result[Segment(turn.start, turn.end), track] = turn.speaker
        return result

    metric = DiarizationErrorRate(collar=2 * collar, skip_overlap=False)
    region = Timeline([Segment(span.start, span.end) for span in scored]).support()
    found = metric(annotation(reference), annotation(hypothesis), uem=region, detailed=True)
    seconds = (found["total"], found["missed detection"], found["false alarm"], found["confusion"])
    return DiarizationErrors(*(float(value) for value in seconds))


def diarization_error_rate(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], *, duration: float, collar: float = 0.0
) -> float:
    """Missed, false and confused speech as a fraction of the reference's speech, under the best mapping of speakers.

    The whole recording, from 0 to `duration` seconds, is scored; `collar` as in `diarization_errors`.
    """
    return diarization_errors(reference, hypothesis, [Span(0, duration)], collar=collar).rate
