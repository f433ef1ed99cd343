import io
import threading
import time
from collections.abc import Iterable
from itertools import cycle
from typing import Literal

import numpy as np
import pytest

from media.decoder import DEFAULT_SAMPLE_RATE_HZ, Decoder, StreamError
from media.decoding import decode
from media.stream import create_decoder
from media.webm import WebmDecoder
from pipeline.types import SAMPLE_RATE, Samples
from tests.support import bombs
from tests.support.program import DATA


def tone(seconds: float, rate: int, frequency: float = 440.0) -> Samples:
    return (np.sin(np.arange(round(seconds * rate)) * 2 * np.pi * frequency / rate) * 0.5).astype(np.float32)


def decoded(decoder: Decoder, pieces: Iterable[bytes]) -> Samples:
    found = [samples for piece in pieces for samples in decoder.feed(piece)]
    found += decoder.finish()
    decoder.close()
    return np.concatenate([np.empty(0, np.float32), *found])


def pieces(data: bytes, *sizes: int) -> Iterable[bytes]:
    at = 0
    for size in cycle(sizes):
        if at >= len(data):
            return
        yield data[at : at + size]
        at += size


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_any_rate_becomes_16_khz(rate: int) -> None:
    found = decoded(create_decoder("float32", rate), [tone(1, rate).astype("<f4").tobytes()])
    assert len(found) == SAMPLE_RATE
    assert np.abs(found - tone(1, SAMPLE_RATE))[500:-500].max() < 0.01


def test_samples_do_not_depend_on_the_pieces_in_which_they_arrive() -> None:
    data = tone(2, DEFAULT_SAMPLE_RATE_HZ).astype("<f4").tobytes()
    whole = decoded(create_decoder("float32", DEFAULT_SAMPLE_RATE_HZ), [data])
    assert np.array_equal(decoded(create_decoder("float32", DEFAULT_SAMPLE_RATE_HZ), pieces(data, 4, 28, 16384, 400)), whole)


def test_16_bit_integers() -> None:
    found = decoded(create_decoder("int16", SAMPLE_RATE), [np.array([-32768, 0, 16384], "<i2").tobytes()])
    assert found.tolist() == [-1.0, 0.0, 0.5]


def test_nan_and_infinity_are_silence_and_loud_samples_are_clipped() -> None:
    strange = np.array([np.nan, np.inf, -np.inf, 3.0, -3.0, 1e38], "<f4")
    assert decoded(create_decoder("float32", SAMPLE_RATE), [strange.tobytes()]).tolist() == [0.0, 0.0, 0.0, 1.0, -1.0, 1.0]


@pytest.mark.parametrize("encoding", ["int16", "float32"])
@pytest.mark.parametrize("size", [1, 3, 4095, 4097])
def test_pieces_of_odd_length_lose_nothing(encoding: Literal["int16", "float32"], size: int) -> None:
    data = tone(0.5, SAMPLE_RATE)
    sent = (data * 32767).astype("<i2").tobytes() if encoding == "int16" else data.astype("<f4").tobytes()
    whole = decoded(create_decoder(encoding, SAMPLE_RATE), [sent])
    assert len(whole) == SAMPLE_RATE // 2
    assert np.array_equal(decoded(create_decoder(encoding, SAMPLE_RATE), pieces(sent, size)), whole)


def test_a_damaged_float32_frame_does_not_shift_those_after_it() -> None:
    good = tone(0.1, SAMPLE_RATE).astype("<f4").tobytes()
    found = decoded(create_decoder("float32", SAMPLE_RATE), [good, good[:7], b"", b"\1\2", good])
    assert np.array_equal(found[-1600:], tone(0.1, SAMPLE_RATE))
    assert len(found) <= 3202


