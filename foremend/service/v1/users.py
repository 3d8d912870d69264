"""Who may come in, under `/api/v1`: users are made, given roles, disabled; owners get a link to their own page."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from alerts.access.access import Access
from alerts.access.users import User
from alerts.consent_desk import ConsentDesk
from foremend.service.guard.cookies import session_of
from foremend.service.guard.door import Door, Needs, missing
from foremend.service.guard.problems import Problem, stated
from foremend.service.views import Time
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.rights import RIGHTS, Caller, Reach, Right, Role, rights_of

Looking = Annotated[Caller, Depends(Needs(Right.ACCESS))]
Changing = Annotated[Caller, Depends(Needs(Right.ACCESS_CHANGE))]
Inviting = Annotated[Caller, Depends(Needs(Right.OWNERS_CHANGE))]
Subject = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")] | None
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]


class UserView(BaseModel):
    """`of`: whose own a user of role owner or technician sees; `openid`: whether a provider lets the user in, in place
    of a password. No password, and nothing of one, is ever shown."""

    id: str
    name: str
    role: Role
    of: str | None
    has_password: bool
    created_at: Time
    disabled_at: Time | None
    last_login: Time | None
    openid: bool
    second_factor: bool


class SessionView(BaseModel):
    """`id` names it and opens nothing; `is_this` is the one by which this was asked."""

    id: str
    created_at: Time
    last_seen: Time
    ends_at: Time
    is_this: bool


class EndedView(BaseModel):
    """How many sessions ended."""

    ended: int


class InvitedView(UserView):
    """`link` holds once, and is shown this once; it comes behind the address of the page."""

    link: str


class RoleBody(BaseModel):
    """`of`: the owner's id, or the technician's name, of a role that sees somebody's own."""

    model_config = ConfigDict(extra="forbid")
    role: Role
    of: Subject = None


class UserBody(RoleBody):
    """A new user; the password is set by its user alone."""

    name: Name


class OwnLinkBody(BaseModel):
    """How long it holds."""

    model_config = ConfigDict(extra="forbid")
    days: Annotated[int, Field(ge=1, le=90)] = 7


class OwnLinkView(BaseModel):
    """`link` is shown this once, and comes behind the address by which owners reach the service; `token_id` ends it."""

    owner_id: str
    link: str
    token_id: str
    ends_at: Time
    rights: list[Right]


