import pytest

from pipeline.transcript.hallucinations import CAPTIONS, FILLERS, is_hallucination, is_loop

SURE, UNSURE = -0.2, -0.7


@pytest.mark.parametrize("filler", sorted(FILLERS))
@pytest.mark.parametrize("written", ["{}", " {}.", "{}...", "{}!"])
def test_a_lone_filler_is_noise_however_it_is_written(filler: str, written: str) -> None:
    assert is_hallucination(written.format(filler), 2.0, SURE)
    assert is_hallucination(written.format(filler.capitalize()), 2.0, SURE)


@pytest.mark.parametrize("text", ["", "  ", "...", "….", "♪♪♪", "- -", "ok", "I", "a."])
def test_hardly_any_text_is_noise(text: str) -> None:
    assert is_hallucination(text, 2.0, SURE)


@pytest.mark.parametrize(
    "text", ["No.", "Yes", "42.", "はい", "是", "네", "啊。", "Oh, really?", "Mm-hmm.", "Um, I think so.", "हाँ जी", "Да."]
)
def test_short_words_that_mean_something_stay(text: str) -> None:
    assert not is_hallucination(text, 0.3, UNSURE)


@pytest.mark.parametrize("caption", CAPTIONS)
def test_a_caption_is_noise_where_there_is_a_doubt(caption: str) -> None:
    line = f"And {caption.upper()}, everyone!"
    assert not is_hallucination(line, 0.4, -0.6)
    assert is_hallucination(line, 0.39, SURE)
    assert is_hallucination(line, 2.0, -0.61)


def test_a_caption_with_a_typographic_apostrophe_is_the_same() -> None:
    assert is_hallucination("Don\u2019t  forget to subscribe.", 2.0, UNSURE)


def test_a_caption_is_made_of_whole_words() -> None:
    assert not is_hallucination("We thank young people.", 2.0, UNSURE)


@pytest.mark.parametrize("text", ["I'm going to go. " * 20, "ご視聴ありがとうございました" * 10, "no, " * 60])
def test_a_phrase_without_end_is_a_loop(text: str) -> None:
    assert is_hallucination(text, 30.0, SURE)


@pytest.mark.parametrize(
    "text",
    [
        "No, no, no, no, no, no.",
        (
            "At least you know, they all call me a Yankee down here, so what can I say? Okay, then I thought you know, I heard "
            "a beep. At least you know, I said."
        ),
        "Buffalo buffalo buffalo, bye bye bye bye bye bye bye.",
    ],
)
def test_a_person_may_repeat_themselves(text: str) -> None:
    assert not is_loop(text)
