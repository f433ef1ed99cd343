from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.partials import LocalAgreement, Partial


def test_the_common_beginning_of_two_hypotheses_is_stable() -> None:
    agreement = LocalAgreement()
    assert agreement.update([" I", " scream"]) == Partial("I scream", "")
    assert agreement.update([" Ice", " cream", " is"]) == Partial("Ice cream is", "")
    assert agreement.update([" Ice", " cream", " in"]) == Partial("Ice cream in", "Ice cream")


def test_case_and_punctuation_are_ignored_and_the_first_spelling_stays() -> None:
    agreement = LocalAgreement()
    agreement.update([" Hello", " there."])
    assert agreement.update([" hello,", " there", " you"]) == Partial("hello, there you", "hello, there")
    assert agreement.update([" Hello,", " There", " you", " are"]).stable == "hello, there you"


def test_stable_words_stay_when_a_hypothesis_lacks_them() -> None:
    agreement = LocalAgreement()
    agreement.update([" One", " two"])
    agreement.update([" One", " two", " three"])
    assert agreement.update([]) == Partial("One two", "One two")


@given(st.lists(st.lists(st.sampled_from([" a", " b", " c"]), max_size=6), max_size=8))
def test_stable_words_only_grow_and_begin_the_text(hypotheses: list[list[str]]) -> None:
    agreement, before = LocalAgreement(), ""
    for words in hypotheses:
        partial = agreement.update(words)
        assert partial.stable.startswith(before)
        assert partial.text.startswith(partial.stable)
        before = partial.stable