def add_users(app: FastAPI, door: Door, consents: ConsentDesk | None) -> None:
    """Routes over those who come in by `door`; where nobody does they answer 503."""

    @app.get("/api/v1/users", tags=["access"], operation_id="listUsers")
    def list_users(caller: Looking) -> list[UserView]:
        """Every user by name, the disabled ones too."""
        return [_view(one) for one in access_of(door).users.all()]

    @app.post(
        "/api/v1/users", tags=["access"], operation_id="createUser", status_code=201, responses=stated(400)
    )
    def create_user(caller: Changing, asked: UserBody) -> InvitedView:
        """Make one, with a link by which they set a password."""
        require_own_rights(caller, asked.role)
        user, link = access_of(door).users.create(asked.name, asked.role, caller.who, asked.of)
        return _invited(user, link)

    @app.post(
        "/api/v1/users/{name}/role",
        tags=["access"],
        operation_id="setUserRole",
        responses=stated(400, 404, 409),
    )
    def set_user_role(caller: Changing, name: str, asked: RoleBody) -> UserView:
        """Give another role; whoever is logged in by the old one is out at once."""
        require_own_rights(caller, asked.role)
        users = _other(door, caller, name).users
        return _view(users.change_role(name, asked.role, caller.who, asked.of))

    @app.post(
        "/api/v1/users/{name}/disable",
        tags=["access"],
        operation_id="disableUser",
        responses=stated(404, 409),
    )
    def disable_user(caller: Changing, name: str) -> UserView:
        """Let in no more: sessions end at once, in every process."""
        return _view(_other(door, caller, name).users.disable(name, caller.who))

    @app.post(
        "/api/v1/users/{name}/enable", tags=["access"], operation_id="enableUser", responses=stated(404)
    )
    def enable_user(caller: Changing, name: str) -> UserView:
        """Let in again who was disabled, with the same password."""
        return _view(_known(door, name).users.enable(name, caller.who))

    @app.post(
        "/api/v1/users/{name}/reset", tags=["access"], operation_id="resetUser", responses=stated(400, 404)
    )
    def reset_user(caller: Changing, name: str) -> InvitedView:
        """End password and sessions, and make a link by which a new one is set."""
        users = _known(door, name).users
        require_own_rights(caller, users.get(name).role)
        return _invited(*users.reset(name, caller.who))

    @app.get(
        "/api/v1/users/{name}/sessions",
        tags=["access"],
        operation_id="listUserSessions",
        responses=stated(404),
    )
    def list_user_sessions(caller: Looking, name: str, request: Request) -> list[SessionView]:
        """Where a user is logged in, the newest first."""
        access = _known(door, name)
        return sessions_of(access, access.users.get(name), request)

    @app.post(
        "/api/v1/users/{name}/sessions/end",
        tags=["access"],
        operation_id="endUserSessions",
        responses=stated(404),
    )
    def end_user_sessions(caller: Changing, name: str) -> EndedView:
        """End all of them, at once in every process; the user may log in again."""
        access = _known(door, name)
        return EndedView(ended=access.users.end_sessions(name, caller.who))

    @app.post(
        "/api/v1/owners/{owner_id}/links",
        tags=["owners"],
        operation_id="linkOwner",
        status_code=201,
        responses=stated(400),
    )
    def link_owner(caller: Inviting, owner_id: str, asked: OwnLinkBody) -> OwnLinkView:
        """A link to an owner's own page, to hand to that owner. Behind it is no right that the caller has not."""
        if consents is None:
            raise Problem(503, "nothing is known of owners here: this process only shows")
        consents.owner(owner_id, caller.who)
        rights = [one for one in RIGHTS[Role.OWNER] if caller.reach(one) is Reach.ALL]
        token, text = access_of(door).tokens.create(
            "own page", Role.OWNER, asked.days, caller.who, rights, owner_id
        )
        return OwnLinkView(
            owner_id=owner_id,
            link=f"/o/{text}",
            token_id=token.id,
            ends_at=token.expires_at,
            rights=sorted(rights),
        )


def require_own_rights(caller: Caller, role: Role, only: Collection[Right] | None = None) -> None:
    """Raises Problem 403 for a right that the caller has not: nobody makes, or comes in as, somebody who may more."""
    for right in rights_of(role, only):
        if caller.reach(right) is not Reach.ALL:
            raise missing(right)


def sessions_of(access: Access, user: User, request: Request) -> list[SessionView]:
    """The live ones of a user."""
    return [
        SessionView(
            id=one.id,
            created_at=one.created_at,
            last_seen=one.last_seen,
            ends_at=one.ends_at,
            is_this=one.is_this,
        )
        for one in access.sessions.of(user, session_of(request))
    ]


def access_of(door: Door) -> Access:
    if door.access is None:
        raise Problem(503, "nobody comes in here: there are no users")
    return door.access


def _known(door: Door, name: str) -> Access:
    """Raises 404 with the nearest name where there is no such user."""
    access = access_of(door)
    try:
        access.users.get(name)
    except InputError as error:
        raise HTTPException(404, str(error)) from error
    return access


def _other(door: Door, caller: Caller, name: str) -> Access:
    """Nobody shuts the door behind themselves: that takes another one, or the command line."""
    access = _known(door, name)
    if caller.who == f"user:{access.users.get(name).id}":
        raise Problem(409, "that is you: let another admin do it, or `foremend users` at the machine")
    return access


def _view(user: User) -> UserView:
    return UserView(
        id=user.id, name=user.name, role=user.role, of=user.subject, has_password=user.has_password,
        created_at=user.created_at, disabled_at=user.disabled_at, last_login=user.last_login,
        openid=user.issuer is not None, second_factor=user.second_factor,
    )  # fmt: skip


def _invited(user: User, link: str) -> InvitedView:
    return InvitedView(**_view(user).model_dump(), link=f"/login.html#link={link}")
