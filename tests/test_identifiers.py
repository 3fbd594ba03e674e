"""Phone numbers and WhatsApp ids, by the table of facts and by properties."""

import re
import string

import pytest
from hypothesis import given, strategies as st

from wasup.identifiers import (
    InvalidIdentifier,
    jid_of_phone,
    kind_of,
    new_message_id,
    new_session_id,
    parse_jid,
    parse_recipient,
    phone_of,
    to_e164,
)

NUMBERS = [
    ("+55 (11) 99999-8888", None, "+5511999998888"),
    ("(+55) 11 99999-8888", None, "+5511999998888"),
    ("\u202a+55 11 99999-8888\u202c", None, "+5511999998888"),
    ("\u200e+55\u00a011\u200b99999\u20118888", None, "+5511999998888"),
    ("＋５５（１１）９９９９９－８８８８", None, "+5511999998888"),  # noqa: RUF001
    ("+٥٥١١٩٩٩٩٩٨٨٨٨", None, "+5511999998888"),
    ("tel:+55-11-99999-8888", None, "+5511999998888"),
    ("TEL: +55 11 99999 8888", None, "+5511999998888"),
    ("0055 11 99999-8888", None, "+5511999998888"),
    ("5511999998888", None, "+5511999998888"),
    ("(11) 99999-8888", "BR", "+5511999998888"),
    ("11999998888", "br", "+5511999998888"),
    ("5511999998888", "US", "+5511999998888"),
    ("+5215512345678", None, "+525512345678"),
    ("5215512345678", None, "+525512345678"),
    ("+1 555 078 3881", None, "+15550783881"),
]
NO_NUMBERS = [
    ("(11) 99999-8888", None, "country is missing"),
    ("11999998888", None, "country is missing"),
    ("12345", None, "country is missing"),
    ("15550783881", None, "country is missing"),
    ("12345", "BR", "of BR"),
    ("11999998888", "Brazil", "no country"),
    ("1-800-FLOWERS", "US", "does not belong"),
    ("+5511999998888 ext 5", None, "does not belong"),
    ("+5511999998888;ext=5", None, "does not belong"),
    ("+5511999998888x5", None, "does not belong"),
    ("+5511999998888 +5511999998887", None, "does not belong"),
    ("5511999998888, 5511999998887", None, "does not belong"),
    ("+5511999998888 / 5511999998887", None, "wrong length"),
    ("++5511999998888", None, "does not belong"),
    ("55+11999998888", None, "does not belong"),
    ("+551199999888²", None, "does not belong"),
    ("+55119999\x008888", None, "does not belong"),
    ("+9995511999998888", None, "wrong length or unknown country"),
    ("+", None, "no digits"),
    ("", None, "no digits"),
    ("9" * 200, None, "at most 15 digits"),
]
IDS = [
    ("5511999998888@c.us", "5511999998888@c.us", "user"),
    ("5215512345678@c.us", "5215512345678@c.us", "user"),
    ("5511999998888@s.whatsapp.net", "5511999998888@c.us", "user"),
    ("5511999998888:12@s.whatsapp.net", "5511999998888@c.us", "user"),
    ("5511999998888.0:12@s.whatsapp.net", "5511999998888@c.us", "user"),
    ("5511999998888_1:3@s.whatsapp.net", "5511999998888@c.us", "user"),
    ("5511999998888@hosted", "5511999998888@c.us", "user"),
    ("123456789012345@lid", "123456789012345@lid", "lid"),
    ("123456789012345:3@lid", "123456789012345@lid", "lid"),
    ("123456789012345@hosted.lid", "123456789012345@lid", "lid"),
    ("120363012345678901@g.us", "120363012345678901@g.us", "group"),
    ("5511999998888-1400000000@g.us", "5511999998888-1400000000@g.us", "group"),
    ("120363012345678901@newsletter", "120363012345678901@newsletter", "newsletter"),
    ("1700000000@broadcast", "1700000000@broadcast", "broadcast"),
    ("status@broadcast", "status@broadcast", "status"),
    ("0@c.us", "0@c.us", "system"),
    ("867051314767696@bot", "867051314767696@bot", "bot"),
    ("US.13491208655302741918", "US.13491208655302741918", "bsuid"),
    ("US.ENT.11815799212886844830", "US.ENT.11815799212886844830", "bsuid"),
]
NO_IDS = [
    ("+5511999998888@c.us", r"leave out the \+"),
    ("5511999998888", "part after @ is missing"),
    ("us.13491208655302741918", "part after @ is missing"),
    ("5511999998888@example.org", "unknown server"),
    ("5511999998888@C.US", "unknown server"),
    ("5511999998888@", "unknown server"),
    ("a@b@c.us", "more than one @"),
    ("@c.us", "looks like"),
    ("hello@c.us", "looks like"),
    ("hello@g.us", "looks like"),
    ("01234@c.us", "looks like"),
    ("5511999998888@c.us\n", "characters that no"),
    ("55119999\u202e98888@c.us", "characters that no"),
    ("٥٥@c.us", "characters that no"),  # noqa: RUF001
    ("5" * 124 + "@c.us", "at most 128"),
]


