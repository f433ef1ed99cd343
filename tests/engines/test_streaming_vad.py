import numpy as np
from faster_whisper.vad import get_vad_model

from engines.streaming_vad import StreamingVad
from pipeline.live.endpointing import Endpointer
from pipeline.live.vad import FRAME_SAMPLES, SILERO
from pipeline.types import SAMPLE_RATE
from tests.engines.speech import conversation


def test_frame_by_frame_gives_the_probabilities_of_the_whole_recording() -> None:
    audio = conversation()[: 10 * SAMPLE_RATE // FRAME_SAMPLES * FRAME_SAMPLES]
    vad = StreamingVad()
    streamed = [vad(frame) for frame in audio.reshape(-1, FRAME_SAMPLES)]
    whole = get_vad_model()(audio.copy()).ravel()
    assert np.allclose(streamed[:-1], whole[:-1], atol=1e-4)  # faster-whisper pads the end of its input with silence


def test_streams_do_not_affect_each_other() -> None:
    audio = conversation()[7 * SAMPLE_RATE :][: 100 * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    alone, beside, other = StreamingVad(), StreamingVad(), StreamingVad()
    for frame in audio:
        other(np.zeros(FRAME_SAMPLES, np.float32))
        assert alone(frame) == beside(frame)


def test_spans_of_real_speech_do_not_depend_on_how_it_arrives() -> None:
    audio = conversation()
    whole = Endpointer(StreamingVad(), SILERO, 0.2)
    expected = whole.feed(audio) + whole.finish()
    assert len(expected) == 4
    assert expected[0].start > 6 * SAMPLE_RATE  # there is no speech before
    parts = Endpointer(StreamingVad(), SILERO, 0.2)
    found = [span for at in range(0, len(audio), 1601) for span in parts.feed(audio[at : at + 1601])]
    assert found + parts.finish() == expected
