"""Processing of recordings."""

import asyncio
import tempfile
from contextlib import suppress
from typing import Annotated

from pydantic import Field

from mcp_server import arguments as arg
from mcp_server import results
from mcp_server.backend import Work, work
from pipeline.decoding import Decoding, PromptText, Task
from pipeline.languages import chosen_language
from pipeline.process import Options
from pipeline.types import ChannelMode, SpeakerHint
from services.access.limits import fetch_counted
from services.context import AppContext
from storage.conversations import conversations, titles
from storage.conversations.conversations import Progress

WAIT_TIMEOUT_S = 45.0
"""For a transcript; many clients give up after 60 s."""
MAX_URL_LENGTH = 4000

Speakers = Annotated[int, Field(ge=0, le=100)]
"""0 where it is not known."""


async def process_audio(
    ctx: Work,
    url: Annotated[str, Field(max_length=MAX_URL_LENGTH, description="http(s) URL of an audio or video file.")],
    title: arg.Title = "",
    language: arg.Language = "",
    num_speakers: Speakers = 0,
    channels: ChannelMode = "auto",
    task: Task = "transcribe",
    hotwords: PromptText = "",
    initial_prompt: PromptText = "",
    model: arg.ModelName = "",
    enable_transcription: bool = True,
) -> results.Work:
    """Transcribe a recording from a URL, separate its speakers and recognise known ones. For a long one
    get_conversation has the status later."""
    with work(ctx) as backend:
        settings = backend.settings
        spoken = chosen_language(language, settings.language)
        hint = SpeakerHint(num_speakers or None)
        decoding = Decoding(task, hotwords, initial_prompt, enable_transcription, model)
        decoding = await backend.models.chosen(decoding, spoken)
        options = Options(language=spoken, hint=hint, channels=channels, decoding=decoding)
        await backend.policies.embedding_model()  # fails before the download if the models do not answer
        with tempfile.TemporaryFile(prefix="vivavoce-") as file:
            name = await fetch_counted(backend.database, settings, url, file)
            conversation_id = (await backend.recordings.accept(file, name, options)).conversation_id
        if title:
            async with backend.database.session() as session:
                await titles.rename(session, conversation_id, title)
        state = await _finished(backend, conversation_id)
    return describe(state)


async def reprocess_conversation(
    ctx: Work,
    conversation_id: arg.ConversationId,
    hotwords: PromptText = "",
    model: arg.ModelName = "",
    enable_transcription: bool = True,
) -> results.Reprocessed:
    """Transcribe a recording again after models or settings changed, not names. Corrections stay."""
    with work(ctx) as backend:
        spoken = backend.settings.language
        decoding = await backend.models.chosen(Decoding(hotwords=hotwords, enabled=enable_transcription, model=model), spoken)
        await backend.recordings.reprocess(conversation_id, Options(language=spoken, decoding=decoding))
        state = await _finished(backend, conversation_id)
        async with backend.database.session() as session:
            found = await conversations.summary(session, conversation_id)
    segments = found.num_segments if found else 0
    message = "Conversation reprocessed" if state.finished and not state.error else describe(state).message
    return results.Reprocessed(message=message, segments=segments, status=state.status)


def describe(state: Progress) -> results.Work:
    """The progress of a recording, and what to do next."""
    if state.error:
        message = f"Audio processing failed: {state.error}"
    elif state.finished:
        message = f"Done. get_conversation with conversation_id={state.id} reads it."
    else:
        message = f"Still in work ({state.progress:.0%}). Ask get_conversation with conversation_id={state.id} later."
    return results.Work(
        conversation_id=state.id, status=state.status, progress=state.progress, stage=state.stage, message=message
    )


async def _finished(backend: AppContext, conversation_id: int) -> Progress:
    """Wait until the work has ended, or for `WAIT_TIMEOUT_S`; return its state."""
    with suppress(TimeoutError):
        await asyncio.wait_for(backend.recordings.finished(conversation_id), WAIT_TIMEOUT_S)
    async with backend.database.session() as session:
        state = await conversations.progress(session, conversation_id)
    if state is None:
        raise LookupError(conversations.NOT_FOUND)
    return state
