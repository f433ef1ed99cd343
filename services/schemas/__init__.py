"""The public schemas that REST, MCP, webhooks and the command line share."""

from services.schemas.base import Moment, Schema, Seconds, Similarity, SpeakerId, Stage, State
from services.schemas.conversations import Conversation, ConversationBase, Note
from services.schemas.jobs import Job, JobEvent
from services.schemas.segments import HitBase, Segment, SegmentBase, Word

__all__ = [
    "Conversation",
    "ConversationBase",
    "HitBase",
    "Job",
    "JobEvent",
    "Moment",
    "Note",
    "Schema",
    "Seconds",
    "Segment",
    "SegmentBase",
    "Similarity",
    "SpeakerId",
    "Stage",
    "State",
    "Word",
]
