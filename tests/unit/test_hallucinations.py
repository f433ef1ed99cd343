from dataclasses import replace

import pytest

from pipeline.transcript.hallucinations import CAPTIONS, FILLERS, is_loop, reason_to_leave_out, repeated, words_in
from pipeline.types import Segment, Word

SURE, UNSURE = -0.2, -0.7


def reason(text: str, duration: float, avg_logprob: float, no_speech_prob: float = 0.0, probability: float = 0.9) -> str | None:
    words = (Word(text, 0.0, duration, probability),)
    segment = Segment(0.0, duration, "A", words, avg_logprob, no_speech_prob=no_speech_prob)
    return reason_to_leave_out(segment, is_repeated=repeated([text])[0])


@pytest.mark.parametrize("filler", sorted(FILLERS))
@pytest.mark.parametrize("written", ["{}", " {}.", "{}...", "{}!"])
def test_a_lone_filler_is_noise_however_it_is_written(filler: str, written: str) -> None:
    assert reason(written.format(filler), 2.0, SURE)
    assert reason(written.format(filler.capitalize()), 2.0, SURE)


@pytest.mark.parametrize("text", ["", "  ", "...", "….", "♪♪♪", "- -", "ok", "I", "a."])
def test_hardly_any_text_is_noise(text: str) -> None:
    assert reason(text, 2.0, SURE)


@pytest.mark.parametrize(
    "text", ["No.", "Yes", "42.", "はい", "是", "네", "啊。", "Oh, really?", "Mm-hmm.", "Um, I think so.", "हाँ जी", "Да."]
)
def test_short_words_that_mean_something_stay(text: str) -> None:
    assert not reason(text, 0.3, UNSURE)


def alone(text: str, avg_logprob: float, no_speech_prob: float = 0.0, *, nobody_speaks: bool = False) -> str | None:
    """The reason for a text where the hot words are `Berlin`, `New York` and `Siobhán`."""
    segment = Segment(0.0, 2.0, "A", (Word(text, 0.0, 2.0, 0.9),), avg_logprob, no_speech_prob=no_speech_prob)
    expected = words_in(["Berlin", "New York", "Siobhán"])
    return reason_to_leave_out(segment, is_repeated=False, nobody_speaks=nobody_speaks, expected=expected)


@pytest.mark.parametrize("text", ["Berlin.", "Siobha\u0301n, BERLIN", "New York, Berlin, Berlin", "York"])
def test_hot_words_alone_are_noise_where_there_is_a_doubt(text: str) -> None:
    assert alone(text, SURE) is None
    assert alone(text, UNSURE) == "it is hot words alone, and the transcriber was unsure"
    silent = "it is hot words alone, and there seems to be no speech"
    assert alone(text, SURE, no_speech_prob=0.61) == alone(text, SURE, nobody_speaks=True) == silent


@pytest.mark.parametrize("text", ["Berlin, I think.", "In Berlin", "Yorkshire"])
def test_other_words_beside_hot_words_stay(text: str) -> None:
    assert alone(text, UNSURE, nobody_speaks=True) is None


@pytest.mark.parametrize("caption", CAPTIONS)
def test_a_caption_is_noise_where_there_is_a_doubt(caption: str) -> None:
    line = f"And {caption.upper()}, everyone!"
    assert not reason(line, 0.4, -0.6)
    assert reason(line, 0.39, SURE)
    assert reason(line, 2.0, -0.61)


def test_a_caption_with_a_typographic_apostrophe_is_the_same() -> None:
    assert reason("Don\u2019t  forget to subscribe.", 2.0, UNSURE)


def test_a_caption_is_made_of_whole_words() -> None:
    assert not reason("We thank young people.", 2.0, UNSURE)


@pytest.mark.parametrize("text", ["I'm going to go. " * 20, "ご視聴ありがとうございました" * 10, "no, " * 60])
def test_a_phrase_without_end_is_left_out_where_it_is_improbable_or_too_fast(text: str) -> None:
    assert is_loop(text)
    assert not reason(text, 30.0, SURE)
    assert reason(text, 30.0, SURE, probability=0.3)
    assert reason(text, 2.0, SURE)


