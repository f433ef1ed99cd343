"""Log in and out, with a password or OpenID Connect, and who is logged in."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api import cookies, schemas, security
from api.dependencies import ContextDep
from pipeline.access import ANONYMOUS
from services.access.actor import actor
from services.access.logins import Login
from services.access.openid_login import ATTEMPT_LIFETIME, OpenIDRefusedError
from services.access.openid_provider import Attempt
from services.context import AppContext

router = APIRouter(tags=["people"])

LIMITED: dict[int | str, dict[str, Any]] = {
    429: {"model": schemas.Error, "description": "Too many attempts; `Retry-After` says when to try again."}
}
REFUSED: dict[int | str, dict[str, Any]] = {401: {"model": schemas.Error, "description": "The name or the password is wrong."}}
NO_OPENID = HTTPException(404, "There is no OpenID provider: set OIDC_ISSUER and OIDC_CLIENT_ID, or log in with a password.")
PROVIDER: dict[int | str, dict[str, Any]] = LIMITED | {
    404: {"model": schemas.Error, "description": "No OpenID provider is configured."},
    502: {"model": schemas.Error, "description": "The OpenID provider does not answer, or not as the specification says."},
}
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Vivavoce</title>
<meta http-equiv="refresh" content="0; url={0}"><p>You are logged in: <a href="{0}">go on</a>.</p></html>"""


@router.post("/login", responses=REFUSED | LIMITED)
async def log_in(context: ContextDep, request: Request, response: Response, body: schemas.Credentials) -> schemas.Me:
    """Log in with a password. The session is in a cookie, which the browser sends from now on."""
    login = await context.logins.login(body.name, body.password.get_secret_value())
    keep_session(context, request, response, login)
    return await _me(context, login.person.name)


@router.post("/logout", status_code=204)
async def log_out(context: ContextDep, request: Request) -> Response:
    """End the session of the cookie."""
    token = cookies.read(request, cookies.SESSION)
    if token is not None:
        await context.logins.logout(token)
    response = Response(status_code=204)
    cookies.drop(request, response, cookies.SESSION)
    return response


@router.get("/me")
async def get_me(context: ContextDep) -> schemas.Me:
    """Who calls, with which role, and how to log in."""
    return await _me(context, await context.accounts.name_of(actor().principal))


@router.post(
    "/me/password",
    status_code=204,
    dependencies=[security.READER],
    responses=LIMITED
    | {
        400: {"model": schemas.Error, "description": "The new password is too short or too easy to guess."},
        401: {"model": schemas.Error, "description": "The current password is wrong."},
        409: {"model": schemas.Error, "description": "The caller has no password."},
    },
)
async def change_password(context: ContextDep, request: Request, change: schemas.PasswordChange) -> Response:
    """Change the own password. All other sessions of the account end."""
    current, new = change.current_password.get_secret_value(), change.new_password.get_secret_value()
    await context.logins.change_own_password(current, new, cookies.read(request, cookies.SESSION))
    return Response(status_code=204)


@router.get(
    "/login/openid",
    status_code=303,
    response_class=RedirectResponse,
    responses=PROVIDER | {303: {"description": "The provider's page."}},
)
async def start_openid(context: ContextDep, request: Request) -> Response:
    """Log in with OpenID Connect: open this address in the browser."""
    if not context.openid.enabled:
        raise NO_OPENID
    attempt, url = await context.openid.start(_redirect_uri(request))
    response = RedirectResponse(url, HTTPStatus.SEE_OTHER)
    lifetime_s = int(ATTEMPT_LIFETIME.total_seconds())
    cookies.keep(request, response, cookies.OPENID_ATTEMPT, attempt.as_text(), lifetime_s, "lax")
    return response


@router.get(
    "/login/openid/callback",
    response_class=HTMLResponse,
    responses=PROVIDER | {403: {"model": schemas.Error, "description": "The login is refused."}},
)
async def finish_openid(
    context: ContextDep,
    request: Request,
    state: Annotated[str, Query(description="As the login was started with.")] = "",
    code: Annotated[str, Query(description="Of the provider.")] = "",
    error: Annotated[str, Query(description="Why the provider refused the login.")] = "",
) -> Response:
    """Where the provider sends the browser back to."""
    if not context.openid.enabled:
        raise NO_OPENID
    if error:
        raise OpenIDRefusedError(f"The OpenID provider refused the login ({error[:100]!r}); start it again.")
    attempt = Attempt.from_text(cookies.read(request, cookies.OPENID_ATTEMPT))
    login = await context.openid.finish(attempt, state, code, _redirect_uri(request))
    # A redirect would not do: it is part of the navigation that the provider's page began, in which the browser does not send a
    # Strict cookie. The navigation that this page begins is the site's own.
    response = HTMLResponse(PAGE.format(request.scope.get("root_path", "") + "/"))
    cookies.drop(request, response, cookies.OPENID_ATTEMPT)
    keep_session(context, request, response, login)
    return response


def keep_session(context: AppContext, request: Request, response: Response, login: Login) -> None:
    lifetime_s = int(context.settings.session_days * 24 * 3600)
    cookies.keep(request, response, cookies.SESSION, login.token, lifetime_s, "strict")


async def _me(context: AppContext, name: str | None) -> schemas.Me:
    principal = actor().principal
    known = principal != ANONYMOUS
    return schemas.Me(
        principal=principal.name if known else None,
        name=name,
        role=principal.role if known else None,
        login=schemas.LoginMethods(
            password=await context.logins.with_password(),
            openid=context.openid.enabled,
            auth_required=context.settings.key_required,
        ),
    )


def _redirect_uri(request: Request) -> str:
    """Registered with the provider, which refuses others: a forged `Host` leads nowhere."""
    return str(request.url_for("finish_openid"))
