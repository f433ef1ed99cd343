from hypothesis import given
from hypothesis import strategies as st

from pipeline.transcript import segmentation
from pipeline.types import Segment, Word


def segment(*words: tuple[str, float, float]) -> Segment:
    heard = tuple(Word(text, start, end, 1.0) for text, start, end in words)
    return Segment(heard[0].start, heard[-1].end, "A", heard, -0.3)


def texts(found: list[Segment]) -> list[str]:
    return [line.text for line in found]


def test_a_sentence_is_a_segment() -> None:
    talk = segment((" How", 0.0, 0.5), (" are", 0.5, 1.0), (" you?", 1.0, 1.5), (" Fine,", 1.6, 2.0), (" thanks.", 2.0, 3.0))
    assert texts(segmentation.split([talk])) == ["How are you?", "Fine, thanks."]


def test_a_very_short_sentence_stays_with_the_next() -> None:
    talk = segment((" Oh.", 0.0, 0.3), (" Hello", 0.4, 0.8), (" there.", 0.8, 1.6), (" Bye.", 1.7, 2.0))
    assert texts(segmentation.split([talk])) == ["Oh. Hello there.", "Bye."]


def test_a_pause_begins_a_segment_within_a_sentence() -> None:
    talk = segment((" I", 0.0, 0.2), (" wonder", 0.2, 0.5), (" why", 2.0, 2.3))
    assert texts(segmentation.split([talk])) == ["I wonder", "why"]


def test_a_closing_quote_does_not_hide_the_end_of_a_sentence() -> None:
    talk = segment((' "Come', 0.0, 0.6), (' here!"', 0.6, 1.2), (" he", 1.2, 1.4), (" said.", 1.4, 1.8))
    assert texts(segmentation.split([talk])) == ['"Come here!"', "he said."]


def test_an_endless_sentence_is_cut_at_a_comma_and_at_last_anywhere() -> None:
    words = [(" and," if i == 17 else " and", float(i), i + 1.0) for i in range(60)]
    found = segmentation.split([segment(*words)])
    assert [line.end for line in found] == [18.0, 48.0, 60.0]


@given(st.lists(st.tuples(st.sampled_from([" a", " b.", " c,", "!", "。"]), st.floats(0, 3), st.floats(0, 20)), min_size=1))
def test_no_word_is_lost_and_each_segment_covers_its_words(steps: list[tuple[str, float, float]]) -> None:
    words, clock = [], 0.0
    for text, gap, length in steps:
        start, clock = clock + gap, clock + gap + length
        words.append((text, start, clock))
    whole = segment(*words)
    found = segmentation.split([whole])
    assert tuple(word for line in found for word in line.words) == whole.words
    for line in found:
        assert (line.start, line.end) == (line.words[0].start, line.words[-1].end)
        assert (line.speaker, line.avg_logprob) == (whole.speaker, whole.avg_logprob)
