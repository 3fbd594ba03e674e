"""Writes contacts and groups, of which wasup has one row for each account that knows them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Connection

from wasup.db.driver import Driver
from wasup.db.tables import NAME
from wasup.identifiers import jid_of_phone
from wasup.importer.mapping import Accounts
from wasup.importer.people import Identity, best_identity, group_jid, identity_of, own_phone, split_id
from wasup.importer.progress import TableProgress
from wasup.importer.report import Skip, Tally
from wasup.importer.rows import SourceAccount, SourceContact, SourceGroup
from wasup.ports.messages import Participant

__all__ = ["Entry", "Key", "ensure", "ids_of", "write_contacts", "write_groups"]

Key: TypeAlias = tuple[str, int]
"""WhatsApp id and account."""

_encode = msgspec.json.Encoder().encode
_GROUP_COLUMNS = (
    "workspace_id", "whatsapp_account_id", "group_jid", "name", "owner", "participants", "participants_count",
    "group_created_at", "created_at", "updated_at",
)  # fmt: skip
_CONTACT_COLUMNS = (
    "workspace_id", "whatsapp_account_id", "jid", "lid", "phone", "name", "chat_type", "created_at", "updated_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A person or group as one account knows them; the last four are told of groups alone."""

    identity: Identity
    account: SourceAccount
    name: str | None
    created_at: int
    updated_at: int
    owner: str | None = None
    participants: str | None = None
    participants_count: int | None = None
    group_created_at: int | None = None

    @property
    def key(self) -> Key:
        """What no two of them have in common."""
        return self.identity.jid, self.account.id


def ids_of(connection: Connection, driver: Driver, table: str, column: str, keys: Iterable[Key]) -> dict[Key, int]:
    """Ids of the rows that are there already."""
    sql = f"SELECT id, {column}, whatsapp_account_id FROM {table} WHERE ({column}, whatsapp_account_id) IN "
    rows = driver.select_in(connection, sql, sorted(set(keys)))
    return {(jid, account_id): row_id for row_id, jid, account_id in rows}


def _known(connection: Connection, driver: Driver, identities: Iterable[Entry]) -> dict[Key, int]:
    """Ids by key; a person known by the LID alone may be stored under the number by now."""
    entries = list(identities)
    groups = [entry.key for entry in entries if entry.identity.is_group]
    people = [entry.key for entry in entries if not entry.identity.is_group]
    lids = [entry.key for entry in entries if entry.identity.lid is not None]
    return {
        **ids_of(connection, driver, "contacts", "lid", lids),
        **ids_of(connection, driver, "contacts", "jid", people),
        **ids_of(connection, driver, "whatsapp_groups", "group_jid", groups),
    }


def ensure(connection: Connection, driver: Driver, entries: Sequence[Entry]) -> tuple[dict[Key, int], set[Key]]:
    """Make what is not there yet; returns the ids of all, and which of them are new."""
    found = _known(connection, driver, entries)
    new = {entry.key: entry for entry in reversed(entries) if entry.key not in found}  # the first of equals stays
    if new:
        ordered = [new[key] for key in sorted(new)]
        time = driver.time
        driver.insert(
            connection,
            "whatsapp_groups",
            _GROUP_COLUMNS,
            [
                (e.account.workspace_id, e.account.id, e.identity.jid, _cut(e.name), e.owner, e.participants,
                 e.participants_count, time(e.group_created_at), time(e.created_at), time(e.updated_at))
                for e in ordered if e.identity.is_group
            ],
            long="participants",
        )  # fmt: skip
        driver.insert(
            connection,
            "contacts",
            _CONTACT_COLUMNS,
            [
                (e.account.workspace_id, e.account.id, e.identity.jid, e.identity.lid, e.identity.phone, _cut(e.name),
                 "private", time(e.created_at), time(e.updated_at))
                for e in ordered if not e.identity.is_group
            ],
        )  # fmt: skip
        found |= _known(connection, driver, ordered)
    return found, set(new)


def write_groups(
    connection: Connection,
    progress: TableProgress,
    *,
    driver: Driver,
    theirs: Sequence[SourceGroup],
    accounts: Accounts,
) -> Tally:
    """Copy groups; returns the tally with them."""
    tally = progress.fresh_tally()
    entries: list[tuple[int, list[Entry]]] = []
    for group in theirs:
        account, jid = accounts.get(group.account_id), group_jid(group.jid)
        if account is None:
            tally.skip(Skip.ACCOUNT_NOT_IMPORTED, group.id)
        elif group.workspace_id != account.workspace_id:
            tally.skip(Skip.OTHER_WORKSPACE, group.id)
        elif jid is None:
            tally.skip(Skip.BAD_GROUP_ID, group.id)
        else:
            entries.append((group.id, [_group_entry(group, account, jid)]))
    _write(connection, driver, entries, tally, {"groups": progress.mark})
    return tally


