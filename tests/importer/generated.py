"""A hundred thousand rows of the back end, made by the server itself, and what SQL says must become of them."""

from tests.importer.backend import Backend

__all__ = ["IMPORTABLE", "ROWS", "generate"]

ROWS = 100_000
CONTACTS = 2_000
IMPORTABLE = "whatsapp_account_id IS NOT NULL AND deleted_at IS NULL"
"""Which of them are messages of somebody's, as SQL."""

_DIGITS = "(" + " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10)) + ")"


def _numbers(count: int) -> str:
    """A derived table `s` with the numbers from 1 to a power of ten or less."""
    places = len(str(count - 1))
    joined = " CROSS JOIN ".join(f"{_DIGITS} AS d{place}" for place in range(places))
    total = " + ".join(f"d{place}.d * {10**place}" for place in range(places))
    return f"(SELECT n FROM (SELECT {total} + 1 AS n FROM {joined}) AS numbers WHERE n <= {count}) AS s"


async def generate(backend: Backend, rows: int = ROWS) -> None:
    """Fill a database of point 5.

    5 workspaces, 50 accounts, 2,000 contacts (one in a hundred is a group) of two accounts each. One row in 97
    names no account, one in 89 is deleted, one in 83 repeats an earlier message; half of the texts are encoded twice.
    """
    await backend.run(
        "INSERT INTO workspaces (id, uuid, identifier, name, created_by, created_at)"
        f" SELECT n, UUID(), n, CONCAT('Shop ', n), 1, '2025-10-01' FROM {_numbers(5)}"
    )
    await backend.run(
        "INSERT INTO whatsapp_accounts (id, uuid, workspace_id, session_id, phone_number, status, is_primary,"
        " created_by, created_at) SELECT n, UUID(), (n - 1) % 5 + 1, CONCAT('webjs_', n), 6281200000000 + n,"
        f" 'connected', n <= 5, 1, '2025-10-01' FROM {_numbers(50)}"
    )
    await backend.run(
        "INSERT INTO contacts (id, uuid, workspace_id, first_name, phone, type, created_by, created_at)"
        " SELECT n, UUID(), n % 5 + 1, CONCAT('Person ', n), IF(n % 100 = 7, CONCAT(120363000000000000 + n),"
        " CONCAT('+', 6281300000000 + n)), IF(n % 100 = 7, 'group', 'individual'), 0, '2025-10-02'"
        f" FROM {_numbers(CONTACTS)}"
    )
    # c: the contact; m: the message, which is an earlier one's number again now and then.
    base = f"(SELECT n, n % {CONTACTS} + 1 AS c, IF(n % 83 = 0 AND n > 12000, n - 12000, n) AS m FROM {_numbers(rows)})"
    jid = "IF(c % 100 = 7, CONCAT(120363000000000000 + c, '@g.us'), CONCAT(6281300000000 + c, '@c.us'))"
    await backend.run(
        "INSERT INTO chats (id, uuid, workspace_id, whatsapp_account_id, wam_id, whatsapp_message_id, contact_id,"
        " type, metadata, status, message_status, ack_level, provider_type, chat_type, is_read, deleted_at, created_at)"
        " SELECT n, UUID(), ws, IF(n % 97 = 0, NULL, ws + 5 * ((c + n DIV 2000 % 2) % 10)), wid, wid, c,"
        " IF(n % 3 = 0, 'outbound', 'inbound'), IF(m % 2, body, JSON_QUOTE(body)), 'sent',"
        " ELT(m % 5 + 1, 'pending', 'sent', 'delivered', 'read', 'failed'), NULL,"
        " IF(n % 97 = 0, 'meta', 'webjs'), NULL, m % 2, IF(n % 89 = 0, '2025-11-20', NULL),"
        " '2025-11-01' + INTERVAL m SECOND FROM (SELECT n, c, m, c % 5 + 1 AS ws,"
        f" CONCAT(IF(n % 3 = 0, 'true_', 'false_'), {jid}, '_3EB0', LPAD(HEX(m), 12, '0')) AS wid,"
        " CAST(JSON_OBJECT('body', CONCAT('Message ', m, ' ¡olé! 🌸'), 'type', 'chat', 'has_media', FALSE,"
        f" 'sender_phone', '6281300000001') AS CHAR) AS body FROM {base} AS numbered) AS made"
    )
