"""Any recording is decoded to 16 kHz mono: every file of the edge collection, and malicious files made here."""

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe

from media.decoding import AudioError, decode
from media.encoding import mp3_bytes, wav_bytes
from pipeline.types import SAMPLE_RATE, Samples

DATA = Path(__file__).parents[4] / "shared/data"
needs_data = pytest.mark.skipif(not (DATA / "edge").is_dir(), reason="the recordings in ../shared/data are absent")

UNREADABLE = "in no format that can be read"
HEADERLESS = "give headerless PCM a WAV header first"
SILENT = "holds no sound"

EDGE: dict[str, float | str] = {
    "bitdepths_speechrecognition/audio-mono-16-bit-44100Hz.aiff": 2.745,
    "bitdepths_speechrecognition/audio-mono-16-bit-44100Hz.flac": 2.745,
    "bitdepths_speechrecognition/audio-mono-16-bit-44100Hz.wav": 2.745,
    "bitdepths_speechrecognition/audio-mono-24-bit-44100Hz.flac": 2.745,
    "bitdepths_speechrecognition/audio-mono-24-bit-44100Hz.wav": 2.745,
    "bitdepths_speechrecognition/audio-mono-32-bit-44100Hz.wav": 2.745,
    "bitdepths_speechrecognition/audio-mono-8-bit-44100Hz.wav": 2.745,
    "bitdepths_speechrecognition/audio-stereo-16-bit-44100Hz.aiff": 2.745,
    "bitdepths_speechrecognition/audio-stereo-16-bit-44100Hz.flac": 2.745,
    "bitdepths_speechrecognition/audio-stereo-16-bit-44100Hz.wav": 2.745,
    "bitdepths_speechrecognition/audio-stereo-24-bit-44100Hz.flac": 2.745,
    "bitdepths_speechrecognition/audio-stereo-24-bit-44100Hz.wav": 2.745,
    "bitdepths_speechrecognition/audio-stereo-8-bit-44100Hz.wav": 2.745,
    "bitdepths_speechrecognition/chinese.flac": 0.956,
    "bitdepths_speechrecognition/french.aiff": 2.533,
    "codecs_jfk_rice/broken.webm": UNREADABLE,
    "codecs_jfk_rice/good.webm": 9.0,  # recorded by a browser: its header gives no duration
    "codecs_jfk_rice/jfk_rice_univ_1962-09-12_moon.opus": 79.433,
    "codecs_jfk_rice/jfk_rice_univ_1962-09-12_moon_conv.aac": 79.433,
    "codecs_jfk_rice/jfk_rice_univ_1962-09-12_moon_conv.m4a": 79.433,
    "codecs_jfk_rice/jfk_rice_univ_1962-09-12_moon_conv.mp3": 79.433,
    "codecs_jfk_rice/jfk_rice_univ_1962-09-12_moon_conv.ogg": 79.433,
    "codecs_jfk_rice/jfk_rice_univ_1962-09-12_moon_conv.opus": 79.433,
    "codecs_jfk_rice/jfk_rice_univ_1962-09-12_moon_conv.webm": 79.433,
    "codecs_jfk_rice/jfk_rice_univ_1962-09-12_moon_conv_16k_mono.wav": 79.433,
    "generated/header_only.wav": SILENT,
    "generated/not_audio.mp3": UNREADABLE,
    "generated/truncated.flac": 15.552,
    "generated/truncated.wav": 1.562,
    "generated/truncated_head.mp3": 30.0,
    "generated/wrong_ext_flac.wav": 30.0,
    "generated/zero_bytes.wav": "is empty",
    "misc/8_Channel_ID.m4a": 8.05,
    "misc/atc_8k.wav": 53.28,
    "misc/empty_picovoice.wav": 8.212,
    "misc/multilingual_24k.mp3": 59.9,
    "misc/physicsworks_6ch.webm": 203.3,
    "misc/pyannote_empty_1s.wav": 1.0,
    "misc/silero_test.opus": 8.07,
    "misc/siren_24bit_48k_stereo.wav": 4.0,
    "misc/stereo_8k.sph": 1.0,
    "misc/ted_60.m4a": 60.03,
    "misc/whisper_diarization_test.opus": 22.57,
    "noise/ESC50_1-100032-A-0.flac": 5.0,
    "noise/ESC50_2-100648-A-43.flac": 5.0,
    "noise/ESC50_3-103051-C-19.flac": 5.0,
    "noise/ESC50_4-156993-A-19.flac": 5.0,
    "noise/ESC50_5-156999-C-19.flac": 5.0,
    "noise/RIRs_rir1.flac": 1.0,
    "noise/RIRs_rir2.flac": 1.365,
    "noise/RIRs_rir3.flac": 2.0,
    "noise/RIRs_rir4.flac": 0.5,
    "noise/musanmix-sm-gender.csv": UNREADABLE,
    "noise/musanmix-smn-gender.TextGrid": UNREADABLE,
    "noise/musanmix-smn-gender.csv": UNREADABLE,
    "noise/musanmix.flac": 74.523,
    "noise/noise_noise1.flac": 33.123,
    "noise/noise_noise2.flac": 5.0,
    "noise/noise_noise3.flac": 8.429,
    "noise/noise_noise4.flac": 17.659,
    "noise/noise_noise5.flac": 13.686,
    "noise/phonlab_babble.flac": 15.613,
    "noise/phonlab_party.flac": 56.385,
    "noise/phonlab_restaurant.flac": 16.667,
    "pocketsphinx/awful.wav": "sample rate of 1092676 Hz",
    "pocketsphinx/evil.wav": UNREADABLE,
    "pocketsphinx/goforward.raw": HEADERLESS,
    "pocketsphinx/null.wav": SILENT,
    "pocketsphinx/numbers.raw": HEADERLESS,
    "speechbrain/example1.wav": 3.261,
    "speechbrain/example3.sph": 2.89,
    "speechbrain/example4.raw": HEADERLESS,
    "speechbrain/example6.wav": 4.184,
}


