"""`/api/workspaces`: tenants, for admin keys."""

from typing import Final

from wasup.http.auth import Scope
from wasup.http.cursors import Id, Page
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.problems import not_found
from wasup.http.schemas import CreateWorkspace
from wasup.ports.store import Workspace

__all__ = ["ROUTES"]

ROUTES: Final = Routes("workspaces", "Tenants; only an admin key, one without a workspace, gets here.")


@ROUTES.add("GET", "/api/workspaces", scope=Scope.ADMIN, answers={200: ("All workspaces.", Page[Workspace])})
async def list_workspaces(call: Call[NoQuery, None]) -> Reply:
    """List workspaces."""
    return Reply(Page(data=tuple(await call.services.keys.workspaces())))


@ROUTES.add(
    "POST", "/api/workspaces", scope=Scope.ADMIN, answers={201: ("The new workspace.", Workspace)}, located=True
)
async def create_workspace(call: Call[NoQuery, CreateWorkspace]) -> Reply:
    """Create a workspace."""
    workspace = await call.services.keys.create_workspace(call.body.name)
    return Reply(workspace, 201, {"Location": f"/api/workspaces/{workspace.id}"})


@ROUTES.add(
    "GET",
    "/api/workspaces/<id:workspace_id>",
    scope=Scope.ADMIN,
    answers={200: ("The workspace.", Workspace)},
    errors=(404,),
)
async def show_workspace(call: Call[NoQuery, None], workspace_id: Id) -> Reply:
    """Show a workspace."""
    return _shown(await call.services.upkeep.workspace(workspace_id))


@ROUTES.add(
    "PATCH",
    "/api/workspaces/<id:workspace_id>",
    scope=Scope.ADMIN,
    answers={200: ("The workspace as it is now.", Workspace)},
    errors=(404,),
)
async def update_workspace(call: Call[NoQuery, CreateWorkspace], workspace_id: Id) -> Reply:
    """Give a workspace another name."""
    return _shown(await call.services.upkeep.rename_workspace(workspace_id, call.body.name))


def _shown(workspace: Workspace | None) -> Reply:
    if workspace is None:
        raise not_found("workspace")
    return Reply(workspace)
