// Writes src/api/schema.d.ts from wasup's OpenAPI document: `npm run types -- openapi.json`.
// With --check it only says whether the file is current. Errors all have one shape, and examples are for people:
// both are left out, which makes the file a tenth of what it would be.

import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const TARGET = new URL("../src/api/schema.d.ts", import.meta.url);
const HEAD = "// Made by `npm run types` from /openapi.json; not to be edited.\n\n";
const NOISE = new Set(["description", "summary", "example", "examples", "title", "headers", "default"]);

function slimmed(value, inProperties = false) {
  if (Array.isArray(value)) return value.map((item) => slimmed(item));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => inProperties || !NOISE.has(key))
      .map(([key, item]) => [key, slimmed(item, key === "properties" || key === "schemas")]),
  );
}

const [source, flag] = process.argv.slice(2);
const document = slimmed(JSON.parse(readFileSync(source, "utf8")));
for (const methods of Object.values(document.paths)) {
  for (const operation of Object.values(methods)) {
    const good = Object.entries(operation.responses).filter(([status]) => Number(status) < 300);
    operation.responses = Object.fromEntries(good.map(([status, answer]) => [status, { ...answer, description: "" }]));
  }
}
const made =
  HEAD + astToString(await openapiTS(document, { alphabetize: true, rootTypes: true, rootTypesNoSchemaPrefix: true }));

if (flag !== "--check") writeFileSync(TARGET, made);
else if (readFileSync(TARGET, "utf8") !== made) {
  console.error("src/api/schema.d.ts is not current: npm run types -- openapi.json");
  process.exitCode = 1;
}
