"""`/api/workspaces`: tenants, for admin keys."""

from typing import Final

from wasup.http.auth import Scope
from wasup.http.cursors import Page
from wasup.http.operations import Call, NoQuery, Reply, Routes
from wasup.http.schemas import CreateWorkspace
from wasup.ports.store import Workspace

__all__ = ["ROUTES"]

ROUTES: Final = Routes("workspaces", "Tenants; only an admin key, one without a workspace, gets here.")


@ROUTES.add("GET", "/api/workspaces", scope=Scope.ADMIN, answers={200: ("All workspaces.", Page[Workspace])})
async def list_workspaces(call: Call[NoQuery, None]) -> Reply:
    """List workspaces."""
    return Reply(Page(data=tuple(await call.services.keys.workspaces())))


@ROUTES.add("POST", "/api/workspaces", scope=Scope.ADMIN, answers={201: ("The new workspace.", Workspace)})
async def create_workspace(call: Call[NoQuery, CreateWorkspace]) -> Reply:
    """Create a workspace."""
    return Reply(await call.services.keys.create_workspace(call.body.name), 201)
