/** Which workspace something is of: only an admin key, which has none of its own, is asked. */

import { api, unwrap } from "../api/client";
import type { Workspace } from "../api/types";
import { useResource, type Resource } from "../lib/resource";
import { isAdmin } from "../state/session";
import { textOf } from "./Form";
import { Field } from "./Field";

interface WorkspaceFieldProps {
  /** What no workspace means; without it one must be chosen. */
  none?: string;
}

const useWorkspaces = (): Resource<Workspace[]> =>
  useResource("workspaces", async () =>
    isAdmin.value ? (await unwrap(api.GET("/api/workspaces"))).data : [],
  );

interface WorkspaceFilterProps {
  value: number | undefined;
  onChange: (workspace: number | undefined) => void;
}

/** Shows the things of one workspace or of all; nothing where there is no choice. */
export function WorkspaceFilter({ value, onChange }: WorkspaceFilterProps) {
  const workspaces = useWorkspaces().data ?? [];
  if (workspaces.length < 2) return null;
  return (
    <select
      aria-label="Workspace"
      value={value === undefined ? "" : String(value)}
      onChange={(event) => onChange(Number(event.currentTarget.value) || undefined)}
    >
      <option value="">All workspaces</option>
      {workspaces.map((workspace) => (
        <option key={workspace.id} value={workspace.id}>
          {workspace.name}
        </option>
      ))}
    </select>
  );
}

/** The workspace that an address names: `?workspace=3`. */
export const workspaceIn = (query: Record<string, string>): number | undefined =>
  (isAdmin.value && Number(query["workspace"])) || undefined;

/** To which workspace something new is to belong. */
export function WorkspaceField({ none }: WorkspaceFieldProps) {
  const workspaces = useWorkspaces();
  if (!isAdmin.value || !workspaces.data) return null; // whole or not at all: a list that grows keeps its first choice
  return (
    <Field label="Workspace">
      <select name="workspace_id">
        {workspaces.data.map((workspace) => (
          <option key={workspace.id} value={workspace.id}>
            {workspace.name}
          </option>
        ))}
        {none && <option value="">{none}</option>}
      </select>
    </Field>
  );
}

export function workspaceOf(data: FormData): number | null {
  const value = textOf(data, "workspace_id");
  return value === null ? null : Number(value);
}