@pytest.mark.parametrize("offset", [0, 300])
@pytest.mark.parametrize("loudness", [0.002, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("size", [256, 4095])
def test_int16_that_is_sent_as_float32_is_refused(loudness: float, offset: int, size: int) -> None:
    noise = np.random.default_rng(0).standard_normal(16000) * 0.1
    sound = (tone(1, SAMPLE_RATE, 200) + noise) * loudness * 32767 * 0.5 + offset
    with pytest.raises(StreamError, match="are int16, but were announced as float32"):
        decoded(create_decoder("float32", SAMPLE_RATE), pieces(sound.astype("<i2").tobytes(), size))


def test_quiet_float32_samples_are_not_taken_for_int16() -> None:
    """Filters of browsers end in ever smaller numbers; clients send what is not a number."""
    fading = (tone(1, SAMPLE_RATE) * np.float32(1e-39)).astype("<f4")
    strange = np.resize(np.array([np.nan, np.inf, -np.inf, 1e38], "<f4"), 4000)
    for sound in (fading, strange, np.full(4000, np.nan, "<f4"), tone(1, SAMPLE_RATE) * np.float32(1e-6)):
        assert len(decoded(create_decoder("float32", SAMPLE_RATE), [sound.astype("<f4").tobytes()])) == len(sound)


def test_the_level_is_that_of_the_last_piece() -> None:
    found = create_decoder("float32", DEFAULT_SAMPLE_RATE_HZ)
    for loudness in (0.5, 0.25):
        list(found.feed(np.full(100, loudness, "<f4").tobytes()))
        assert found.level == pytest.approx(loudness)


def webm(samples: Samples) -> bytes:
    """WebM as a browser records it: Opus at 48 kHz, in clusters of undeclared length."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="webm", options={"live": "1", "cluster_time_limit": "1000"}) as container:
        stream = container.add_stream("libopus", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = 48000
        for part in [*av.AudioResampler(format="flt", layout="mono", rate=48000, frame_size=960).resample(frame), None]:
            container.mux(stream.encode(part))
    return file.getvalue()


def test_webm_is_decoded_in_pieces() -> None:
    data = webm(tone(3, 48000))
    whole = decoded(WebmDecoder(), [data])
    assert len(whole) == pytest.approx(3 * SAMPLE_RATE, abs=0.1 * SAMPLE_RATE)
    assert np.sqrt(np.mean(whole**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    assert np.array_equal(decoded(WebmDecoder(), pieces(data, 1, 100, 1000)), whole)


def test_webm_is_decoded_as_soon_as_it_arrives() -> None:
    """A browser sends one to five seconds at a time. A piece must not wait for the next one."""
    data = webm(tone(5, 48000))
    stream = WebmDecoder()
    assert list(stream.feed(b"")) == []
    counts = [sum(len(samples) for samples in stream.feed(part)) for part in pieces(data, len(data) // 5)]
    assert list(stream.feed(b"")) == []
    stream.close()
    assert all(samples > 0.8 * SAMPLE_RATE for samples in counts[:5])


@pytest.mark.parametrize("size", [1000, 16_000, 10**6])
def test_a_recording_of_chrome_is_decoded(size: int) -> None:
    """Output of MediaRecorder: Opus, one cluster and a header of undeclared length."""
    file = DATA / "edge/codecs_jfk_rice/good.webm"
    if not file.exists():
        pytest.skip(f"{file} is absent")
    found = decoded(WebmDecoder(), pieces(file.read_bytes(), size))
    whole = decode(file, max_duration=60)
    assert len(found) == pytest.approx(len(whole), abs=0.05 * SAMPLE_RATE)
    length = min(len(found), len(whole))
    assert np.corrcoef(found[:length], whole[:length])[0, 1] > 0.99


def test_a_recording_of_chrome_without_its_beginning_is_refused() -> None:
    file = DATA / "edge/codecs_jfk_rice/broken.webm"
    if not file.exists():
        pytest.skip(f"{file} is absent")
    with pytest.raises(StreamError, match="from its first piece on"):
        decoded(WebmDecoder(), pieces(file.read_bytes(), 16_000))


def test_a_webm_stream_that_is_cut_off_is_decoded_to_its_end() -> None:
    data = webm(tone(3, 48000))
    assert len(decoded(WebmDecoder(), [data[: len(data) // 2]])) > SAMPLE_RATE


@pytest.mark.parametrize("data", [b"RIFF" + bytes(5000), bytes(5000), b"\x1a\x45\xdf\xa3" + b"\xff" * 5000])
def test_other_formats_than_webm_are_refused(data: bytes) -> None:
    with pytest.raises(StreamError, match="MediaRecorder"):
        decoded(WebmDecoder(), [data])


def test_a_closed_decoder_ends_its_thread() -> None:
    stream = WebmDecoder()
    list(stream.feed(webm(tone(1, 48000))[:1000]))
    stream.close()
    deadline = time.monotonic() + 120
    while any(thread.name == "webm" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("rate", [1, 999, 768_001])
def test_a_webm_stream_of_an_absurd_rate_is_refused(rate: int) -> None:
    """A megabyte at 1 Hz is six days."""
    with pytest.raises(StreamError, match=f"sample rate of {rate} Hz"):
        decoded(WebmDecoder(), [bombs.webm_packets(rate, 1, 1 << 20)])


def test_webm_packets_of_many_megabytes_are_refused() -> None:
    with pytest.raises(StreamError, match="a packet of 9 MB"):
        decoded(WebmDecoder(), [bombs.webm_packets(48_000, 1, 9 << 20)])
    assert len(decoded(WebmDecoder(), [bombs.webm_packets(48_000, 3, 48_000)])) == pytest.approx(1.5 * SAMPLE_RATE, abs=32)


def test_a_webm_header_has_an_end() -> None:
    decoder, begin = WebmDecoder(), bombs.webm_padding(4 << 20)[: 2 << 20]
    assert list(decoder.feed(begin[: 1 << 19])) == []
    with pytest.raises(StreamError, match="damaged"):
        list(decoder.feed(begin[1 << 19 :]))  # though the stream goes on
    decoder.close()
