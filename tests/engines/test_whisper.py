"""Whisper, on real speech in three languages."""

import re
from pathlib import Path

import numpy as np
import pytest

from engines.whisper.language import choose
from engines.whisper.transcription import MAX_HOTWORD_TOKENS, Whisper, Window
from pipeline.decoding import MAX_PROMPT_CHARS, Decoding
from pipeline.languages import LANGUAGES
from pipeline.types import SAMPLE_RATE, Span, Utterance
from tests.engines.speech import conversation, read

CLIPS = {
    "en": ("test", "apostle of the middle classes"),
    "de": ("test_de", ""),
    "es": ("test_es", "las arenas son"),
}


@pytest.fixture(scope="module")
def engine(whisper_path: Path) -> Whisper:
    return Whisper(whisper_path, threads=2)


@pytest.fixture(scope="module")
def windows() -> list[Window]:
    """A clip in each language, silence before it, and one window in the middle of a conversation; no language is given."""
    lead = np.zeros(SAMPLE_RATE, np.float32)
    clips = [np.concatenate([lead, read(f"read_speech/picovoice_multilingual/{name}.flac")]) for name, _ in CLIPS.values()]
    found = [Window(clip, Span(1.0, len(clip) / SAMPLE_RATE), None) for clip in clips]
    return [*found, Window(conversation(), Span(14.0, 22.0), None)]


@pytest.fixture(scope="module")
def together(engine: Whisper, windows: list[Window]) -> list[list[Utterance]]:
    return engine.transcribe(windows)


def test_every_window_is_heard_in_its_language(together: list[list[Utterance]]) -> None:
    assert [utterances[0].language for utterances in together] == [*CLIPS, "en"]
    for utterances, (_, says) in zip(together, CLIPS.values(), strict=False):
        assert says in "".join(word.text for utterance in utterances for word in utterance.words).lower()
    assert "originally from Chicago" in "".join(word.text for utterance in together[-1] for word in utterance.words)


def test_neighbours_change_no_word_and_no_time(engine: Whisper, windows: list[Window], together: list[list[Utterance]]) -> None:
    for window, found in zip(windows, together, strict=True):
        (alone,) = engine.transcribe([window])
        assert [utterance.language for utterance in alone] == [utterance.language for utterance in found]
        for one, other in zip(alone, found, strict=True):
            assert one.avg_logprob == pytest.approx(other.avg_logprob, abs=0.02)
            assert [word.text for word in one.words] == [word.text for word in other.words]
            for word, same in zip(one.words, other.words, strict=True):
                assert (word.start, word.end) == pytest.approx((same.start, same.end), abs=0.05)


def test_words_are_in_order_and_in_their_window(windows: list[Window], together: list[list[Utterance]]) -> None:
    for window, utterances in zip(windows, together, strict=True):
        times = [moment for utterance in utterances for word in utterance.words for moment in (word.start, word.end)]
        assert times == sorted(times)
        assert window.span.start <= times[0]
        assert times[-1] <= window.span.end
        assert {moment for moment in times if moment != round(moment, 3)} <= {window.span.start, window.span.end}
        assert all(0 <= word.probability <= 1 for utterance in utterances for word in utterance.words)


def test_a_given_language_is_used(engine: Whisper, windows: list[Window]) -> None:
    window = Window(windows[1].audio, windows[1].span, "en")
    (utterances,) = engine.transcribe([window])
    assert {utterance.language for utterance in utterances} == {"en"}


def test_samples_are_those_of_the_seed(whisper_path: Path) -> None:
    noise = np.random.default_rng(1).normal(scale=0.1, size=5 * SAMPLE_RATE).astype(np.float32)
    window = Window(noise, Span(0.0, 5.0), "en")
    sampled = []
    for _ in range(2):
        engine = Whisper(whisper_path, threads=1)
        encoded = engine.model.encode(engine._features(window)[None])
        tokenizer, options = engine._tokenizer("en", window.decoding)
        sampled.append([engine._pipeline._generate(encoded, tokenizer, options, [5.0], 1.0)[0].tokens for _ in range(2)])
    assert sampled[0] == sampled[1]
    assert sampled[0][0] != sampled[0][1]


def test_silence_says_next_to_nothing(engine: Whisper) -> None:
    (utterances,) = engine.transcribe([Window(np.zeros(10 * SAMPLE_RATE, np.float32), Span(0.0, 10.0), "en")])
    assert sum(len(utterance.words) for utterance in utterances) <= 3


def test_no_windows_are_no_work(engine: Whisper) -> None:
    assert engine.transcribe([]) == []


def test_the_languages_that_clients_may_ask_for_are_whispers() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    assert frozenset(_LANGUAGE_CODES) == LANGUAGES


def said(utterances: list[Utterance]) -> str:
    return "".join(word.text for utterance in utterances for word in utterance.words)


def test_a_translation_is_english_and_changes_no_other_window(engine: Whisper, windows: list[Window]) -> None:
    spanish = windows[2]
    english = Window(spanish.audio, spanish.span, "es", Decoding("translate"))
    plain, translated = engine.transcribe([Window(spanish.audio, spanish.span, "es"), english])
    assert "las arenas son" in said(plain).lower()
    assert "sand" in said(translated).lower()
    assert "arenas" not in said(translated).lower()
    assert {utterance.language for utterance in translated} == {"es"}


