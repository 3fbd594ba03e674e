"""`/api/media`: files to be sent, uploaded once and sent as often as one likes."""

from typing import Annotated, Final

import msgspec

from wasup.http.auth import Scope
from wasup.http.contents import store_media
from wasup.http.cursors import Id
from wasup.http.operations import Call, Reply, Routes, Upload
from wasup.http.problems import invalid_field, not_found
from wasup.http.routes.messages import file_answer
from wasup.http.tenancy import target_workspace
from wasup.media import MediaKind, kind_of_mime, sniff

__all__ = ["ROUTES"]

ROUTES: Final = Routes("media", "Files to be sent.")


class UploadQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Only an admin key names the workspace."""

    workspace_id: Id | None = None


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """A stored file.

    Attributes:
        id: names the file in messages; the SHA-256 digest of its content, so the same file has the same id.
        mime: what its content shows; null if that is nothing known.
        kind: as what it would best be sent.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size: int
    mime: str | None
    kind: MediaKind


@ROUTES.add(
    "POST",
    "/api/media",
    scope=Scope.SEND,
    answers={201: ("Stored.", Uploaded)},
    errors=(404, 507),
    located=True,
)
async def upload_media(call: Call[UploadQuery, Upload]) -> Reply:
    """Upload a file.

    The request's body is the file itself, whatever its `Content-Type`: what it is, its content tells.
    """
    data = call.body.data
    workspace_id = await target_workspace(call.services, call.caller, call.query.workspace_id, parameter=True)
    if not data:
        raise invalid_field("the file is empty")
    digest = await store_media(call.services, workspace_id, data)
    mime = sniff(data)
    uploaded = Uploaded(id=digest, size=len(data), mime=mime, kind=kind_of_mime(mime or ""))
    return Reply(uploaded, 201, {"Location": f"/api/media/{digest}"})


@ROUTES.add(
    "GET",
    "/api/media/<media_id>",
    scope=Scope.READ,
    answers={200: ("The file.", None)},
    media=("application/octet-stream",),
    errors=(404,),
)
async def show_upload(call: Call[UploadQuery, None], media_id: str) -> Reply:
    """Fetch an uploaded file."""
    workspace_id = await target_workspace(call.services, call.caller, call.query.workspace_id, parameter=True)
    try:
        data = await call.services.media.get(workspace_id, media_id)
    except LookupError:
        raise not_found("media") from None
    return file_answer(data, None, media_id)