@pytest.mark.parametrize(("text", "region", "expected"), NUMBERS)
def test_a_typed_number_becomes_e164(text: str, region: str | None, expected: str) -> None:
    """Every usual spelling of a number gives the same E.164 text."""
    assert to_e164(text, region) == expected


@pytest.mark.parametrize(("text", "region", "says"), NO_NUMBERS)
def test_what_is_no_number_is_refused_with_its_reason(text: str, region: str | None, says: str) -> None:
    """The refusal names what is wrong with the number."""
    with pytest.raises(InvalidIdentifier, match=says):
        to_e164(text, region)


@pytest.mark.parametrize(("text", "normal", "kind"), IDS)
def test_a_whatsapp_id_has_one_normal_form_and_kind(text: str, normal: str, kind: str) -> None:
    """Device, agent and old server names disappear, the rest stays."""
    assert str(parse_jid(text)) == normal
    assert kind_of(text) == kind
    assert parse_jid(normal) == parse_jid(text)


@pytest.mark.parametrize(("text", "says"), NO_IDS)
def test_what_is_no_whatsapp_id_is_refused_with_its_reason(text: str, says: str) -> None:
    """The refusal names what is wrong with the id."""
    with pytest.raises(InvalidIdentifier, match=says):
        parse_jid(text)


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("5511999998888@c.us", "+5511999998888"),
        ("5215512345678@c.us", "+5215512345678"),
        ("0@c.us", None),
        ("123456789012345@lid", None),
        ("120363012345678901@g.us", None),
        ("status@broadcast", None),
        ("hello@c.us", None),
        ("", None),
    ],
)
def test_only_a_persons_phone_id_has_a_phone(text: str, phone: str | None) -> None:
    """A LID or a group never yields a phone number."""
    assert phone_of(text) == phone


@pytest.mark.parametrize(
    ("text", "region", "normal"),
    [
        ("+55 11 99999-8888", None, "5511999998888@c.us"),
        ("11 99999-8888", "BR", "5511999998888@c.us"),
        (" 5511999998888:1@s.whatsapp.net ", None, "5511999998888@c.us"),
        ("5215512345678@c.us", None, "5215512345678@c.us"),
        ("123456789012345@lid", None, "123456789012345@lid"),
        ("120363012345678901@g.us", None, "120363012345678901@g.us"),
        ("US.13491208655302741918", None, "US.13491208655302741918"),
    ],
)
def test_a_recipient_is_a_number_or_an_id(text: str, region: str | None, normal: str) -> None:
    """Either spelling ends as the same normal id."""
    assert parse_recipient(text, region) == normal


@pytest.mark.parametrize("text", ["status@broadcast", "0@c.us", "1700000000@broadcast"])
def test_nobody_writes_to_the_status_feed_or_to_whatsapp_itself(text: str) -> None:
    """Ids that are not chats are refused as recipients."""
    with pytest.raises(InvalidIdentifier, match="Nothing can be sent"):
        parse_recipient(text)


@pytest.mark.parametrize("text", ["5511999998888", "+0511999998888", "+55 11 99999-8888", "+1", ""])
def test_only_e164_becomes_an_id(text: str) -> None:
    """What people typed must pass through to_e164 first."""
    with pytest.raises(InvalidIdentifier):
        jid_of_phone(text)


def test_generated_ids_have_whatsapps_shape_and_differ() -> None:
    """Message ids look like WhatsApp Web's, session ids like the data model's."""
    ids = {new_message_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"3EB0[0-9A-F]{18}", one) for one in ids)
    assert re.fullmatch(r"webjs_42_1700000000000_[0-9a-z]{8}", new_session_id("webjs", 42, 1_700_000_000_000))


@given(st.text(max_size=150))
def test_parsing_any_text_gives_a_stable_id_or_a_refusal(text: str) -> None:
    """No text makes a parser fail in another way, and a normal form is its own normal form."""
    try:
        jid = parse_jid(text)
    except InvalidIdentifier:
        return
    assert str(parse_jid(str(jid))) == str(jid)


@given(st.from_regex(r"[0-9.:_+-]{0,22}@(c\.us|lid|g\.us|broadcast|s\.whatsapp\.net|hosted\.lid)", fullmatch=True))
def test_near_ids_are_parsed_or_refused(text: str) -> None:
    """The same for texts that look much like ids."""
    test_parsing_any_text_gives_a_stable_id_or_a_refusal.hypothesis.inner_test(text)  # type: ignore[attr-defined]


@given(
    st.text(max_size=40) | st.text(alphabet=string.digits + "+-() ", max_size=20), st.sampled_from([None, "BR", "US"])
)
def test_any_text_is_e164_or_a_refusal(text: str, region: str | None) -> None:
    """What comes out is always E.164, and stays itself when it goes in again."""
    try:
        number = to_e164(text, region)
    except InvalidIdentifier:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{4,14}", number)
    assert to_e164(number) == number
    assert phone_of(jid_of_phone(number)) == number
