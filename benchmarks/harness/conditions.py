"""Read speech made to sound like rooms and telephones: synthetic impulse responses, codecs and noise, the same for a seed."""

from fractions import Fraction

import av
import numpy as np

from pipeline.types import SAMPLE_RATE, Samples

PLAIN_FRAME = 160
"""Samples encoded at a time by a codec without frames of its own."""
MAX_DELAY_S = 0.1
"""More than that of any of the codecs."""
RIR_S = 0.8
"""Length of an impulse response."""
EARLY_S = 0.002
"""Time from the direct sound to the first reflections."""
DECODERS = {"libopencore_amrnb": "amrnb"}
"""Of codecs whose decoder has another name."""
SPEED_OF_DECAY = float(np.log(1000.0))
"""Natural logarithm of the fall of the amplitude, 60 dB, within the reverberation time."""


def room(samples: Samples, rng: np.random.Generator, reverberation_s: float, direct_db: float) -> Samples:
    """Speech in a room, by a decaying noise as impulse response (Polack's model of a diffuse field).

    Args:
        reverberation_s: The time in which reflections fall by 60 dB.
        direct_db: Energy of the direct sound over that of the reflections: negative at a distance.
    """
    time = np.arange(round(RIR_S * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * np.exp(-SPEED_OF_DECAY * time / reverberation_s)
    tail[time < EARLY_S] = 0.0
    response = tail * 10 ** (-direct_db / 20) / np.sqrt(np.sum(tail**2))
    response[0] = 1.0
    size = len(samples) + len(response) - 1
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)[: len(samples)]
    level = np.sqrt(np.mean(samples**2) / np.mean(wet**2))
    return np.asarray(wet * level, np.float32)


def coded(samples: Samples, codec: str, rate: int, bit_rate: int | None = None) -> Samples:
    """Speech that was encoded at `rate` samples per second and decoded again, without the delay of the codec."""
    encoder, decoder = av.CodecContext.create(codec, "w"), av.CodecContext.create(DECODERS.get(codec, codec), "r")
    assert isinstance(encoder, av.AudioCodecContext)
    assert isinstance(decoder, av.AudioCodecContext)
    for context in (encoder, decoder):
        context.sample_rate, context.layout = rate, "mono"
    encoder.format, encoder.time_base = av.AudioFormat("s16"), Fraction(1, rate)
    if bit_rate is not None:
        encoder.bit_rate = bit_rate
    encoder.open()
    decoder.extradata = encoder.extradata
    down = av.AudioResampler("s16", "mono", rate, frame_size=encoder.frame_size or PLAIN_FRAME)
    up = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    whole = av.AudioFrame.from_ndarray((np.clip(samples, -1, 1) * 32767).astype(np.int16)[None], "s16", "mono")
    whole.sample_rate = SAMPLE_RATE
    packets = [packet for frame in [*down.resample(whole), *down.resample(None)] for packet in encoder.encode(frame)]
    packets += encoder.encode(None)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + list(decoder.decode(None))
    received = np.concatenate([out.to_ndarray()[0] for frame in frames for out in up.resample(frame)])
    return aligned(np.asarray(received, np.float32), samples)


def aligned(received: Samples, samples: Samples) -> Samples:
    """`received`, moved by up to `MAX_DELAY_S` to where it resembles `samples` most, and of their length."""
    size = len(received) + len(samples)
    product = np.fft.irfft(np.fft.rfft(received, size) * np.conj(np.fft.rfft(samples, size)), size)
    lag = int(np.argmax(product[: round(MAX_DELAY_S * SAMPLE_RATE)]))
    moved = received[lag : lag + len(samples)]
    return np.concatenate([moved, np.zeros(len(samples) - len(moved), np.float32)])
