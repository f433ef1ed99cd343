"""The schemas of the REST API, those of `services.schemas` included."""

from api.schemas.conversations import Conversations, ConversationUpdate, Deleted, Peaks, Progress, Rematched, Reprocessed
from api.schemas.editing import (
    Edited,
    EditRequest,
    OriginalSegment,
    Replace,
    Replaced,
    SegmentSplit,
    SegmentUpdate,
    TranscriptChange,
)
from api.schemas.errors import Error, Invalid
from api.schemas.jobs import Accepted, Batch, BatchItem, Jobs
from api.schemas.labels import Imported, Label, LabelChange
from api.schemas.paging import LIMIT, SKIP, Limit, Skipped, Total
from api.schemas.people import (
    Credentials,
    LoginMethods,
    Me,
    NewPassword,
    NewPerson,
    PasswordChange,
    People,
    Person,
    PersonChange,
)
from api.schemas.search import Hit, Hits
from api.schemas.system import StageStatus, Status
from services.schemas import Conversation, ConversationListItem, Job, Moment, Note, Schema, Segment, SpeakerId

__all__ = [
    "LIMIT",
    "SKIP",
    "Accepted",
    "Batch",
    "BatchItem",
    "Conversation",
    "ConversationListItem",
    "ConversationUpdate",
    "Conversations",
    "Credentials",
    "Deleted",
    "EditRequest",
    "Edited",
    "Error",
    "Hit",
    "Hits",
    "Imported",
    "Invalid",
    "Job",
    "Jobs",
    "Label",
    "LabelChange",
    "Limit",
    "LoginMethods",
    "Me",
    "Moment",
    "NewPassword",
    "NewPerson",
    "Note",
    "OriginalSegment",
    "PasswordChange",
    "Peaks",
    "People",
    "Person",
    "PersonChange",
    "Progress",
    "Rematched",
    "Replace",
    "Replaced",
    "Reprocessed",
    "Schema",
    "Segment",
    "SegmentSplit",
    "SegmentUpdate",
    "Skipped",
    "SpeakerId",
    "StageStatus",
    "Status",
    "Total",
    "TranscriptChange",
]
