// The module registry, with the calling conventions of Meta's loader that injected libraries rely on:
// `__d`, `require`, `require('__debug').modulesMap`, `importNamespace`, `importDefault`, `ErrorGuard`.

const modules = Object.create(null);
const namespaces = new Map();

function load(id) {
  if (id === '__debug') return { modulesMap: modules };
  const module = modules[id];
  if (!module) throw new Error(`Requiring unknown module "${id}"`);
  if (!module.loaded) {
    const holder = { exports: module.exports };
    module.factory(window, load, importDefault, importNamespace, null, holder, holder.exports);
    module.exports = holder.exports;
    module.loaded = true;
  }
  return module.exports;
}

// An ES module is its own namespace. Anything else is wrapped, and the wrapper is kept: libraries overwrite
// functions on it.
function importNamespace(id) {
  const exports = load(id);
  if (exports && exports.__esModule) return exports;
  if (!namespaces.has(id)) {
    const own = typeof exports === 'object' ? exports : null;
    namespaces.set(id, Object.assign({}, own, { default: exports }));
  }
  return namespaces.get(id);
}

function importDefault(id) {
  const exports = load(id);
  return exports && exports.__esModule ? exports.default : exports;
}

function define(id, dependencies, factory) {
  modules[id] = { factory, dependencies, exports: {}, loaded: false };
}

/** Define an ES module by its named exports. Callers inside the page go through `exportsOf`, as libraries wrap members. */
export function defineModule(id, members) {
  define(id, [], (_window, _require, _default, _namespace, _nothing, _module, exports) => {
    Object.defineProperty(exports, '__esModule', { value: true });
    Object.assign(exports, members);
  });
}

/** Define a CommonJS module: `require(id)` is the value itself. */
export function defineValue(id, value) {
  define(id, [], (_window, _require, _default, _namespace, _nothing, module) => {
    module.exports = value;
  });
}

/** The exports of a module as they are now, with whatever a library put around them. */
export const exportsOf = load;

/** Take a module away, as if WhatsApp had renamed it. */
export function removeModule(id) {
  delete modules[id];
  namespaces.delete(id);
}

/** Take a member of a module away; without a name, all of them. */
export function changeModule(id, member) {
  const exports = load(id);
  for (const name of member ? [member] : Object.keys(exports)) {
    exports[`${name}2`] = exports[name];
    delete exports[name];
  }
}

/** Show the registry to libraries; everything is defined by then. */
export function openLoader() {
  window.ErrorGuard = {
    skipGuardGlobal() {},
    applyWithGuard: (callee, context, parameters) => callee.apply(context, parameters),
  };
  window.importNamespace = importNamespace;
  window.importDefault = importDefault;
  window.__d = define;
  window.require = load;
}
