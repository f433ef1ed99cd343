import numpy as np
from faster_whisper.vad import get_vad_model

from engines.streaming_vad import StreamingVad
from pipeline.live.endpointing import FRAME, SILERO, Endpointer
from pipeline.types import SAMPLE_RATE
from tests.engines.speech import conversation


def test_frame_by_frame_it_hears_what_silero_hears_in_the_whole_recording() -> None:
    audio = conversation()[: 10 * SAMPLE_RATE // FRAME * FRAME]
    vad = StreamingVad()
    streamed = [vad(frame) for frame in audio.reshape(-1, FRAME)]
    whole = get_vad_model()(audio.copy()).ravel()
    assert np.allclose(streamed[:-1], whole[:-1], atol=1e-4)  # faster-whisper silences the end of what it is given


def test_streams_do_not_hear_each_other() -> None:
    audio = conversation()[7 * SAMPLE_RATE :][: 100 * FRAME].reshape(-1, FRAME)
    alone, beside, other = StreamingVad(), StreamingVad(), StreamingVad()
    for frame in audio:
        other(np.zeros(FRAME, np.float32))
        assert alone(frame) == beside(frame)


def test_lines_of_real_speech_do_not_depend_on_how_it_arrives() -> None:
    audio = conversation()
    whole = Endpointer(StreamingVad(), SILERO, 0.2)
    expected = whole.feed(audio) + whole.finish()
    assert len(expected) == 4
    assert expected[0].start > 6 * SAMPLE_RATE  # nobody speaks before
    parts = Endpointer(StreamingVad(), SILERO, 0.2)
    found = [cut for at in range(0, len(audio), 1601) for cut in parts.feed(audio[at : at + 1601])]
    assert found + parts.finish() == expected
