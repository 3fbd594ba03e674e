"""Contacts and groups of an account, as they were last synchronised."""

from typing import Annotated, Final

import msgspec

from wasup.http.auth import Scope
from wasup.http.cursors import Id, Limit, Page, page_of, read_cursor
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import not_found
from wasup.http.tenancy import owning_workspace
from wasup.ports.resources import Contact, Group

__all__ = ["ROUTES"]

ROUTES: Final = Routes("people", "Contacts and groups.")


class ListPeople(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the list; `search` is part of a name or phone number."""

    search: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    cursor: str | None = None
    limit: Limit = 100


@ROUTES.add(
    "GET",
    "/api/accounts/<id:account_id>/contacts",
    scope=Scope.READ,
    answers={200: ("Contacts by ascending id.", Page[Contact])},
    errors=(404,),
)
async def list_contacts(call: Call[ListPeople, None], account_id: Id) -> Reply:
    """List an account's contacts."""
    query = call.query
    place = read_cursor(query.cursor, 1)
    await owning_workspace(call.services, call.caller, account_id)
    rows = await call.services.people.contacts(
        account_id, search=query.search, after_id=place[0] if place else 0, limit=query.limit + 1
    )
    return Reply(page_of(rows, query.limit, place=lambda row: (row.id,), view=lambda row: row))


@ROUTES.add(
    "GET",
    "/api/contacts/<id:contact_id>",
    scope=Scope.READ,
    answers={200: ("The contact.", Contact)},
    errors=(404,),
)
async def show_contact(call: Call[NoQuery, None], contact_id: Id) -> Reply:
    """Show a contact."""
    contact = await call.services.people.contact(contact_id, workspace_id=call.caller.workspace_id)
    if contact is None:
        raise not_found("contact")
    return Reply(contact)


@ROUTES.add(
    "GET",
    "/api/accounts/<id:account_id>/groups",
    scope=Scope.READ,
    answers={200: ("Groups by ascending id, without their participants.", Page[Group])},
    errors=(404,),
)
async def list_groups(call: Call[ListPeople, None], account_id: Id) -> Reply:
    """List an account's groups."""
    query = call.query
    place = read_cursor(query.cursor, 1)
    await owning_workspace(call.services, call.caller, account_id)
    rows = await call.services.people.groups(
        account_id, search=query.search, after_id=place[0] if place else 0, limit=query.limit + 1
    )
    return Reply(page_of(rows, query.limit, place=lambda row: (row.id,), view=lambda row: row))


@ROUTES.add(
    "GET",
    "/api/groups/<id:group_id>",
    scope=Scope.READ,
    answers={200: ("The group with its participants.", Group)},
    errors=(404,),
)
async def show_group(call: Call[NoQuery, None], group_id: Id) -> Reply:
    """Show a group with its participants."""
    group = await call.services.people.group(group_id, workspace_id=call.caller.workspace_id)
    if group is None:
        raise not_found("group")
    return Reply(group)
