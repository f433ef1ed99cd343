"""People and their logins."""

from typing import Annotated

from pydantic import Field, SecretStr

from pipeline.access import Role
from pipeline.names import Name
from services.access import passwords
from services.schemas import Moment, Schema

Password = Annotated[SecretStr, Field(min_length=1, max_length=passwords.MAX_CHARS)]
NewPassword = Annotated[Password, Field(description=f"At least {passwords.MIN_CHARS} characters; all characters are allowed.")]


class Credentials(Schema):
    name: Name
    password: Password


class PasswordChange(Schema):
    current_password: Password
    new_password: NewPassword


class NewPerson(Schema):
    name: Name = Field(description="To log in with; the e-mail address of a person who logs in with OpenID Connect.")
    role: Role = Role.READER
    password: NewPassword | None = Field(None, description="Without one, the person logs in with OpenID Connect.")


class PersonChange(Schema):
    role: Role | None = None
    disabled: bool | None = Field(None, description="A disabled person cannot log in, and their keys do not work.")
    password: NewPassword | None = None


class Person(Schema):
    id: int
    name: str
    role: Role
    created_at: Moment
    disabled: bool
    has_password: bool
    has_openid: bool = Field(description="Has logged in with OpenID Connect.")


class People(Schema):
    people: list[Person]


class LoginMethods(Schema):
    password: bool = Field(description="There are accounts with a password: POST /login.")
    openid: bool = Field(description="There is an OpenID provider: GET /login/openid.")
    auth_required: bool = Field(description="Nothing works without a login or an API key.")


class Me(Schema):
    principal: str | None = Field(description="Null where a login is required.", examples=["person:7", "key:3", "local"])
    name: str | None = Field(description="Of the person who logged in.", examples=["ana"])
    role: Role | None
    login: LoginMethods
