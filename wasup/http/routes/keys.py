"""`/api/keys`: API keys. A key is shown once, when it is made; only its hash is stored."""

from typing import Annotated, Final

import msgspec

from wasup.http.auth import Principal, Scope
from wasup.http.cursors import MAX_ID, Id, Limit, Page, page_of, read_cursor
from wasup.http.keys import digest_key, new_key, visible_prefix
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import Problem, invalid_field, not_found
from wasup.http.schemas import Name
from wasup.http.tenancy import target_workspace
from wasup.ports.resources import KeyRecord

__all__ = ["ROUTES"]

ROUTES: Final = Routes("keys", "API keys of a workspace, and admin keys.")


class ListKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the list."""

    cursor: str | None = None
    limit: Limit = 100


class CreateKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be made. It can do nothing that the key which makes it cannot.

    Attributes:
        expires_at: UTC epoch milliseconds; null for never.
        legacy: let the old service's routes take it, in body and query; admin keys alone may say so.
        workspace_id: only an admin key names the workspace; null for another admin key.
    """

    name: Name
    scopes: Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1, max_length=4)]
    expires_at: Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)] | None = None
    legacy: bool = False
    workspace_id: Id | None = None


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A new key: `key` is shown now and never again."""

    key: str
    record: KeyRecord


@ROUTES.add(
    "POST",
    "/api/keys",
    scope=Scope.MANAGE,
    answers={201: ("The new key.", NewKey)},
    errors=(404,),
    located=True,
)
async def create_key(call: Call[NoQuery, CreateKey]) -> Reply:
    """Make an API key."""
    body, caller = call.body, call.caller
    workspace_id: int | None = None
    if caller.workspace_id is not None or body.workspace_id is not None:
        workspace_id = await target_workspace(call.services, caller, body.workspace_id)
    _check_grant(caller, body)
    if body.expires_at is not None and body.expires_at <= call.services.clock.now_ms():
        raise invalid_field("lies in the past", pointer="#/expires_at")
    key = new_key()
    record = KeyRecord(
        id=0,
        workspace_id=workspace_id,
        prefix=visible_prefix(key),
        name=body.name,
        scopes=tuple(dict.fromkeys(body.scopes)),
        legacy=body.legacy,
        expires_at=body.expires_at,
        revoked_at=None,
        created_at=0,
    )
    stored = await call.services.keyring.add_key(digest_key(key), record)
    return Reply(NewKey(key=key, record=stored), 201, {"Location": f"/api/keys/{stored.id}"})


def _check_grant(caller: Principal, body: CreateKey) -> None:
    """Make sure that nobody makes a key that can do more than his own.

    Raises:
        Problem: 403.
    """
    for scope in body.scopes:
        if not caller.has(scope):
            raise Problem(403, f"A key without the scope '{scope}' cannot make one that has it.", "forbidden")
    if body.legacy and caller.workspace_id is not None:
        raise Problem(403, "Only an admin key can make keys for the old service's routes.", "forbidden")
    if caller.workspace_id is None and body.workspace_id is None and Scope.ADMIN not in caller.scopes:
        raise Problem(403, "Only an admin key can make keys that belong to no workspace.", "forbidden")


@ROUTES.add("GET", "/api/keys", scope=Scope.MANAGE, answers={200: ("Keys by ascending id.", Page[KeyRecord])})
async def list_keys(call: Call[ListKeys, None]) -> Reply:
    """List API keys, revoked ones included."""
    query = call.query
    place = read_cursor(query.cursor, 1)
    rows = await call.services.keyring.keys(
        workspace_id=call.caller.workspace_id, after_id=place[0] if place else 0, limit=query.limit + 1
    )
    return Reply(page_of(rows, query.limit, place=lambda row: (row.id,), view=lambda row: row))


@ROUTES.add("GET", "/api/keys/<id:key_id>", scope=Scope.MANAGE, answers={200: ("The key.", KeyRecord)}, errors=(404,))
async def show_key(call: Call[NoQuery, None], key_id: Id) -> Reply:
    """Show an API key; not the key itself."""
    record = await call.services.keyring.key_record(key_id, workspace_id=call.caller.workspace_id)
    if record is None:
        raise not_found("key")
    return Reply(record)


@ROUTES.add("DELETE", "/api/keys/<id:key_id>", scope=Scope.MANAGE, answers={204: ("Revoked.", None)}, errors=(404,))
async def revoke_key(call: Call[NoQuery, None], key_id: Id) -> Reply:
    """Revoke an API key.

    It is refused here at once, and by other instances within 5 s; streams that it opened are closed.
    """
    if not await call.services.keyring.revoke_key(key_id, workspace_id=call.caller.workspace_id):
        raise not_found("key")
    call.door.forget(key_id)
    return Reply(status=204)
