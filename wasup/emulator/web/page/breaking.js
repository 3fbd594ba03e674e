// Breakages that a developer asks for: some are there when the page loads, some strike an open page.

import { changeModule, removeModule } from './loader.js';
import { onFrame } from './socket.js';
import { paired } from './session.js';
import { breakages } from './settings.js';

const TOO_DEEP = 100_000;

// Pages cannot end their renderer on purpose, but Chromium's parser of selectors has only so much stack.
function crash() {
  document.body.matches(`${':is('.repeat(TOO_DEEP)}a${')'.repeat(TOO_DEEP)}`);
}

function hang() {
  for (;;); // a renderer that never answers again
}

const BREAK = {
  module_missing: ({ module }) => removeModule(module),
  module_changed: ({ module, member }) => changeModule(module, member),
  crash,
  hang,
};

onFrame('break', (breakage) => BREAK[breakage.what]?.(breakage));

/** Strike this page with what waits for it. */
export function breakAtLoad() {
  const mine = paired()?.me.id.split('@')[0];
  for (const breakage of breakages) {
    if (breakage.phone === null || breakage.phone === mine) BREAK[breakage.what]?.(breakage);
  }
}