@needs_data
@pytest.mark.parametrize(("name", "expected"), EDGE.items())
def test_edge(name: str, expected: float | str, capfd: pytest.CaptureFixture[str]) -> None:
    if isinstance(expected, str):
        with pytest.raises(AudioError, match=expected) as raised:
            decode(DATA / "edge" / name, max_duration=3600)
        assert str(DATA) not in str(raised.value)
    else:
        samples = decode(DATA / "edge" / name, max_duration=3600)
        assert samples.dtype == np.float32
        assert samples.ndim == 1
        assert len(samples) / SAMPLE_RATE == pytest.approx(expected, abs=0.05)
        assert 0 < np.abs(samples).max() <= 1
    assert capfd.readouterr().err == ""  # FFmpeg is quiet


@needs_data
@pytest.mark.parametrize("suffix", ["aac", "m4a", "mp3", "ogg", "opus", "webm"])
def test_codecs_agree(suffix: str) -> None:
    stem = DATA / "edge/codecs_jfk_rice/jfk_rice_univ_1962-09-12_moon_conv"
    wav, _ = soundfile.read(f"{stem}_16k_mono.wav", dtype="float32")
    samples = decode(stem.with_name(f"{stem.name}.{suffix}"), max_duration=3600)
    assert _correlation(wav, samples) > 0.95


@needs_data
def test_16_khz_mono_is_untouched() -> None:
    path = DATA / "edge/speechbrain/example1.wav"
    assert np.array_equal(decode(path, max_duration=60), soundfile.read(path, dtype="float32")[0])


@needs_data
def test_every_channel_is_audible() -> None:
    # Each of the eight channels speaks in turn; FFmpeg's downmix would leave out the fourth (low frequencies).
    samples = decode(DATA / "edge/misc/8_Channel_ID.m4a", max_duration=60)
    parts = [np.sqrt(np.mean(part**2)) for part in np.array_split(samples, 8)]
    assert min(parts) > 0.003
    assert max(parts) < 0.025


def test_channels_weigh_the_same(tmp_path: Path) -> None:
    left, right = _speechlike(0), _speechlike(1)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), SAMPLE_RATE, "FLOAT")
    assert decode(tmp_path / "a.wav", max_duration=60) == pytest.approx((left + right) / 2, abs=1e-6)


