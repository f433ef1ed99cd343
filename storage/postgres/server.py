"""The database server of an installation: the user's at DATABASE_URL, or an embedded PostgreSQL."""

from settings import Settings
from storage import private_files
from storage.postgres.database import DatabaseError
from storage.postgres.embedded import EmbeddedPostgres
from storage.postgres.system_user import account_for


class DatabaseServer:
    """Starts and stops the embedded PostgreSQL where the settings name no database; leaves the user's server alone.

    A context manager that returns the SQLAlchemy URL.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.database_url
        self._embedded = None if settings.database_url else EmbeddedPostgres(settings.pg_path)

    def start(self) -> str:
        """Make sure that the server runs, and return its URL. May be called again, to restart a server that has died.

        Closes the data directory to other users. Raises DatabaseError.
        """
        try:
            private_files.close_data(self._settings.data_path)
            if self._embedded is None:
                assert self._url
                return self._url
            if self._settings.data_path.is_dir():
                account = account_for(self._settings.pg_path)
                if account.is_other:  # root runs PostgreSQL as another user
                    private_files.admit(self._settings.data_path, account.gid)
            return self._embedded.start()
        except (OSError, RuntimeError) as error:
            raise DatabaseError(str(error)) from error

    def stop(self) -> None:
        if self._embedded is not None:
            self._embedded.stop()

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