def test_a_sentence_that_is_repeated_is_left_out_only_where_it_is_improbable() -> None:
    said = ["Tear down the fence."] * 9
    assert repeated([*said, "Hello."]) == [True] * 9 + [False]
    words = (Word(" Tear down the fence.", 0.0, 2.0, 0.9),)
    sure = Segment(0.0, 2.0, "A", words, SURE)
    assert reason_to_leave_out(sure, is_repeated=True) is None
    unsure = Segment(0.0, 2.0, "A", (Word(" Tear down the fence.", 0.0, 2.0, 0.2),), SURE)
    assert reason_to_leave_out(unsure, is_repeated=True)
    assert reason_to_leave_out(unsure, is_repeated=False) is None


def test_an_improbable_text_without_speech_is_left_out() -> None:
    assert reason("Das ist nicht so.", 0.6, -1.97, no_speech_prob=0.8)
    assert not reason("Das ist nicht so.", 0.6, -1.97, no_speech_prob=0.3)
    assert not reason("Das ist nicht so.", 0.6, -0.9, no_speech_prob=0.8)


@pytest.mark.parametrize("avg_logprob", [-0.48, -0.83])
@pytest.mark.parametrize(
    "text",
    [
        "भी भी भी भी भी",
        "வேண்டும் வேண்டும் வேண்டும் வேண்டும்",
        "வேண்டும் வேண்டும் வேண்டும் வேண்டு",
        "Kārā kārā kārā kārā kār",
        "はいはいはいはい",
        "No, no, no, no!",
        "la la la la la",
    ],
)
def test_a_few_words_that_repeat_are_left_out_where_the_model_hears_no_speech(text: str, avg_logprob: float) -> None:
    assert not is_loop(text)
    assert reason(text, 5.0, avg_logprob, no_speech_prob=0.83)
    assert not reason(text, 5.0, avg_logprob, no_speech_prob=0.5)
    assert reason(text, 5.0, avg_logprob, probability=0.3)


@pytest.mark.parametrize("text", ["No, no, no!", "Bye bye.", "Ja, ja.", "The parrot is no more.", "100 000", "aaa"])
def test_less_is_no_repetition(text: str) -> None:
    assert repeated([text]) == [False]


def test_a_doubtful_text_is_left_out_where_the_diarizer_hears_nobody_either() -> None:
    words = (Word("Das ist nicht so.", 0.0, 1.0, 0.9),)
    doubtful = Segment(0.0, 1.0, "A", words, -0.7, no_speech_prob=0.8)
    assert reason_to_leave_out(doubtful, is_repeated=False) is None
    assert reason_to_leave_out(doubtful, is_repeated=False, nobody_speaks=True)
    assert reason_to_leave_out(replace(doubtful, avg_logprob=-0.5), is_repeated=False, nobody_speaks=True) is None
    assert reason_to_leave_out(replace(doubtful, no_speech_prob=0.5), is_repeated=False, nobody_speaks=True) is None


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


PROSE = {
    "Hindi": (
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। उन्हें बुद्धि और अन्तरात्मा की देन "
        "प्राप्त है और परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए।"
    ),
    "Tamil": (
        "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்; அவர்கள் மதிப்பிலும், உரிமைகளிலும் சமமானவர்கள், அவர்கள் "
        "நியாயத்தையும் மனச்சாட்சியையும் இயற்பண்பாகப் பெற்றவர்கள்."
    ),
    "Burmese": "လူတိုင်းသည် တူညီ လွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် လည်းကောင်း၊ တူညီလွတ်လပ်သော အခွင့်အရေးများဖြင့် လည်းကောင်း၊ မွေးဖွားလာသူများ ဖြစ်သည်။",
    "Georgian": (
        "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით. მათ მინიჭებული აქვთ გონება და სინდისი "
        "და ერთმანეთის მიმართ უნდა იქცეოდნენ ძმობის სულისკვეთებით"
    ),
    "Chinese": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。" * 2,
}
"""Article 1 of the Universal Declaration of Human Rights."""


@pytest.mark.parametrize("text", PROSE.values(), ids=PROSE)
def test_prose_is_no_loop_in_any_script(text: str) -> None:
    assert not is_loop(text)
    assert is_loop(f"{text[:30]} " * 12)