@pytest.mark.parametrize("channels", [1, 3, 6, 8, 9, 16, 64])
def test_channel_counts(tmp_path: Path, channels: int) -> None:
    voice = _speechlike(0)
    soundfile.write(tmp_path / "a.wav", np.repeat(voice[:, None], channels, axis=1), SAMPLE_RATE, "FLOAT")
    assert decode(tmp_path / "a.wav", max_duration=60) == pytest.approx(voice, abs=1e-5)


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 22050, 44100, 48000, 96000, 192000])
def test_rates_keep_pitch_and_length(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", _tone(rate), rate)
    samples = decode(tmp_path / "a.wav", max_duration=60)
    assert len(samples) == pytest.approx(2 * SAMPLE_RATE, abs=32)
    assert _correlation(_tone(SAMPLE_RATE), samples) > 0.999


def test_video_has_sound(tmp_path: Path) -> None:
    wav, video = tmp_path / "a.wav", tmp_path / "a.mp4"
    wav.write_bytes(wav_bytes(_speechlike(0)))
    _ffmpeg("-f", "lavfi", "-i", "testsrc=d=2:s=64x64:r=5", "-i", str(wav), "-c:v", "mpeg4", "-c:a", "aac", str(video))
    assert _correlation(_speechlike(0), decode(video, max_duration=60)) > 0.9


def test_video_without_sound(tmp_path: Path) -> None:
    _ffmpeg("-f", "lavfi", "-i", "testsrc=d=1:s=64x64:r=5", "-c:v", "mpeg4", str(tmp_path / "a.mp4"))
    with pytest.raises(AudioError, match="no audio track"):
        decode(tmp_path / "a.mp4", max_duration=60)


def test_silence_is_fine(tmp_path: Path) -> None:
    path = _write(tmp_path, wav_bytes(np.zeros(SAMPLE_RATE, np.float32)))
    assert not decode(path, max_duration=60).any()
    assert len(decode(path, max_duration=60)) == SAMPLE_RATE


def test_not_a_number_is_silence_and_loud_is_clipped(tmp_path: Path) -> None:
    data = np.full(SAMPLE_RATE, 0.25, np.float32)
    data[1000], data[2000], data[3000], data[4000], data[5000] = np.nan, np.inf, -np.inf, 1e38, -7
    path = _write(tmp_path, _wav(SAMPLE_RATE, 1, data.tobytes(), tag=3, bits=32))
    samples = decode(path, max_duration=60)
    assert samples[[1000, 2000, 3000, 4000, 5000]].tolist() == [0, 0, 0, 1, -1]
    assert (np.delete(samples, [1000, 2000, 3000, 4000, 5000]) == 0.25).all()


def test_too_long_stops_early(tmp_path: Path) -> None:
    path = _write(tmp_path, wav_bytes(np.zeros(10 * SAMPLE_RATE, np.float32)))
    assert len(decode(path, max_duration=10)) == 10 * SAMPLE_RATE
    with pytest.raises(AudioError, match=r"longer than the 9\.5 seconds allowed"):
        decode(path, max_duration=9.5)


def test_a_lie_about_length_allocates_nothing(tmp_path: Path) -> None:
    lie = bytearray(_wav(SAMPLE_RATE, 1, bytes(3200)))
    lie[40:44] = struct.pack("<I", 2**32 - 16)
    assert len(decode(_write(tmp_path, bytes(lie)), max_duration=1e9)) == 1600


def test_longer_than_a_growth_step(tmp_path: Path) -> None:
    ramp = np.linspace(-1, 1, 601 * SAMPLE_RATE, dtype=np.float32)
    soundfile.write(tmp_path / "a.wav", ramp, SAMPLE_RATE, "FLOAT")
    samples = decode(tmp_path / "a.wav", max_duration=3600)
    assert np.array_equal(samples, ramp)
    assert samples.base is None  # not a view of something larger


@pytest.mark.parametrize(
    "header",
    [(1, 1), (999, 1), (2**31 - 1, 1), (0, 1), (SAMPLE_RATE, 0), (SAMPLE_RATE, 65), (SAMPLE_RATE, 3000)],
    ids=lambda header: f"{header[0]} Hz, {header[1]} channels",
)
def test_absurd_headers(tmp_path: Path, header: tuple[int, int]) -> None:
    with pytest.raises(AudioError):
        decode(_write(tmp_path, _wav(*header, bytes(60_000))), max_duration=3600)


def test_unknown_codec(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="codec that cannot be read"):
        decode(_write(tmp_path, _wav(SAMPLE_RATE, 1, bytes(60_000), tag=0x9999)), max_duration=60)


def test_noise_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(AudioError):
        decode(_write(tmp_path, np.random.default_rng(0).bytes(200_000), "a.mp3"), max_duration=60)


def test_damaged_packets_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    damaged = bytearray(mp3_bytes(np.tile(_speechlike(0), 5)))
    for position in range(5000, len(damaged), 4000):
        damaged[position : position + 300] = bytes(300)
    samples = decode(_write(tmp_path, bytes(damaged), "a.mp3"), max_duration=60)
    assert 5 < len(samples) / SAMPLE_RATE < 10.2
    assert "damaged packets" in caplog.text


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile {}\n"
SESSION = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns={}\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S"><Period>'
    '<AdaptationSet mimeType="audio/wav"><Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL><SegmentBase/>'
    "</Representation></AdaptationSet></Period></MPD>"
)


