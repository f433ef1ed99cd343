"""By which rules it is decided who is who, as they are now."""

from api.routes import voice_settings
from services.context import Services
from services.identity.moods import Rules


async def rules(services: Services) -> Rules:
    """Raises HTTPException (503) where the stages do not answer."""
    live = await voice_settings.read(services)
    return Rules(await services.embedding_model(), live, services.settings.enable_personalized_emotions)
