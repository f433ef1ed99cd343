"""The API key that a command sends to a running application."""

from services.access import admin_key
from settings import Settings, is_this_machine


def headers(address: str, settings: Settings) -> dict[str, str]:
    """Of a request to the application at `address`: with VIVAVOCE_KEY, or on this machine with the administrator's key.

    The administrator's key is sent to no other machine. Without either, clients on this machine may need none.
    """
    if settings.vivavoce_key is not None:
        key: str | None = settings.vivavoce_key.get_secret_value()
    else:
        key = admin_key.read(settings.data_path) if is_this_machine(address) else None
    return {} if key is None else {"Authorization": f"Bearer {key}"}