@pytest.mark.parametrize("secret", ["secret.mp3", "absolute", "file:///etc/hostname", "http://127.0.0.1:9/a.mp3"])
@pytest.mark.parametrize("name", ["a.m3u8", "a.mp3", "a"])
@pytest.mark.parametrize("container", [PLAYLIST, CONCAT, SESSION, DASH], ids=["hls", "concat", "sdp", "dash"])
def test_no_container_reaches_past_itself(tmp_path: Path, container: str, name: str, secret: str) -> None:
    target = _write(tmp_path, mp3_bytes(_speechlike(0)), "secret.mp3")
    with pytest.raises(AudioError, match=UNREADABLE):
        decode(_write(tmp_path, container.format(target if secret == "absolute" else secret).encode(), name), max_duration=60)


def test_the_name_is_only_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _write(tmp_path, wav_bytes(_speechlike(0)), "secret.wav")
    Path("concat:secret.wav").write_bytes(wav_bytes(_speechlike(0)[:1600]))
    assert len(decode(Path("concat:secret.wav"), max_duration=60)) == 1600


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        decode(tmp_path / "a.wav", max_duration=60)


def _speechlike(seed: int) -> Samples:
    """Two seconds of low-passed noise, within [-1, 1]."""
    noise = np.convolve(np.random.default_rng(seed).standard_normal(2 * SAMPLE_RATE), np.ones(8) / 8, "same")
    return (0.2 * noise).clip(-1, 1).astype(np.float32)


def _tone(rate: int) -> Samples:
    """Two seconds of 440 Hz."""
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)).astype(np.float32)


def _correlation(a: Samples, b: Samples) -> float:
    """The correlation of the first 20 s, the maximum over delays of up to 100 ms, which some codecs add."""
    a, b = a[: 20 * SAMPLE_RATE], b[: 20 * SAMPLE_RATE]
    n = 2**20
    products = np.fft.irfft(np.fft.rfft(a, n).conj() * np.fft.rfft(b, n), n)
    return float(products[: SAMPLE_RATE // 10].max() / np.linalg.norm(a) / np.linalg.norm(b))


def _wav(rate: int, channels: int, data: bytes, tag: int = 1, bits: int = 16) -> bytes:
    block = channels * bits // 8
    form = struct.pack("<IHHIIHH", 16, tag, channels, rate, rate * block & 0xFFFFFFFF, block, bits)
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + form + b"data" + struct.pack("<I", len(data)) + data


def _write(folder: Path, content: bytes, name: str = "a.wav") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _ffmpeg(*arguments: str) -> None:
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True, stdin=subprocess.DEVNULL)
