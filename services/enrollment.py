"""A sample of a voice in, a speaker out."""

import asyncio
import tempfile
from pathlib import Path
from typing import BinaryIO

from pipeline.identity.enrollment import LONGEST, voice_of
from pipeline.identity.policy import IdentityPolicy
from services.identity import speaker_admin
from services.recordings import Recordings, decode_upload
from storage.speakers import speakers
from storage.speakers.speakers import NameTakenError, SpeakerSummary


async def enroll(recordings: Recordings, policy: IdentityPolicy, name: str, file: BinaryIO) -> SpeakerSummary:
    """Make the one who speaks in a sample a speaker of this name. Nothing is kept of the sample but its vector.

    Raises NameTakenError, media.audio.AudioError, pipeline.identity.enrollment.UnsuitableSample.
    """
    async with recordings.database.session() as session:
        if await speakers.find(session, name) is not None:  # before anything is listened to
            raise NameTakenError(name)
    with tempfile.TemporaryDirectory(prefix="vivavoce-") as directory:
        samples = await asyncio.to_thread(decode_upload, file, Path(directory), LONGEST)
    audio = await recordings.shared(samples)
    voice = await voice_of(audio.samples, audio.duration, recordings.stages)
    async with recordings.database.session() as session:
        return await speaker_admin.enroll(session, policy, name, voice)
