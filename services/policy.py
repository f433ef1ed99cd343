"""By which rules it is decided who is who, as they are now."""

from api.routes import voice_settings
from services.context import AppContext
from services.identity.emotion_refresh import IdentityPolicy


async def current_policy(services: AppContext) -> IdentityPolicy:
    """Raises HTTPException (503) where the stages do not answer."""
    live = await voice_settings.read(services)
    return IdentityPolicy(await services.embedding_model(), live, services.settings.enable_personalized_emotions)
