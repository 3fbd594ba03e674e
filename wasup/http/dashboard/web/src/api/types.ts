/** Shapes of the API by short names. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Account = Schemas["AccountView"];
export type AccountStatus = Schemas["AccountStatus"];
export type AccountHealth = Schemas["AccountHealth"];
export type AccountStats = Schemas["AccountStats"];
export type Transition = Schemas["TransitionView"];
export type Chat = Schemas["Chat"];
export type Message = Schemas["StoredMessage"];
export type Content = Message["content"];
export type ActorNode = Schemas["ActorNode"];
export type Exit = Schemas["Exit"];
export type Happening = Schemas["Happening"];
export type Endpoint = Schemas["EndpointView"];
export type Attempt = Schemas["Attempt"];
export type DeadLetter = Schemas["DeadLetter"];
export type Replay = Schemas["Replay"];
export type KeyRecord = Schemas["KeyRecord"];
export type Scope = Schemas["Scope"];
export type Values = Schemas["Values"];
export type Changes = Schemas["Changes"];
export type AuditEntry = Schemas["AuditEntry"];
export type StoredEvent = Schemas["StoredEvent"];
export type ProblemDetails = Schemas["ProblemDetails"];
export type Overview = Schemas["OverviewView"];
export type OverviewPoint = Schemas["Point"];
export type Workspace = Schemas["Workspace"];
export type Uploaded = Schemas["Uploaded"];

export interface Page<T> {
  data: T[];
  next_cursor?: string | null;
}