@pytest.mark.parametrize("decoding", [Decoding(hotwords="Shiela, Tekzas"), Decoding(initial_prompt="Shiela, Tekzas")])
def test_a_prompt_gives_the_spelling_of_a_name(engine: Whisper, windows: list[Window], decoding: Decoding) -> None:
    window = windows[3]
    assert "Sheila" in said(engine.transcribe([window])[0])
    prompted = Window(window.audio, window.span, "en", decoding)
    assert "Shiela and Tekzas" in said(engine.transcribe([prompted])[0])


def test_hot_words_displace_nothing_that_was_said(engine: Whisper) -> None:
    """Words of the list stood in place of twelve seconds of speech."""
    pause = np.zeros(round(0.7 * SAMPLE_RATE), np.float32)
    clips = [read(f"read_speech/librispeech_test-other/2609/2609-156975-000{number}.flac") for number in range(7)]
    audio = np.concatenate([piece for clip in clips for piece in (clip, pause)])
    words = (
        "surely, patience, genius, understand, lincoln, egyptian, background, bondage, turbulent, merneptah, testimony, "
        "oldest, biblical, narratives, regarding, sojourn, hebrews, perfect, accord, picture"
    )
    (found,) = engine.transcribe([Window(audio, Span(26.288, 55.168), "en", Decoding(hotwords=words))])
    assert re.search(r"testimony \w+ the oldest,? biblical,? narrative", said(found))


def test_two_lists_in_one_batch_spell_their_own_windows(engine: Whisper, windows: list[Window]) -> None:
    window = windows[3]
    lists = ["Shiela, Tekzas", "", "Cheila, Texaz"]
    asked = [Window(window.audio, window.span, "en", Decoding(hotwords=words)) for words in lists]
    found = [said(utterances) for utterances in engine.transcribe(asked)]
    assert "Shiela and Tekzas" in found[0]
    assert "Sheila and Texas" in found[1]
    assert "Cheila and Texaz" in found[2]
    assert found == [said(engine.transcribe([one])[0]) for one in asked]


def test_hot_words_are_read_as_far_as_there_is_room(engine: Whisper) -> None:
    words = [f"Kowalczyk-{number}" for number in range(60)]
    tokens = engine.model.hf_tokenizer.encode
    read = engine.hotwords_read(Decoding(hotwords=", ".join(words)))
    assert read == words[: len(read)]
    rooms = [len(tokens(" " + ", ".join(words[:count]), add_special_tokens=False).ids) for count in (len(read), len(read) + 1)]
    assert rooms[0] <= MAX_HOTWORD_TOKENS < rooms[1]
    cuneiform = "\U00012000" * 100  # several tokens for each character
    assert engine.hotwords_read(Decoding(hotwords=f"Ann, {cuneiform}, Bo")) == ["Ann", "Bo"]
    assert engine.hotwords_read(Decoding()) == []


def test_the_longest_prompts_leave_room_for_the_text(engine: Whisper, windows: list[Window]) -> None:
    decoding = Decoding(hotwords="学" * MAX_PROMPT_CHARS, initial_prompt="字" * MAX_PROMPT_CHARS)
    (utterances,) = engine.transcribe([Window(windows[3].audio, windows[3].span, "en", decoding)])
    assert len(said(utterances)) < 1000


def text(utterances: list[Utterance]) -> str:
    return "".join(word.text for utterance in utterances for word in utterance.words).lower()


def test_languages_that_change_within_a_window_are_both_written(engine: Whisper) -> None:
    english, german = (read(f"read_speech/picovoice_multilingual/{name}.flac") for name in ("test", "test_de"))
    audio = np.concatenate([english, np.zeros(SAMPLE_RATE, np.float32), german, german])
    (found,) = engine.transcribe([Window(audio, Span(0.0, len(audio) / SAMPLE_RATE), None)])
    assert [utterance.language for utterance in found] in (["en", "de"], ["en", "de", "de"])
    assert "apostle of the middle classes" in text(found[:1])
    assert "raum wurde" in text(found[1:])
    boundary = len(english) / SAMPLE_RATE
    assert found[0].words[-1].end < boundary + 1.0 < found[1].words[0].end


def test_the_language_of_a_window_is_that_of_most_of_it(engine: Whisper) -> None:
    english, german = (read(f"read_speech/picovoice_multilingual/{name}.flac") for name in ("test", "test_de"))
    for parts, language in (([english], "en"), ([german], "de"), ([english, german, german], "de")):
        audio = np.concatenate([*parts, np.zeros(SAMPLE_RATE, np.float32)])
        window = Window(audio, Span(0.0, len(audio) / SAMPLE_RATE), None)
        assert engine.detect_language(window) == language


def test_an_expected_language_goes_before_one_that_is_a_little_more_probable() -> None:
    assert choose({"cy": 0.5, "en": 0.3}, "en") == "en"
    assert choose({"cy": 0.5, "en": 0.3}, None) == "cy"
    assert choose({"de": 0.96, "en": 0.02}, "en") == "de"