def write_contacts(
    connection: Connection,
    progress: TableProgress,
    *,
    driver: Driver,
    theirs: Sequence[SourceContact],
    links: Sequence[tuple[int, int, str | None]],
    accounts: Accounts,
    groups_mark: int,
) -> Tally:
    """Copy contacts to each account that has written with them; returns the tally with them.

    One that no account has written with goes to its own account, if it names one, or to the workspace's primary one.
    """
    tally = progress.fresh_tally()
    linked: dict[int, list[tuple[int, str | None]]] = {}
    for contact_id, account_id, message_id in links:
        linked.setdefault(contact_id, []).append((account_id, message_id))
    entries: list[tuple[int, list[Entry]]] = []
    for contact in theirs:
        result = _contact_entries(contact, linked.get(contact.id, []), accounts)
        if isinstance(result, Skip):
            tally.skip(result, contact.id)
        else:
            entries.append((contact.id, result))
    _write(connection, driver, entries, tally, {"contacts": progress.mark, "groups": groups_mark})
    return tally


def _write(
    connection: Connection,
    driver: Driver,
    rows: Sequence[tuple[int, list[Entry]]],
    tally: Tally,
    marks: dict[str, int],
) -> None:
    """Write what rows of the back end stand for, and count each row once."""
    found, new = ensure(connection, driver, [entry for _, entries in rows for entry in entries])
    for _, entries in rows:
        keys = {entry.key for entry in entries}
        if keys & new:
            tally.copied += 1
        elif any(found[e.key] > marks["groups" if e.identity.is_group else "contacts"] for e in entries):
            tally.merged += 1
        else:
            tally.already_there += 1
        new -= keys  # whoever comes next with the same one only repeats it


def _group_entry(group: SourceGroup, account: SourceAccount, jid: str) -> Entry:
    members = _members(group.participants)
    owner = own_phone(group.owner_phone)
    return Entry(
        identity=Identity(jid),
        account=account,
        name=group.name,
        owner=None if owner is None else jid_of_phone(owner),
        participants=None if members is None else _encode(members).decode(),
        participants_count=None if members is None else len(members),
        group_created_at=group.group_created_at,
        created_at=group.created_at,
        updated_at=group.updated_at,
    )


def _members(raw: str | None) -> list[Participant] | None:
    try:
        listed: Any = msgspec.json.decode(raw or "null")
    except msgspec.DecodeError:
        return None
    if not isinstance(listed, list):
        return None
    members = []
    for item in listed:
        told = item if isinstance(item, dict) else {"phone": item}
        phone = told.get("phone")
        person = identity_of(phone, group=False) if isinstance(phone, str) else None
        if person is not None and not person.is_group:
            members.append(Participant(id=person.jid, admin=told.get("isAdmin") is True))
    return members


def _contact_entries(
    contact: SourceContact, linked: Sequence[tuple[int, str | None]], accounts: Accounts
) -> list[Entry] | Skip:
    if contact.workspace_id is not None and contact.workspace_id not in accounts.workspaces:
        return Skip.WORKSPACE_NOT_IMPORTED
    if contact.deleted and not linked:
        return Skip.DELETED
    identity = identity_of(contact.phone, group=contact.is_group)
    if identity is None:
        return Skip.BAD_NUMBER
    spellings: dict[int, str | None] = {}
    for account_id, message_id in linked:
        spellings[account_id] = message_id or spellings.get(account_id)
    if contact.account_id is not None:
        spellings.setdefault(contact.account_id, None)
    chosen = [account for account_id in sorted(spellings) if (account := accounts.get(account_id)) is not None]
    chosen = [account for account in chosen if contact.workspace_id in {None, account.workspace_id}]
    if not chosen and contact.workspace_id is not None:
        home = accounts.home(contact.workspace_id)
        chosen = [] if home is None else [home]
    if not chosen:
        return Skip.NO_ACCOUNT
    return [
        Entry(
            identity=_spelt(identity, spellings.get(account.id)),
            account=account,
            name=contact.name,
            participants_count=contact.participants_count if identity.is_group else None,
            created_at=contact.created_at,
            updated_at=contact.updated_at,
        )
        for account in chosen
    ]


def _spelt(identity: Identity, message_id: str | None) -> Identity:
    parts = split_id(message_id) if message_id is not None else None
    told = best_identity(identity, parts.chat if parts is not None else None)
    return told if told is not None and told.is_group == identity.is_group else identity


def _cut(name: str | None) -> str | None:
    return name[:NAME] if name else None
