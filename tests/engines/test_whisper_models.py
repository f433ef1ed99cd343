"""Several Whisper models: their names, what each can do, and that the one that is named transcribes."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engines.in_process import load
from engines.weights import resolver
from engines.weights.resolver import WeightsError, resolve_other
from engines.weights.whisper_models import ModelError, SameNameError, UnknownModelError, configured, others, with_model
from engines.whisper.transcription import Whisper, Window
from pipeline.decoding import Decoding
from pipeline.types import SAMPLE_RATE, Span, Utterance
from settings import Settings
from tests.engines.speech import conversation
from tests.support.command_line import vivavoce_here
from tests.support.whisper import HEARD, NAME, WRITTEN, second_model

KNOWN = ["whisper-base", "large-v3-turbo", "distil-large-v3", "base.en"]
TRANSLATE = Decoding("translate")


def test_names() -> None:
    settings = Settings(whisper_model="base", whisper_models=["turbo", "/opt/models/ours", "owner/theirs", "base"])
    assert list(others(settings)) == ["large-v3-turbo", "ours", "owner/theirs", "whisper-base"]
    assert configured(settings, gpu=False) == ["whisper-base", "large-v3-turbo", "ours", "owner/theirs"]
    assert configured(Settings(), gpu=True) == ["large-v3"]


@pytest.mark.parametrize(
    ("default", "further", "named"),
    [
        ("auto", ["/models/de/ct2", "/models/fr/ct2"], "/models/de/ct2 and /models/fr/ct2 .* have one name, ct2"),
        ("/a/base-x", ["/b/base-x"], "/a/base-x and /b/base-x .* have one name, base-x"),
        ("/a/large-v3", ["large"], "/a/large-v3 and large .* have one name, large-v3"),
        ("auto", ["/a/whisper-base"], "whisper-base and /a/whisper-base .* have one name, whisper-base"),
    ],
)
def test_two_models_of_one_name_are_refused(tmp_path: Path, default: str, further: list[str], named: str) -> None:
    settings = Settings(whisper_model=default, whisper_models=further, models_path=tmp_path, offline_mode=True)
    with pytest.raises(SameNameError, match=named):
        configured(settings, gpu=False)
    with pytest.raises(SameNameError, match=named):
        resolver.pull(settings, gpu=False)
    if default != "auto" or len(further) > 1:
        with pytest.raises(SameNameError, match=named):
            others(settings)


def test_one_model_may_be_written_in_several_ways(tmp_path: Path) -> None:
    settings = Settings(whisper_model=f"{tmp_path}/x", whisper_models=[f"{tmp_path}/y/../x/", "turbo", "large-v3-turbo"])
    assert configured(settings, gpu=False) == ["x", "large-v3-turbo"]
    assert configured(Settings(whisper_models=["/a/large-v3"]), gpu=False) == ["whisper-base", "large-v3"]


def test_models_of_one_name_end_a_command_with_a_sentence() -> None:
    done = vivavoce_here("models", "pull", WHISPER_MODELS="/models/de/ct2,/models/fr/ct2")
    assert done.returncode == 1
    assert done.stderr.startswith("vivavoce: The models /models/de/ct2 and /models/fr/ct2 ")


def test_the_default_model_has_no_name() -> None:
    assert with_model(Decoding(), "de", KNOWN).model == ""
    assert with_model(Decoding(model="base"), None, KNOWN).model == ""
    assert with_model(Decoding(model="turbo"), "de", KNOWN).model == "large-v3-turbo"


def test_an_unknown_model_is_refused_with_the_names_of_the_others() -> None:
    with pytest.raises(UnknownModelError, match=f"'large-v3' is not configured: name one of {', '.join(KNOWN)}"):
        with_model(Decoding(model="large-v3"), None, KNOWN)


@pytest.mark.parametrize("model", KNOWN[1:])
def test_models_that_do_not_translate_say_so(model: str) -> None:
    with pytest.raises(ModelError, match=f"'{model}' does not translate: name another one, such as whisper-base"):
        with_model(Decoding("translate", model=model), None, KNOWN)
    with pytest.raises(ModelError, match="set WHISPER_MODEL or WHISPER_MODELS to one that does, such as large-v3"):
        with_model(TRANSLATE, None, [model])
    with_model(Decoding("translate", model=model, enabled=False), None, KNOWN)


@pytest.mark.parametrize("model", ["base.en", "distil-large-v3", "Systran/faster-distil-whisper-medium.en"])
def test_models_of_english_say_so(model: str) -> None:
    with_model(Decoding(model=model), "en", ["", model])
    with pytest.raises(ModelError, match=f"'{model}' knows no German, only English: name another one, such as large-v3-turbo"):
        with_model(Decoding(model=model), "de", ["", model, "large-v3-turbo"])


@pytest.mark.parametrize(("language", "decoding"), [("de", Decoding()), ("en", TRANSLATE)])
def test_weights_of_english_say_so_whatever_they_are_called(language: str, decoding: Decoding) -> None:
    """Of a directory, for example. Real ones of English cannot be had from the package index."""
    engine = Whisper.__new__(Whisper)
    engine.model = SimpleNamespace(model=SimpleNamespace(is_multilingual=False))
    with pytest.raises(ValueError, match="the model knows English only"):
        engine.transcribe([Window(np.zeros(SAMPLE_RATE, np.float32), Span(0.0, 1.0), language, decoding)])


def test_auto_is_no_further_model() -> None:
    with pytest.raises(ValueError, match="auto is for WHISPER_MODEL"):
        Settings(whisper_models=["auto"])


def test_a_model_that_is_named_is_not_replaced(tmp_path: Path) -> None:
    settings = Settings(whisper_models=["small"], models_path=tmp_path, offline_mode=True)
    with pytest.raises(WeightsError, match=r"^small cannot be had: OFFLINE_MODE is set .* set WHISPER_MODELS to a local"):
        resolve_other("small", settings)
    with pytest.raises(WeightsError, match="large-v3 is not in WHISPER_MODELS any more"):
        resolve_other("large-v3", settings)
    with pytest.raises(WeightsError, match="WHISPER_MODELS=enormous is no whisper model"):
        resolve_other("enormous", Settings(whisper_models=["enormous"]))


def test_all_models_are_pulled_and_listed(tmp_path: Path) -> None:
    settings = Settings(whisper_models=[str(second_model(tmp_path))])
    assert [model.name for model in resolver.pull(settings, gpu=False)].count(NAME) == 1
    assert {row.state for row in resolver.listing(settings, gpu=False) if row.model == NAME} == {"unchecked"}


async def test_the_model_that_is_named_transcribes(tmp_path: Path) -> None:
    settings = Settings(whisper_models=[str(second_model(tmp_path))])
    transcriber = load(settings, model=NAME).transcriber

    async def words(model: str) -> str:
        found: Sequence[Utterance] = await transcriber.transcribe(conversation(), Span(14.0, 22.0), "en", Decoding(model=model))
        return "".join(word.text for utterance in found for word in utterance.words)

    assert WRITTEN in await words(NAME)
    assert HEARD in await words("")
    assert WRITTEN in await words(NAME)
