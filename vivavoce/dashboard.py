"""Ray's dashboard of a running `vivavoce serve`: where it is, and a browser that is signed in."""

import json
import os
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import httpx

from settings import NAME, Settings
from storage import private_files
from vivavoce.access.sign_in import SignInPage

FILE = "dashboard.json"
"""In the data directory."""
TIMEOUT_S = 10.0
BROWSER_TIMEOUT_S = 60.0
"""For a browser to start and to request the page."""


class DashboardError(RuntimeError):
    """There is no dashboard to open; one sentence that says what to do about it."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A running dashboard."""

    address: str
    token: str
    """What it requires; a holder of it can run programs as the user of the application."""

    @contextmanager
    def published(self, data_path: Path) -> Iterator[None]:
        """Let `vivavoce dashboard` find it until the block ends."""
        data_path.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = data_path / FILE
        file.unlink(missing_ok=True)
        with private_files.create(file) as out:
            out.write(json.dumps(asdict(self)).encode())
        try:
            yield
        finally:
            file.unlink(missing_ok=True)

    @classmethod
    def find(cls, settings: Settings) -> Self:
        """The dashboard of the application on the settings' data directory. Raises DashboardError."""
        start = f"start `{NAME} serve` without --no-dashboard, or say with DATA_PATH which data directory it works on"
        try:
            found = cls(**json.loads((settings.data_path / FILE).read_text()))
        except FileNotFoundError:
            raise DashboardError(f"No dashboard runs for {settings.data_path}: {start}.") from None
        except PermissionError:
            raise DashboardError(f"{settings.data_path} belongs to another user: run this command as that user.") from None
        try:
            bearer = {"Authorization": f"Bearer {found.token}"}
            httpx.get(f"{found.address}/api/version", headers=bearer, timeout=TIMEOUT_S, trust_env=False).raise_for_status()
        except httpx.HTTPError as error:
            raise DashboardError(f"The dashboard at {found.address} does not answer: {start}.") from error
        return found


def show(settings: Settings, *, browser: bool) -> None:
    """Open the dashboard in a browser, signed in; without a desktop, print how to sign in. Raises DashboardError."""
    dashboard = Dashboard.find(settings)
    print(dashboard.address)
    if browser and has_desktop():
        with SignInPage(dashboard.address, dashboard.token) as page:
            if webbrowser.open(page.url) and page.wait(BROWSER_TIMEOUT_S):
                return
    port = httpx.URL(dashboard.address).port
    print(f"Open it in a browser of this machine and enter this token: {dashboard.token}")
    print(f"From another machine, first run there: ssh -L {port}:127.0.0.1:{port} <this machine>")


def has_desktop() -> bool:
    """Whether a browser has a screen. Without one Python would start a browser in the terminal, if there is any."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
