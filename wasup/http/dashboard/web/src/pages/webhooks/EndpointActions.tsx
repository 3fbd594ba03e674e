import { useState } from "preact/hooks";
import { api, unwrap } from "../../api/client";
import type { Endpoint } from "../../api/types";
import { confirmed } from "../../components/Confirm";
import { Menu } from "../../components/Menu";
import { attempt, notify } from "../../state/toasts";
import { EndpointForm } from "./EndpointForm";
import { RotateSecret } from "./RotateSecret";

interface EndpointActionsProps {
  endpoint: Endpoint;
  onChange: () => void;
  onDelete: () => void;
}

type Command = "pause" | "resume" | "enable" | "disable";

const DONE: Record<Command, string> = {
  pause: "Paused: what happens is kept for it until it is resumed.",
  resume: "Resumed: what waits is due at once.",
  enable: "Enabled: what waits is due at once. Replay brings what happened meanwhile.",
  disable: "Disabled: it gets nothing, and nothing is kept for it.",
};

export function EndpointActions({ endpoint, onChange, onDelete }: EndpointActionsProps) {
  const [open, setOpen] = useState<"" | "edit" | "rotate">("");
  const params = { path: { endpoint_id: endpoint.id } };
  const close = (): void => setOpen("");

  const command = async (name: Command): Promise<void> => {
    const doing = () => unwrap(api.POST(`/api/webhook-endpoints/{endpoint_id}/${name}`, { params }));
    if (await attempt(doing, DONE[name])) onChange();
  };
  const test = async (): Promise<void> => {
    await attempt(async () => {
      const answer = await unwrap(api.POST("/api/webhook-endpoints/{endpoint_id}/test", { params }));
      notify(`Test event ${answer.outcome}: ${answer.detail}`, answer.outcome === "delivered" ? "done" : "error");
    });
    onChange();
  };
  const remove = async (): Promise<void> => {
    const text = "What waits for it is dropped with it, and so are its dead letters.";
    if (!(await confirmed(`Delete endpoint ${endpoint.id}?`, text, "Delete"))) return;
    const doing = () => unwrap(api.DELETE("/api/webhook-endpoints/{endpoint_id}", { params }));
    if (await attempt(doing, "Deleted.")) onDelete();
  };
  const main: Command = endpoint.state === "active" ? "pause" : endpoint.state === "paused" ? "resume" : "enable";
  return (
    <>
      <button type="button" class="small" onClick={() => void test()}>
        Send test event
      </button>
      <button type="button" class="quiet small" onClick={() => void command(main)}>
        {{ pause: "Pause", resume: "Resume", enable: "Enable", disable: "Disable" }[main]}
      </button>
      <button type="button" class="quiet small" onClick={() => setOpen("edit")}>
        Edit
      </button>
      <Menu
        label="More for this endpoint"
        actions={[
          { name: "Rotate secret", run: () => setOpen("rotate") },
          ...(endpoint.state === "disabled" ? [] : [{ name: "Disable", run: () => command("disable") }]),
          { name: "Delete", run: remove, danger: true },
        ]}
      />
      {open === "edit" && <EndpointForm endpoint={endpoint} onClose={close} onSaved={onChange} />}
      {open === "rotate" && <RotateSecret endpoint={endpoint} onClose={close} onRotated={onChange} />}
    </>
  );
}
